// `npm run interruptions`: starts `npm test` again and again, interrupts it at a random moment, and looks for what it left: processes,
// unix users, folders. Linux only. Exit 1 when anything was left.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { readCommandLine } from '../../deploy/command-line.ts'
import { pidsWithEnvironment } from '../world/orgo/processes.ts'

const ROOT = join(import.meta.dirname, '../..')
const { values } = readCommandLine({
  command: 'npm run interruptions',
  about: 'Starts `npm test`, interrupts it at a random moment, and looks for what it left.',
  flags: {
    each: { about: 'interruptions of each kind', number: 'N', default: 5 },
    longest: { about: 'seconds until the latest one', number: 'N', default: 60 },
  },
})
const EARLIEST_MS = 500

/** How it is struck: as a terminal does it (every process of the group), vitest's own process alone, or npm alone. */
type Way = 'group' | 'vitest' | 'npm'
const WAYS: [NodeJS.Signals, Way][] = [
  ['SIGINT', 'group'],
  ['SIGTERM', 'group'],
  ['SIGHUP', 'group'],
  ['SIGINT', 'vitest'],
  ['SIGTERM', 'vitest'],
  ['SIGKILL', 'vitest'],
  ['SIGTERM', 'npm'],
  ['SIGKILL', 'npm'],
]

interface Traces {
  users: string[]
  folders: string[]
}
const traces = (): Traces => ({
  users: readFileSync('/etc/passwd', 'utf8').split('\n'),
  folders: [ROOT, homedir(), join(ROOT, '.wrangler/tmp')].flatMap((folder) =>
    list(folder).map((name) => join(folder, name)),
  ),
})

let problems = 0
for (let round = 0; round < values.each; round++)
  for (const [signal, way] of WAYS) {
    const left = await interruptOnce(signal, way)
    problems += left.length
    for (const line of left) console.log(`    left: ${line}`)
  }
console.log(`${values.each * WAYS.length} interruptions, ${problems} things left behind`)
process.exit(problems === 0 ? 0 : 1)

async function interruptOnce(signal: NodeJS.Signals, way: Way): Promise<string[]> {
  // Everything the run starts has this folder in its environment.
  const folder = mkdtempSync(join(tmpdir(), 'interruption-'))
  const before = traces()
  const npm = spawn('npm', ['test'], {
    cwd: ROOT,
    env: { ...process.env, TMPDIR: folder },
    detached: true,
    stdio: 'ignore',
  })
  const afterMs = EARLIEST_MS + Math.random() * values.longest * 1_000
  await new Promise((resolve) => setTimeout(resolve, afterMs))
  const running = pidsWithEnvironment(folder)
  strike(npm, running, signal, way)
  if (npm.exitCode === null && npm.signalCode === null) await once(npm, 'exit')
  // npm may end before the program it started has cleaned up.
  const untilMs = Date.now() + 60_000
  while (pidsWithEnvironment(folder).length > 0 && Date.now() < untilMs)
    await new Promise((resolve) => setTimeout(resolve, 100))
  const after = traces()
  const left = [
    ...pidsWithEnvironment(folder).map((pid) => `process ${pid}: ${read(`/proc/${pid}/cmdline`)}`),
    // npm keeps a cache of its own programs there, whatever it runs.
    ...list(folder)
      .filter((name) => name !== 'node-compile-cache')
      .map((name) => `folder ${join(folder, name)}`),
    ...after.users.filter((line) => line.includes(folder)).map((line) => `user ${line}`),
    ...after.folders.filter((path) => !before.folders.includes(path)).map((path) => `path ${path}`),
  ]
  rmSync(folder, { recursive: true, force: true })
  console.log(
    `${signal} to ${way} after ${(afterMs / 1_000).toFixed(1)} s: ${running.length} processes ran, ${left.length} things left`,
  )
  return left
}

function strike(npm: ChildProcess, running: number[], signal: NodeJS.Signals, way: Way): void {
  if (npm.pid === undefined) return
  try {
    if (way === 'group') process.kill(-npm.pid, signal)
    else if (way === 'npm') process.kill(npm.pid, signal)
    else
      for (const pid of running.filter((one) => /vitest\0run/.test(read(`/proc/${one}/cmdline`))))
        process.kill(pid, signal)
  } catch {
    // It has ended by itself.
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return [] // There is none.
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return '' // It has ended.
  }
}
