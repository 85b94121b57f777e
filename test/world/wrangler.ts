// Runs wrangler as a child in a process group of its own, without the environment of the person who runs it.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'

export const ROOT = join(import.meta.dirname, '../..')
const BIN = join(ROOT, 'node_modules/.bin')

// `cat` reads a pipe from this process. The pipe also ends when this process is killed, and then the whole group is killed.
const WITH_WATCHDOG = 'exec 3<&0; (cat <&3 >/dev/null; kill -KILL 0) & exec "$0" "$@" </dev/null 3<&-'

export function spawnWrangler(args: string[], log: NodeJS.WritableStream): ChildProcess {
  const child = spawn('sh', ['-c', WITH_WATCHDOG, join(BIN, 'wrangler'), ...args], {
    cwd: ROOT,
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: {
      ...process.env,
      PATH: `${BIN}:${process.env['PATH'] ?? ''}`,
      WRANGLER_SEND_METRICS: 'false',
      CLOUDFLARE_CF_FETCH_ENABLED: 'false',
      // The settings come only from --env-file.
      CLOUDFLARE_LOAD_DEV_VARS_FROM_DOT_ENV: 'true',
      CLOUDFLARE_INCLUDE_PROCESS_ENV: 'false',
      CI: 'true',
      NO_COLOR: '1',
    },
  })
  child.stdin?.on('error', () => undefined) // the watchdog ended with its group
  child.stdout?.pipe(log, { end: false })
  child.stderr?.pipe(log, { end: false })
  return child
}

/** Signals a process group. Does nothing when the group has ended. */
export function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, signal)
  } catch {
    // ESRCH: the group has ended
  }
}
