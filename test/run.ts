// `npm test` and `npm run test:all`: runs vitest below one folder of its own, and when vitest has ended for whatever reason, ends what
// it left: processes, unix users, mounts, folders. Arguments go to vitest; --all adds the slow projects.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, realpathSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ancestors } from './support/ancestors.ts'
import { cleanUp } from './support/run-folder.ts'

const ROOT = join(import.meta.dirname, '..')
const BIN = join(ROOT, 'node_modules/.bin')
const FAST = ['unit', 'worker', 'real', 'main-job']
const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const
const LOOK_MS = 500

const args = process.argv.slice(2).filter((arg) => arg !== '--all')
const isAll = args.length < process.argv.length - 2
/** Files or projects by name are taken wherever they are. */
const areNamed = args.some((arg) => !arg.startsWith('-') || arg.startsWith('--project'))
const chosen = isAll || areNamed ? [] : FAST

// Plans run as users of their own, which must reach their homes below it.
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'aer-')))
chmodSync(folder, 0o755)
const env = {
  ...process.env,
  // The project's own Node first, as npm itself does it.
  PATH: `${BIN}:${process.env['PATH'] ?? ''}`,
  TMPDIR: folder,
  // Hundreds of small programs start; compiled once, each starts in half the time.
  NODE_COMPILE_CACHE: join(ROOT, 'node_modules/.cache/compiled'),
  AER_TEST_RUN: folder,
}
let child: ChildProcess | null = null
const state: { interruption: string | null } = { interruption: null }

// From the first moment on: between two statements a signal could come.
for (const [signal, number] of Object.entries(SIGNALS))
  process.on(signal, () => interrupt(signal, 128 + number))
// A closed terminal takes no more output, and the cleaning must go on.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
// npm, or the shell between npm and us, may be killed without a word to us.
const above = ancestors()
const looks = setInterval(() => {
  if (ancestors().join() !== above.join()) interrupt('the end of the process that started it', 129)
}, LOOK_MS)

function interrupt(by: string, code: number): void {
  if (state.interruption !== null) return
  state.interruption = by
  process.exitCode = code
  if (child?.pid !== undefined) killGroup(child.pid)
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}

/** A process group of its own, so that Ctrl-C reaches this program first. */
async function run(program: string, programArgs: string[]): Promise<number> {
  if (state.interruption !== null) return 1
  child = spawn(program, programArgs, {
    cwd: ROOT,
    env,
    detached: true,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const started = child
  return new Promise((resolve) => {
    started.once('error', (error) => {
      console.error(`${program} does not start: ${error.message}`)
      resolve(1)
    })
    // A signal to vitest alone ends it too; its workers are ended below.
    started.once('exit', (code, signal) => {
      if (started.pid !== undefined) killGroup(started.pid)
      if (signal !== null) state.interruption ??= signal
      resolve(code ?? 1)
    })
  })
}

function closingLine(): string | null {
  try {
    return readFileSync(join(folder, 'closing-line'), 'utf8')
  } catch {
    return null // vitest did not come to its end
  }
}

let code = await run(process.execPath, ['agent/build.ts'])
if (code === 0) code = await run('vitest', ['run', ...chosen.map((name) => `--project=${name}`), ...args])
const closing = closingLine()
const left = await cleanUp(folder, ROOT)
clearInterval(looks)
if (state.interruption !== null) console.error(`\nInterrupted by ${state.interruption}. ${left}`)
if (closing !== null) console.log(closing)
process.exitCode ??= code
