// Runs one shell command of a plan: set-up, checks and the model's bash tool. It has its own process group, a time limit and a size
// limit. Its output goes straight to a file, so that it keeps its order and a command that outlives the agent can go on writing.
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
  /** File for the full output. `{logFile}.sh` and `{logFile}.cwd` are beside it while the command runs. */
  logFile: string
  onActivity(): void
  signal?: AbortSignal | undefined
  /** Root runs the command as this user. The log belongs to root, and the shell's last folder is not reported. */
  ids?: { uid: number; gid: number } | undefined
}

export interface ShellResult {
  exitCode: number
  seconds: number
  /** Cleaned output; only the first and last part of a very long one. */
  output: string
  /** File with the whole output, as the command wrote it. */
  logFile: string
  /** Working directory of the shell when it ended. */
  cwd: string
  stopped: 'timeout' | 'too_much_output' | 'cancelled' | null
}

const WATCH_MS = 200
const MAX_LOG_BYTES = 64 * 1024 * 1024
const READ_BYTES = 256 * 1024
/** The longest time that a timer can wait: 24 days. */
const LONGEST_TIMER_MS = 2 ** 31 - 1
// The command is read from a file: the kernel refuses an argument over 128 KB, and every user can read arguments.
const WRAPPER =
  'ralph_cwd=$1; ralph_script=$2; shift 2; trap \'pwd -P >"$ralph_cwd"\' EXIT; source "$ralph_script"'

/** Process groups running now. killShells() ends them together with the agent. */
const live = new Set<number>()
export function killShells(): void {
  for (const pid of live) killGroup(pid)
}

export async function runShell(input: ShellInput): Promise<ShellResult> {
  const { logFile, cwd } = input
  const startedAt = performance.now()
  const { child, log, files, tidy } = launch(input)
  try {
    const { exitCode, stopped } = await watch(child, log, input)
    const seconds = Math.round((performance.now() - startedAt) / 100) / 10
    return {
      exitCode,
      seconds,
      stopped,
      output: cleanOutput(readEnds(logFile)),
      logFile,
      cwd: readCwd(files.cwd) ?? cwd,
    }
  } finally {
    tidy()
  }
}

export interface Job {
  /** Id of its process group; undefined when it could not be started. */
  pid: number | undefined
  /** null while it runs. */
  exitCode: number | null
}

/** Starts a command that runs in the background. Only the size of its output can end it. */
export function startJob(input: Omit<ShellInput, 'timeoutMs' | 'onActivity' | 'signal'>): Job {
  const { child, log, tidy } = launch(input)
  const job: Job = { pid: child.pid, exitCode: null }
  void watch(child, log, { ...input, timeoutMs: LONGEST_TIMER_MS, onActivity: () => {} }).then(
    ({ exitCode }) => {
      job.exitCode = exitCode
      tidy()
    },
  )
  return job
}

function launch(input: Pick<ShellInput, 'command' | 'logFile' | 'cwd' | 'env' | 'ids'>) {
  const { command, logFile, cwd, env, ids } = input
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
  const tidy = () => {
    closeSync(log)
    for (const file of Object.values(files)) rmSync(file, { force: true })
  }
  return { child, log, files, tidy }
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
    // A fast command may end between two looks of the watcher, so its size is checked here too.
    if (fstatSync(log).size > MAX_LOG_BYTES) stopped ??= 'too_much_output'
    end(stopped === 'too_much_output' ? 137 : (code ?? (stopped === 'timeout' ? 124 : 137)))
  })
  return promise
}

/** Returns the whole file, or its first and last quarter megabyte. */
/** Tells an output of which only the first and last part were kept. */
export const IS_CUT = /^\[\.\.\. \d+ bytes not shown \.\.\.\]$/m

function readEnds(file: string): string {
  const { size } = statSync(file)
  if (size <= 2 * READ_BYTES) return readFileSync(file, 'utf8')
  const fd = openSync(file, 'r')
  const read = (position: number) => {
    const buffer = Buffer.alloc(READ_BYTES)
    return buffer.subarray(0, readSync(fd, buffer, 0, READ_BYTES, position)).toString('utf8')
  }
  try {
    // IS_CUT knows this line.
    return `${read(0)}\n[... ${size - 2 * READ_BYTES} bytes not shown ...]\n${read(size - READ_BYTES)}`
  } finally {
    closeSync(fd)
  }
}

function readCwd(file: string): string | null {
  const cwd = existsSync(file) ? readFileSync(file, 'utf8').trim() : ''
  return cwd !== '' && existsSync(cwd) ? cwd : null
}
