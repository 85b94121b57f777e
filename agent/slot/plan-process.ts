// Starts the process that works on one plan, as the plan's user and with a minimal environment. Its orders and its token go
// through its standard input, so that they appear in no argument and no environment variable.
import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Paths } from '../machine/paths.ts'
import { SYSTEM_PATH } from '../machine/process.ts'
import { FromPlan, readLines, writeLine } from '../machine/plan-pipe.ts'
import type { Start, ToPlan } from '../machine/plan-pipe.ts'
import { startInSandbox } from '../sandbox/sandbox.ts'
import type { PipedChild, SandboxKind } from '../sandbox/sandbox.ts'
import type { PlanUser } from '../users/users.ts'
import { describeEnd, logBeginning } from './child-end.ts'

export interface PlanProcess {
  send(message: ToPlan): void
  /** Kills it, also while its sandbox is still starting. Resolves when it has ended and all that it wrote was read. */
  kill(): Promise<void>
}

export interface PlanProcessInput {
  bundle: string
  user: PlanUser
  start: Start
  /** Where it runs; null or left out: without a sandbox. */
  sandbox?: AgentInput['sandbox']
  onMessage: (message: FromPlan) => void
  /** how says how the process ended. */
  onExit: (how: string) => void
}

const KILL_TIMEOUT_MS = 5_000

/** Settings for tests and operation that are passed on to a plan's process. None of them is secret. */
const PASSED_ON = [
  'RALPH_CHECK_MS',
  'RALPH_HOOK_TIMEOUT_MS',
  'RALPH_RETRY_WAIT_MS',
  'RALPH_CHECKPOINT_MS',
  'RALPH_MODEL_PATIENCE_MS',
  'RALPH_IDLE_STREAM_MS',
  'RALPH_FAILPOINT',
  'RALPH_LIMITS',
]

export function startPlanProcess(input: PlanProcessInput): PlanProcess {
  const { bundle, user, start, sandbox = null, onMessage, onExit } = input
  const child = startAgent({
    bundle,
    command: 'run-plan',
    user,
    ids: user.ids,
    cwd: user.home,
    env: { HOME: user.home, USER: user.name, RALPH_PLAN: start.id },
    own: [user.home, start.checkout],
    sandbox,
  })
  readLines(child.stdout, FromPlan, onMessage)
  child.once('error', (error) => onExit(error.message))
  const ended = new Promise<void>((resolve) => {
    child.once('error', () => resolve())
    child.once('close', () => resolve())
  })
  child.once('close', (code, signal) => onExit(describeEnd(code, signal)))
  writeLine(child.stdin, start)
  return {
    send: (message) => writeLine(child.stdin, message),
    async kill() {
      child.kill('SIGKILL')
      // Without a sandbox, a process that it left running may hold its pipes open for ever.
      await Promise.race([ended, sleep(KILL_TIMEOUT_MS, undefined, { ref: false })])
    },
  }
}

const log = (text: string): void => void process.stderr.write(text)

export interface AgentInput {
  bundle: string
  command: 'run-plan' | 'prove'
  /** The user whose work it does. */
  user: PlanUser
  /** Ids that it runs with; null: our own. */
  ids: PlanUser['ids']
  cwd: string
  env: Record<string, string>
  /** Folders that it sees in its sandbox. */
  own: string[]
  /** null: it runs without a sandbox. */
  sandbox: { kind: SandboxKind; paths: Paths } | null
}

/** Starts one of the agent's own commands with a minimal environment, in a fresh sandbox where there can be one. */
export function startAgent(input: AgentInput): PipedChild {
  const { bundle, command, user, ids, cwd, own, sandbox } = input
  const passedOn = PASSED_ON.flatMap((name) => {
    const value = process.env[name]
    return value === undefined ? [] : [[name, value] as const]
  })
  const env = {
    ...input.env,
    LANG: 'C.UTF-8',
    PATH: process.env['PATH'] ?? SYSTEM_PATH,
    ...Object.fromEntries(passedOn),
  }
  const words = [process.execPath, bundle, command] as const
  const [program, ...args] = words
  const child =
    sandbox === null
      ? spawn(program, args, { ...ids, cwd, env, stdio: ['pipe', 'pipe', 'pipe'], detached: true })
      : startInSandbox({ ...sandbox, name: user.name, own, ids, cwd, env, command: words })
  child.stdin.on('error', () => {}) // the process has died; 'close' reports it
  // The log is root's file and the plan can write to this stream, so only its beginning is logged.
  logBeginning(child.stderr, log)
  child.once('close', (code, signal) => {
    if (code !== 0 && !child.killed)
      log(`${new Date().toISOString()} ${command} of ${user.name} ended: ${describeEnd(code, signal)}\n`)
  })
  return child
}
