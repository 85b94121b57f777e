// Runs one program to its end, with a time limit. It runs in its own process group, so that its children can be killed with it.
import { spawn } from 'node:child_process'
import { finished } from 'node:stream/promises'

export const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
/** For the system's own programs, which root runs. */
export const ROOT_ENV = { PATH: SYSTEM_PATH, LC_ALL: 'C' }

export interface RunOptions {
  cwd?: string
  env: NodeJS.ProcessEnv
  timeoutMs: number
  uid?: number
  gid?: number
  input?: string
  /** latin1 keeps every byte of output and input, because file names need not be UTF-8. Default: utf8. */
  encoding?: 'utf8' | 'latin1'
  /** Output beyond this is dropped. Default: 8 MB. */
  maxBytes?: number
}

export interface RunResult {
  /** The exit code; 1 also stands for the end by a signal. Anything but 0 is a failure. */
  code: number
  /** The signal that ended it; missing when it ended by itself. */
  signal?: NodeJS.Signals
  stdout: string
  stderr: string
  timedOut: boolean
}

const LEFTOVER_OUTPUT_MS = 500
const MAX_CAPTURED_BYTES = 8 * 1024 * 1024

/** Process groups of the programs that run() runs now. */
const groups = new Set<number>()

/** Returns the process groups of our own programs, which are not the model's. */
export const ownGroups = (): ReadonlySet<number> => groups

/** Returns the result. It does not throw for a failing program; a missing one gives code 127. */
export async function run(program: string, args: string[], options: RunOptions): Promise<RunResult> {
  const { timeoutMs, input, encoding = 'utf8', maxBytes = MAX_CAPTURED_BYTES, ...spawnOptions } = options
  const child = spawn(program, args, { ...spawnOptions, stdio: ['pipe', 'pipe', 'pipe'], detached: true })
  if (child.pid !== undefined) groups.add(child.pid)
  let timedOut = false
  const timer = setTimeout(() => {
    timedOut = true
    killGroup(child.pid)
  }, timeoutMs)
  child.stdin.on('error', () => {}) // a program may close its input early; its exit code tells how it ended
  child.stdin.end(input ?? '', encoding)
  const [stdout, stderr] = [
    capture(child.stdout, encoding, maxBytes),
    capture(child.stderr, 'utf8', MAX_CAPTURED_BYTES),
  ]
  const ended = await new Promise<Pick<RunResult, 'code' | 'signal'>>((resolve) => {
    child.once('error', () => resolve({ code: 127 }))
    child.once('exit', (code, signal) => resolve(signal === null ? { code: code ?? 1 } : { code: 1, signal }))
  })
  clearTimeout(timer)
  if (child.pid !== undefined) groups.delete(child.pid)
  // A process that it left running may hold the pipes open for ever, so they are closed.
  setTimeout(
    () => [child.stdout, child.stderr].forEach((stream) => stream.destroy()),
    LEFTOVER_OUTPUT_MS,
  ).unref()
  return { ...ended, stdout: await stdout, stderr: await stderr, timedOut }
}

/** Kills a process group. It may already have ended. */
export function killGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // ESRCH: the group has already ended
  }
}

async function capture(
  stream: NodeJS.ReadableStream,
  encoding: 'utf8' | 'latin1',
  maxBytes: number,
): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.byteLength
    if (bytes <= maxBytes) chunks.push(chunk)
  })
  await finished(stream).catch(() => {}) // a kill may cut the stream; what arrived is returned
  return Buffer.concat(chunks).toString(encoding)
}
