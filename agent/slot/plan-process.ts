// Starts the process that works on one plan, as the plan's user and with a minimal environment. Its orders and its token go
// through its standard input, so that they appear in no argument and no environment variable.
import { spawn } from 'node:child_process'
import type { SpawnOptions } from 'node:child_process'
import { SYSTEM_PATH } from '../machine/process.ts'
import { FromPlan, readLines, writeLine } from '../machine/plan-pipe.ts'
import type { Start, ToPlan } from '../machine/plan-pipe.ts'
import type { PlanUser } from '../users/users.ts'

export interface PlanProcess {
  send(message: ToPlan): void
}

export interface PlanProcessInput {
  bundle: string
  user: PlanUser
  start: Start
  onMessage: (message: FromPlan) => void
  onExit: () => void
}

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

export function startPlanProcess({ bundle, user, start, onMessage, onExit }: PlanProcessInput): PlanProcess {
  const env = { HOME: user.home, USER: user.name, RALPH_PLAN: start.id }
  const child = startAgent(bundle, 'run-plan', { ...user.ids, cwd: user.home, env })
  readLines(child.stdout, FromPlan, onMessage)
  child.once('error', onExit)
  child.once('close', onExit)
  writeLine(child.stdin, start)
  return { send: (message) => writeLine(child.stdin, message) }
}

/** Starts one of the agent's own commands with a minimal environment. */
export function startAgent(bundle: string, command: 'run-plan' | 'prove', options: SpawnOptions) {
  const passedOn = PASSED_ON.filter((name) => process.env[name] !== undefined)
  const child = spawn(process.execPath, [bundle, command], {
    ...options,
    env: {
      ...options.env,
      LANG: 'C.UTF-8',
      PATH: process.env['PATH'] ?? SYSTEM_PATH,
      ...Object.fromEntries(passedOn.map((name) => [name, process.env[name]])),
    },
    // stderr goes to the supervisor's log; what the history should show comes as events on stdout.
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  })
  child.stdin.on('error', () => {}) // the process has died; 'close' reports it
  return child
}
