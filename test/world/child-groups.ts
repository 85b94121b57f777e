// Runs programs of the local stack as children in process groups of their own.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'

export const ROOT = join(import.meta.dirname, '../..')
const BIN = join(ROOT, 'node_modules/.bin')

// `cat` reads a pipe from this process. The pipe also ends when this process is killed, and then the whole group is killed.
const WITH_WATCHDOG = 'exec 3<&0; (cat <&3 >/dev/null; kill -KILL 0) & exec "$0" "$@" </dev/null 3<&-'

/** Starts a program that ends, with all it started, when this process ends. Its output goes into the log. */
export function spawnGroup(
  program: string,
  args: string[],
  log: NodeJS.WritableStream,
  env: NodeJS.ProcessEnv = {},
): ChildProcess {
  const child = spawn('sh', ['-c', WITH_WATCHDOG, program, ...args], {
    cwd: ROOT,
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1', ...env },
  })
  child.stdin?.on('error', () => undefined) // the watchdog ended with its group
  child.stdout?.pipe(log, { end: false })
  child.stderr?.pipe(log, { end: false })
  return child
}

export const spawnWrangler = (args: string[], log: NodeJS.WritableStream): ChildProcess =>
  spawnGroup(join(BIN, 'wrangler'), args, log, {
    PATH: `${BIN}:${process.env['PATH'] ?? ''}`,
    WRANGLER_SEND_METRICS: 'false',
    // No settings of the person who runs it.
    CLOUDFLARE_LOAD_DEV_VARS_FROM_DOT_ENV: 'false',
    CLOUDFLARE_INCLUDE_PROCESS_ENV: 'false',
    CI: 'true',
  })

/** Signals a process group. Does nothing when the group has ended. */
export function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, signal)
  } catch {
    // ESRCH: the group has ended
  }
}
