// Finds and signals every process of a machine from outside. It reads /proc, because a process that called
// setsid or was adopted by the machine's first process is in no process group of ours.

import { execFileSync } from 'node:child_process'
import { readFileSync, readdirSync, readlinkSync } from 'node:fs'

/**
 * Returns host pids whose pid namespace is `inode` (as /proc/PID/ns/pid names it) or one that was made inside of it: the first
 * process of such a one has a parent outside of it.
 */
export function pidsInNamespace(inode: number): number[] {
  const own = namespaceOf('self')
  const namespaces = new Map(
    hostPids()
      .map((pid) => [pid, namespaceOf(pid)] as const)
      .filter(([, name]) => name !== own && name !== ''),
  )
  const isInside = (pid: number): boolean => {
    const name = namespaces.get(pid)
    return name !== undefined && (name === `pid:[${inode}]` || isInside(parentOf(pid)))
  }
  return [...namespaces.keys()].filter(isInside)
}

function namespaceOf(pid: number | 'self'): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`)
  } catch {
    return '' // the process has ended or belongs to another user
  }
}

/** Returns host pids whose environment contains `marker` (NAME=value). On systems without /proc it asks ps. */
export function pidsWithEnvironment(marker: string): number[] {
  if (process.platform !== 'linux') return pidsByPs(marker)
  return hostPids().filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(marker)
    } catch {
      return false
    }
  })
}

/** Signals all processes until `isDone` accepts all that are left. It looks again, because a process may fork meanwhile. */
export async function signalAll(
  list: () => number[],
  signal: NodeJS.Signals,
  isDone: (pid: number) => boolean,
): Promise<void> {
  const deadlineMs = Date.now() + 10_000
  for (;;) {
    const rest = list().filter((pid) => !isDone(pid))
    if (rest.length === 0) return
    if (Date.now() > deadlineMs) throw new Error(`processes ${rest.join(', ')} did not take ${signal}`)
    for (const pid of rest) trySignal(pid, signal)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

export function isStopped(pid: number): boolean {
  return ['T', 't', 'Z', ''].includes(processState(pid))
}

export function isNotStopped(pid: number): boolean {
  return !['T', 't'].includes(processState(pid))
}

export function trySignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // The process has already ended, so the signal is not needed.
  }
}

/** Returns the state letter of /proc/PID/stat; empty when the process has ended. */
const processState = (pid: number): string => afterName(pid)[0] ?? ''

/** Returns 0 when the process has ended. */
const parentOf = (pid: number): number => Number(afterName(pid)[1] ?? 0)

/** Returns the fields of /proc/PID/stat after the name, in which anything may stand. */
function afterName(pid: number): string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return []
  }
}

function hostPids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .map(Number)
}

function pidsByPs(marker: string): number[] {
  const lines = execFileSync('ps', ['axeww', '-o', 'pid=,command='], { encoding: 'utf8' }).split('\n')
  return lines.filter((line) => line.includes(marker)).map((line) => Number.parseInt(line, 10))
}
