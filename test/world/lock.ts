// One stack per state folder. The lock names its holder by pid and start time, so that one left behind by SIGKILL holds nobody up,
// also when the pid has a new owner.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const LOCK = 'lock'
/** What every state folder of ours holds; nothing else is ever wiped. */
const OURS = 'settings.json'

/** Answers the release. Errors: the folder is in use, with who uses it. */
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

/** Empties a state folder but for the lock. Errors: the folder holds something that is not ours. */
export function wipeStateDir(stateDir: string): void {
  const names = readdirSync(stateDir).filter((name) => name !== LOCK)
  if (names.length > 0 && !names.includes(OURS))
    throw new Error(
      `${stateDir} is no state folder of this stack: it is not wiped. Empty it by hand if you mean it.`,
    )
  for (const name of names) rmSync(join(stateDir, name), { recursive: true, force: true })
}

/** null: there is no such process. */
function startTimeOf(pid: number): string | null {
  if (process.platform !== 'linux') {
    try {
      return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || null
    } catch {
      return null // ps found none
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
    return '' // gone meanwhile
  }
}
