// Ends what the model left running in the background before its work is proven: a server could answer the proof's tests.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { userInfo } from 'node:os'
import { ownGroups } from '../machine/process.ts'
import type { PlanContext } from '../plan/plan-context.ts'
import { userName } from '../users/users.ts'

/** Ends every other process of the plan but our own programs: a checkpoint may be pushed just now. Returns how many there were. Where there is no /proc, none is ended. */
export function endBackground({ start }: PlanContext): number {
  const kept = new Set([1, ...ancestors(process.pid)])
  const mine = pids().filter((pid) => !kept.has(pid) && isOfPlan(pid, start.id) && !isOurs(pid))
  for (const pid of mine) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // it has ended by itself
    }
  }
  return mine.length
}

function pids(): number[] {
  try {
    return readdirSync('/proc')
      .map(Number)
      .filter((pid) => Number.isInteger(pid))
  } catch {
    return []
  }
}

/** A user of the plan's own runs nothing else. Where plans run as our own user, the environment names the plan. */
function isOfPlan(pid: number, planId: string): boolean {
  try {
    if (statSync(`/proc/${pid}`).uid !== process.getuid?.()) return false
    if (userInfo().username === userName(planId)) return true
    return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(`RALPH_PLAN=${planId}`)
  } catch {
    return false // it has ended
  }
}

const isOurs = (pid: number): boolean => ownGroups().has(readStat(pid)?.group ?? -1)

function ancestors(pid: number): number[] {
  const found = [pid]
  for (let at: number | undefined = pid; at !== undefined && at > 1;) {
    at = readStat(at)?.parent
    if (at !== undefined) found.push(at)
  }
  return found
}

/** Returns null for a process that has ended or that we may not see. */
function readStat(pid: number): { parent: number; group: number } | null {
  try {
    // The name in brackets may hold spaces, so the fields are counted from behind it.
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ')
    return { parent: Number(fields[1]), group: Number(fields[2]) }
  } catch {
    return null
  }
}
