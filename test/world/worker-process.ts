// Runs the Worker as a child (serve-worker.ts: workerd, local D1, objects and assets) in a process group of its own. Like the
// platform, it starts the Worker again when it dies.
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { rememberGroup } from './leftovers.ts'
import { builtWorker } from './worker-build.ts'
import { signalGroup, spawnGroup } from './child-groups.ts'

/** Generous: on a busy machine it takes many times as long as the usual two seconds. */
const READY_MS = 240_000
/** Of one look at the Worker; while it starts on a busy machine, an answer may take long. */
const [LOOK_MS, FIRST_LOOK_MS] = [5_000, 30_000]
const GRACE_MS = 5_000
const [FIRST_WAIT_MS, LONGEST_WAIT_MS] = [200, 10_000]
/** After this time a Worker counts as healthy: its next end counts as the first again. */
const WELL_MS = 30_000
/** After this many health checks without an answer it is restarted. */
const [LOOK_EVERY_MS, MAX_SILENT_LOOKS] = [5_000, 4]

export interface WorkerOptions {
  port: number
  stateDir: string
  vars: Record<string, string>
  log: (line: string) => void
}

export interface WorkerProcess {
  /** Kills everything with SIGKILL and starts again on the same state. Resolves when the Worker answers again. */
  kill: () => Promise<void>
  restart: () => Promise<void>
  close: () => Promise<void>
}

/** Starts the Worker. Errors: throws the end of its log when it does not answer. */
export async function startWorker(options: WorkerOptions): Promise<WorkerProcess> {
  const { stateDir, port } = options
  const varsFile = join(stateDir, 'worker.vars')
  writeFileSync(varsFile, JSON.stringify(options.vars), { mode: 0o600 })
  const kept = join(stateDir, 'worker')
  mkdirSync(kept, { recursive: true })
  const logFile = join(stateDir, 'worker.log')
  const log = createWriteStream(logFile, { flags: 'a', mode: 0o600 })
  const built = await builtWorker()

  let child: ChildProcess | null = null
  let isWanted = true
  let waitMs = FIRST_WAIT_MS
  let timer: NodeJS.Timeout | undefined
  let hasAnswered = false
  let silentLooks = 0

  function start(): void {
    const startedMs = Date.now()
    const started = spawnGroup(
      process.execPath,
      [join(import.meta.dirname, 'serve-worker.ts'), built, String(port), kept, varsFile],
      log,
    )
    child = started
    hasAnswered = false
    rememberGroup(stateDir, started.pid)
    started.once('exit', (code, signal) => {
      signalGroup(started, 'SIGKILL') // its leftover processes would keep the port
      if (!isWanted || child !== started) return
      waitMs = Date.now() - startedMs > WELL_MS ? FIRST_WAIT_MS : Math.min(waitMs * 2, LONGEST_WAIT_MS)
      options.log(`worker: ended by itself (${String(signal ?? code)}), started again in ${waitMs} ms`)
      timer = setTimeout(start, waitMs)
    })
  }

  async function stop(signal: NodeJS.Signals): Promise<void> {
    isWanted = false
    clearTimeout(timer)
    const ended = child
    if (ended === null || ended.exitCode !== null || ended.signalCode !== null) return
    const exited = once(ended, 'exit')
    signalGroup(ended, signal)
    const late = setTimeout(() => signalGroup(ended, 'SIGKILL'), GRACE_MS)
    await exited
    clearTimeout(late)
  }

  async function ready(): Promise<void> {
    const untilMs = Date.now() + READY_MS
    for (;;) {
      const health = await askHealth(port, FIRST_LOOK_MS)
      if (health !== null) {
        hasAnswered = true
        for (const problem of health.problems) options.log(`worker: ${problem}`)
        return
      }
      const isOver = child !== null && (child.exitCode !== null || child.signalCode !== null)
      if (isOver || Date.now() > untilMs) {
        const tail = readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-15).join('\n')
        const how = isOver ? 'ended before it answered' : `did not answer in ${READY_MS / 1_000} s`
        throw new Error(`The Worker ${how} on port ${port}. Its log (${logFile}) ends with:\n${tail}`)
      }
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }

  async function look(): Promise<void> {
    const looked = child
    const isSilent = (await askHealth(port, LOOK_MS)) === null
    if (child !== looked || looked === null) return
    hasAnswered ||= !isSilent
    silentLooks = isSilent && hasAnswered ? silentLooks + 1 : 0
    if (silentLooks < MAX_SILENT_LOOKS) return
    silentLooks = 0
    options.log('worker: answers no more, started again')
    signalGroup(looked, 'SIGKILL')
  }

  let turn: Promise<unknown> = Promise.resolve()
  /** Kills run one after the other, so that two kills at once count as two. */
  function again(signal: NodeJS.Signals): Promise<void> {
    const mine = turn.then(async () => {
      await stop(signal)
      isWanted = true
      waitMs = FIRST_WAIT_MS
      start()
      await ready()
    })
    turn = mine.catch(() => undefined)
    return mine
  }
  async function close(): Promise<void> {
    clearInterval(looks)
    await turn
    await stop('SIGTERM')
    log.end()
  }

  const looks = setInterval(() => void look(), LOOK_EVERY_MS)
  start()
  try {
    await ready()
  } catch (error) {
    await close()
    throw error
  }
  return { kill: () => again('SIGKILL'), restart: () => again('SIGTERM'), close }
}

/** Returns the Worker's health; null when it does not answer yet or another program answers. */
async function askHealth(port: number, timeoutMs: number): Promise<{ problems: string[] } | null> {
  try {
    const signal = AbortSignal.timeout(timeoutMs)
    const response = await fetch(`http://127.0.0.1:${port}/healthz`, { signal })
    const body: unknown = await response.json()
    if (typeof body !== 'object' || body === null || !('problems' in body)) return null
    return { problems: Array.isArray(body.problems) ? body.problems.map(String) : [] }
  } catch {
    return null // still starting
  }
}
