// The Worker as a child: `wrangler dev` (workerd, local D1, objects and assets) in a process group of its own, restarted when it dies.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')
const wrangler = join(root, 'node_modules/.bin/wrangler')
const READY_MS = 60_000

export interface WorkerOptions {
  port: number
  stateDir: string
  vars: Record<string, string>
}

export interface WorkerProcess {
  /** SIGKILL of everything, and a start on the same state; resolves when it answers again. */
  kill: () => Promise<void>
  restart: () => Promise<void>
  close: () => Promise<void>
}

export async function startWorker(options: WorkerOptions): Promise<WorkerProcess> {
  const { stateDir, port } = options
  const varsFile = join(stateDir, 'worker.vars')
  writeFileSync(
    varsFile,
    Object.entries(options.vars)
      .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
      .join('\n'),
    { mode: 0o600 },
  )
  const log = createWriteStream(join(stateDir, 'worker.log'), { flags: 'a' })
  await migrate(stateDir, log)
  let child: ChildProcess
  let isWanted = true

  const start = (): void => {
    const args = [
      'dev',
      '--port',
      String(port),
      '--ip',
      '127.0.0.1',
      '--persist-to',
      join(stateDir, 'worker'),
      '--env-file',
      varsFile,
      '--inspector-port',
      '0',
      '--show-interactive-dev-session=false',
      '--log-level',
      'log',
    ]
    child = spawnGroup(args, log)
    const started = child
    started.once('exit', () => {
      // The platform starts a dead Worker again by itself; so do we.
      if (isWanted && child === started) start()
    })
  }
  const signal = async (name: NodeJS.Signals): Promise<void> => {
    const ended = child
    if (ended.pid === undefined || ended.exitCode !== null || ended.signalCode !== null) return
    const exited = once(ended, 'exit')
    process.kill(-ended.pid, name)
    await exited
  }
  const again = async (name: NodeJS.Signals): Promise<void> => {
    isWanted = false
    await signal(name)
    isWanted = true
    start()
    await ready(port)
  }
  start()
  await ready(port)
  return {
    kill: () => again('SIGKILL'),
    restart: () => again('SIGTERM'),
    async close() {
      isWanted = false
      await signal('SIGTERM')
      log.end()
    },
  }
}

/** The group dies with us: `cat` reads a pipe of ours, whose end comes also when we are killed outright. */
function spawnGroup(args: string[], log: NodeJS.WritableStream): ChildProcess {
  const child = spawn(
    'sh',
    [
      '-c',
      'exec 3<&0; (cat <&3 >/dev/null; kill -KILL 0) & exec "$0" "$@" </dev/null 3<&-',
      wrangler,
      ...args,
    ],
    {
      cwd: root,
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
      env: {
        ...process.env,
        PATH: `${join(root, 'node_modules/.bin')}:${process.env['PATH'] ?? ''}`,
        WRANGLER_SEND_METRICS: 'false',
        CLOUDFLARE_CF_FETCH_ENABLED: 'false',
        CI: 'true',
        NO_COLOR: '1',
      },
    },
  )
  child.stdout?.pipe(log, { end: false })
  child.stderr?.pipe(log, { end: false })
  return child
}

async function ready(port: number): Promise<void> {
  const until = Date.now() + READY_MS
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${port}/healthz`, {
      signal: AbortSignal.timeout(5_000),
    }).catch(() => null)
    await answer?.body?.cancel()
    if (answer?.ok === true) return
    if (Date.now() > until)
      throw new Error(
        `the Worker did not answer on port ${port} in ${READY_MS / 1_000} s; its log is worker.log in the state folder`,
      )
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/** Applies the D1 migrations that this state has not seen. */
async function migrate(stateDir: string, log: NodeJS.WritableStream): Promise<void> {
  const marker = join(stateDir, 'migrated')
  const wanted = (await readdir(join(root, 'migrations'))).toSorted().join('\n')
  if (existsSync(marker) && readFileSync(marker, 'utf8') === wanted) return
  const child = spawnGroup(
    ['d1', 'migrations', 'apply', 'DB', '--local', '--persist-to', join(stateDir, 'worker')],
    log,
  )
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error('the D1 migrations failed; worker.log in the state folder has the cause')
  writeFileSync(marker, wanted)
}
