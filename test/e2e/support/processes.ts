// The processes of a stack's machines, so that those of other stacks and other people are never hit: children of ours, or, where a
// machine is no sandbox and its processes have left us, those with the stack's folder in their environment.
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

/** Those whose command line matches. */
export function processesIn(stack: { stateDir: string }, pattern: RegExp): number[] {
  if (process.platform !== 'linux') return processesByPs(stack.stateDir, pattern)
  return readdirSync('/proc')
    .map(Number)
    .filter(
      (pid) =>
        Number.isInteger(pid) &&
        pattern.test(commandLine(pid)) &&
        (isOurs(pid) || read(pid, 'environ').includes(stack.stateDir)),
    )
}

/** How many were signalled. */
export function signalIn(stack: { stateDir: string }, pattern: RegExp, signal: NodeJS.Signals): number {
  const found = processesIn(stack, pattern)
  for (const pid of found) send(pid, signal)
  return found.length
}

/** Its lines hold environment and command. */
function processesByPs(stateDir: string, pattern: RegExp): number[] {
  const lines = execFileSync('ps', ['axeww', '-o', 'pid=,command='], { encoding: 'utf8' }).split('\n')
  return lines
    .filter((line) => line.includes(stateDir) && pattern.test(line))
    .map((line) => Number.parseInt(line, 10))
}

export function isOurs(pid: number): boolean {
  for (let at = pid; at > 1; at = parentOf(at)) if (at === process.pid) return true
  return false
}

export function commandLine(pid: number): string {
  return read(pid, 'cmdline').replaceAll('\0', ' ')
}

/** From the third of proc(5) on: a name before may hold spaces. Empty when the process has ended. */
export const fieldsAfterName = (pid: number): string[] =>
  (read(pid, 'stat').split(') ').at(-1) ?? '').split(' ')
const parentOf = (pid: number): number => Number(fieldsAfterName(pid)[1] ?? 0)

function read(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'latin1')
  } catch {
    return '' // ended meanwhile
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // ended meanwhile
  }
}
