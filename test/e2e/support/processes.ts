// Processes below our own one: a stack's machines are its children, so that nobody else's are ever hit.
import { readdirSync, readFileSync } from 'node:fs'

/** SIGKILL to every one whose command line holds all the words; how many there were. */
export function killOurs(...words: string[]): number {
  const found = readdirSync('/proc')
    .map(Number)
    .filter(
      (pid) => Number.isInteger(pid) && words.every((word) => commandLine(pid).includes(word)) && isOurs(pid),
    )
  for (const pid of found) kill(pid)
  return found.length
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

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // ended meanwhile
  }
}
