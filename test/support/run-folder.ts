// Ends what a run of the tests left: every process that was started with the run's folder in its environment or command line, the unix
// users whose homes are in it, what is mounted in it, the folder itself and what the tests had to put elsewhere.
import { spawnSync } from 'node:child_process'
import { appendFileSync, existsSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { pidsWithEnvironment, trySignal } from '../world/orgo/processes.ts'

const PATIENCE_MS = 30_000
const PAUSE_MS = 50
/** How often in a row none is found before all are believed gone: a process may have just started another. */
const QUIET_LOOKS = 3
/** Killed in the middle, these would leave /etc/passwd locked. They end by themselves. */
const LEFT_ALONE = new Set(['useradd', 'userdel'])

/** A path outside of the run's folder that its end must remove. Without a run (`npx vitest run`), only the test removes it. */
export function removeAtEnd(path: string): void {
  const run = process.env['AER_TEST_RUN']
  if (run !== undefined) appendFileSync(join(run, 'elsewhere'), `${path}\n`)
}

/** Returns in one sentence what was found. Never throws: each step is tried, whatever became of the one before. */
export async function cleanUp(folder: string, root: string): Promise<string> {
  const killed = await endProcesses(folder)
  const users = removeUsers(folder)
  for (const place of mountsIn(folder)) spawnSync('umount', ['--lazy', place], { stdio: 'ignore' })
  for (const path of [...elsewhere(folder), ...wranglersFolders(root), folder]) remove(path)
  const problem = existsSync(folder) ? ` ${folder} could not be removed.` : ''
  return `${count(killed, 'process')} and ${count(users, 'unix user')} of it were left and are gone.${problem}`
}

const count = (n: number, what: string): string =>
  `${n} ${what}${n === 1 ? '' : what.endsWith('s') ? 'es' : 's'}`

async function endProcesses(folder: string): Promise<number> {
  const seen = new Set<number>()
  const untilMs = Date.now() + PATIENCE_MS
  for (let quiet = 0; quiet < QUIET_LOOKS && Date.now() < untilMs;) {
    const found = processesOf(folder)
    quiet = found.length === 0 ? quiet + 1 : 0
    for (const pid of found) {
      seen.add(pid)
      if (!LEFT_ALONE.has(nameOf(pid))) trySignal(pid, 'SIGKILL')
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
  }
  return seen.size
}

function processesOf(folder: string): number[] {
  const all =
    process.platform === 'linux'
      ? readdirSync('/proc')
          .map(Number)
          .filter((pid) => Number.isInteger(pid) && belongs(pid, folder))
      : pidsWithEnvironment(folder)
  return all.filter((pid) => pid !== process.pid)
}

/** Linux only. What has ended and waits for its parent to notice (a zombie) has no environment any more. */
function belongs(pid: number, folder: string): boolean {
  try {
    return (
      readFileSync(`/proc/${pid}/environ`, 'latin1').includes(folder) ||
      readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(folder) ||
      readlinkSync(`/proc/${pid}/cwd`).startsWith(folder)
    )
  } catch {
    return false // It has ended, or is another user's.
  }
}

function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'latin1').trim()
  } catch {
    return '' // It has ended.
  }
}

/** Only root makes users. */
function removeUsers(folder: string): number {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 0
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .filter(([, , , , , home = '']) => home.startsWith(`${folder}/`))
  for (const [name = ''] of users) spawnSync('userdel', [name], { stdio: 'ignore' })
  return users.length
}

/** The innermost first. */
function mountsIn(folder: string): string[] {
  if (process.platform !== 'linux') return []
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((place) => place.startsWith(`${folder}/`))
    .toSorted((a, b) => b.length - a.length)
}

function elsewhere(folder: string): string[] {
  const file = join(folder, 'elsewhere')
  return existsSync(file)
    ? readFileSync(file, 'utf8')
        .split('\n')
        .filter((path) => path !== '')
    : []
}

/** A killed wrangler leaves its work in the project. Nothing is removed while another wrangler of this project runs. */
function wranglersFolders(root: string): string[] {
  const folder = join(root, '.wrangler/tmp')
  if (!existsSync(folder) || process.platform !== 'linux') return []
  const isUsed = readdirSync('/proc').some((pid) => {
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, 'latin1')
      return line.includes(join(root, 'node_modules/')) && /wrangler|workerd/.test(line)
    } catch {
      return false // It is no process, or has ended.
    }
  })
  return isUsed ? [] : readdirSync(folder).map((name) => join(folder, name))
}

function remove(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true, maxRetries: 5 })
  } catch (error) {
    console.error(`${path} could not be removed: ${error instanceof Error ? error.message : String(error)}`)
  }
}
