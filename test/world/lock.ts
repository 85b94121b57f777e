// The lock that allows one stack per state folder. It names its holder by pid and start time, so that a lock left by SIGKILL does
// not count, also when another process has the same pid.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const LOCK = 'lock'
/** A file that every state folder of ours has. Other folders are never wiped. */
const OURS = 'settings.json'

/** Takes the lock and returns the function that releases it. Errors: throws when the folder is in use, with the process's name. */
export function lockStateDir(stateDir: string): () => void {
  mkdirSync(stateDir, { recursive: true, mode: 0o755 })
  const file = join(stateDir, LOCK)
  const mine = `${process.pid} ${startTimeOf(process.pid) ?? ''}`
  for (let attempt = 0; ; attempt++) {
    try {
      writeFileSync(file, mine, { flag: 'wx' })
      return () => {
        if (readOrEmpty(file) === mine) rmSync(file, { force: true })
      }
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    }
    const [pid = '', ...since] = readOrEmpty(file).split(' ')
    const isAlive = /^\d+$/.test(pid) && startTimeOf(Number(pid)) === since.join(' ')
    if (isAlive || attempt > 2)
      throw new Error(
        `${stateDir} is in use by another stack (process ${pid}). Stop that one, or choose another folder with --state.`,
      )
    rmSync(file, { force: true })
  }
}

/** Empties a state folder except for the lock. Errors: throws when the folder is not a state folder of ours. */
export function wipeStateDir(stateDir: string): void {
  const names = readdirSync(stateDir).filter((name) => name !== LOCK)
  if (names.length > 0 && !names.includes(OURS))
    throw new Error(
      `${stateDir} is no state folder of this stack: it is not wiped. Empty it by hand if you mean it.`,
    )
  for (const name of names) rmSync(join(stateDir, name), { recursive: true, force: true })
}

/** Returns when a process started; null when there is no such process. */
function startTimeOf(pid: number): string | null {
  if (process.platform !== 'linux') {
    try {
      return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || null
    } catch {
      return null // ps found no such process
    }
  }
  // The command in parentheses may hold anything; the 20th field after it is the start time in ticks since boot.
  const stat = readOrEmpty(`/proc/${pid}/stat`)
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields[0] === 'Z' ? null : (fields[19] ?? null)
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return '' // the process has ended
  }
}
