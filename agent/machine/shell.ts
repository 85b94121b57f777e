// One shell command of a plan: set-up, checks and the model's bash tool. Its own process group, output straight to a file (so
// a command that outlives the agent keeps writing and order is exact), a deadline, a size limit.
import { spawn } from 'node:child_process'
import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { cleanOutput } from './output.ts'
import { killGroup } from './process.ts'

export interface ShellInput {
  command: string
  cwd: string
  env: NodeJS.ProcessEnv
  timeoutMs: number
  /** The full output; `{logFile}.sh` and `.cwd` beside it while it runs. */
  logFile: string
  onActivity(): void
  signal?: AbortSignal | undefined
  /** Root runs it as this user; the log stays root's, and where the shell ended is not told. */
  ids?: { uid: number; gid: number } | undefined
}

export interface ShellResult {
  exitCode: number
  seconds: number
  /** Cleaned; of a very long one only the first and last part. */
  output: string
  /** Where the shell stood when it ended. */
  cwd: string
  stopped: 'timeout' | 'too_much_output' | 'cancelled' | null
}

const WATCH_MS = 200
const MAX_LOG_BYTES = 64 * 1024 * 1024
const READ_BYTES = 256 * 1024
/** The longest a timer can wait, 24 days. */
const LONGEST_TIMER_MS = 2 ** 31 - 1
// The command comes from a file: an argument over 128 KB is refused by the kernel, and arguments are readable by every user.
const WRAPPER =
  'ralph_cwd=$1; ralph_script=$2; shift 2; trap \'pwd -P >"$ralph_cwd"\' EXIT; source "$ralph_script"'

/** Processes running now, ended with the agent: its supervisor has gone or wants it to stop. */
const live = new Set<number>()
export function killShells(): void {
  for (const pid of live) killGroup(pid)
}

export async function runShell(input: ShellInput): Promise<ShellResult> {
  const { logFile, cwd } = input
  const startedAt = performance.now()
  const { child, log, files } = launch(input)
  try {
    const { exitCode, stopped } = await watch(child, log, input)
    const seconds = Math.round((performance.now() - startedAt) / 100) / 10
    return {
      exitCode,
      seconds,
      stopped,
      output: cleanOutput(readEnds(logFile)),
      cwd: readCwd(files.cwd) ?? cwd,
    }
  } finally {
    closeSync(log)
    rmSync(files.cwd, { force: true })
    rmSync(files.script, { force: true })
  }
}

export interface Job {
  /** Its process group's id; undefined: it could not be started. */
  pid: number | undefined
  /** null while it runs. */
  exitCode: number | null
}

/** A command that goes on by itself, in its own process group; nothing but the size of its output ends it. */
export function startJob(input: Omit<ShellInput, 'timeoutMs' | 'onActivity' | 'signal'>): Job {
  const { child, log, files } = launch(input)
  const job: Job = { pid: child.pid, exitCode: null }
  void watch(child, log, { ...input, timeoutMs: LONGEST_TIMER_MS, onActivity: () => {} }).then(
    ({ exitCode }) => {
      job.exitCode = exitCode
      closeSync(log)
      rmSync(files.cwd, { force: true })
      rmSync(files.script, { force: true })
    },
  )
  return job
}

interface Launched {
  child: ReturnType<typeof spawn>
  log: number
  files: { cwd: string; script: string }
}

function launch({
  command,
  logFile,
  cwd,
  env,
  ids,
}: Pick<ShellInput, 'command' | 'logFile' | 'cwd' | 'env' | 'ids'>): Launched {
  const files = { cwd: `${logFile}.cwd`, script: `${logFile}.sh` }
  mkdirSync(dirname(logFile), { recursive: true, mode: 0o700 })
  writeFileSync(files.script, `${command}\n`, { mode: 0o600 })
  const log = openSync(logFile, 'w', 0o600)
  const shellArgs = ids === undefined ? [WRAPPER, 'bash', files.cwd, files.script] : [command]
  const child = spawn('bash', ['-c', ...shellArgs], {
    ...ids,
    cwd: existsSync(cwd) ? cwd : (env['HOME'] ?? '/'),
    env,
    stdio: ['ignore', log, log],
    detached: true,
  })
  return { child, log, files }
}

function watch(
  child: ReturnType<typeof spawn>,
  log: number,
  input: ShellInput,
): Promise<Pick<ShellResult, 'exitCode' | 'stopped'>> {
  const { promise, resolve } = Promise.withResolvers<Pick<ShellResult, 'exitCode' | 'stopped'>>()
  let stopped: ShellResult['stopped'] = null
  let size = 0
  const stop = (why: ShellResult['stopped']) => {
    stopped ??= why
    killGroup(child.pid)
  }
  const cancel = () => stop('cancelled')
  const deadline = setTimeout(() => stop('timeout'), input.timeoutMs)
  const watcher = setInterval(() => {
    const now = fstatSync(log).size
    if (now !== size) input.onActivity()
    size = now
    if (size > MAX_LOG_BYTES) stop('too_much_output')
  }, WATCH_MS)
  input.signal?.addEventListener('abort', cancel)
  if (child.pid !== undefined) live.add(child.pid)
  const end = (exitCode: number) => {
    clearTimeout(deadline)
    clearInterval(watcher)
    input.signal?.removeEventListener('abort', cancel)
    if (child.pid !== undefined) live.delete(child.pid)
    resolve({ exitCode, stopped })
  }
  child.once('error', () => end(127))
  child.once('exit', (code) => {
    // A fast one ends between two looks: the same rule holds for it.
    if (fstatSync(log).size > MAX_LOG_BYTES) stopped ??= 'too_much_output'
    end(stopped === 'too_much_output' ? 137 : (code ?? (stopped === 'timeout' ? 124 : 137)))
  })
  return promise
}

/** The whole file, or its first and last quarter megabyte. */
function readEnds(file: string): string {
  const { size } = statSync(file)
  if (size <= 2 * READ_BYTES) return readFileSync(file, 'utf8')
  const fd = openSync(file, 'r')
  const read = (position: number) => {
    const buffer = Buffer.alloc(READ_BYTES)
    return buffer.subarray(0, readSync(fd, buffer, 0, READ_BYTES, position)).toString('utf8')
  }
  try {
    return `${read(0)}\n[... ${size - 2 * READ_BYTES} bytes not shown ...]\n${read(size - READ_BYTES)}`
  } finally {
    closeSync(fd)
  }
}

function readCwd(file: string): string | null {
  const cwd = existsSync(file) ? readFileSync(file, 'utf8').trim() : ''
  return cwd !== '' && existsSync(cwd) ? cwd : null
}
