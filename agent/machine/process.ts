// Runs one program to its end with a deadline. Its own process group, so that what it started can be ended with it.
import { spawn } from 'node:child_process'
import { finished } from 'node:stream/promises'

export interface RunOptions {
  cwd?: string
  env: NodeJS.ProcessEnv
  timeoutMs: number
  uid?: number
  gid?: number
  input?: string
  /** latin1 keeps every byte, of output and input: names of files need not be UTF-8. Default: utf8. */
  encoding?: 'utf8' | 'latin1'
  /** Output beyond it is dropped. Default 8 MB. */
  maxBytes?: number
}

export interface RunResult {
  /** The exit code; 128 + the signal's number is not told apart from 1: anything but 0 failed. */
  code: number
  stdout: string
  stderr: string
  timedOut: boolean
}

const LEFTOVER_OUTPUT_MS = 500
const MAX_CAPTURED_BYTES = 8 * 1024 * 1024

/** Never throws for a failing program; a missing one is code 127. */
export async function run(program: string, args: string[], options: RunOptions): Promise<RunResult> {
  const { timeoutMs, input, encoding = 'utf8', maxBytes = MAX_CAPTURED_BYTES, ...spawnOptions } = options
  const child = spawn(program, args, { ...spawnOptions, stdio: ['pipe', 'pipe', 'pipe'], detached: true })
  let timedOut = false
  const timer = setTimeout(() => {
    timedOut = true
    killGroup(child.pid)
  }, timeoutMs)
  child.stdin.on('error', () => {}) // a program that reads no input closes it early: its exit code tells
  child.stdin.end(input ?? '', encoding)
  const [stdout, stderr] = [
    capture(child.stdout, encoding, maxBytes),
    capture(child.stderr, 'utf8', MAX_CAPTURED_BYTES),
  ]
  const code = await new Promise<number>((resolve) => {
    child.once('error', () => resolve(127))
    child.once('exit', (exitCode) => resolve(exitCode ?? 1))
  })
  clearTimeout(timer)
  // Something it left running may hold the pipes open for ever.
  setTimeout(
    () => [child.stdout, child.stderr].forEach((stream) => stream.destroy()),
    LEFTOVER_OUTPUT_MS,
  ).unref()
  return { code, stdout: await stdout, stderr: await stderr, timedOut }
}

/** Ends a process group; one that is already gone is fine. */
export function killGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // ESRCH: nothing left to end
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
  await finished(stream).catch(() => {}) // cut by a kill: what arrived is what there is
  return Buffer.concat(chunks).toString(encoding)
}
