// The process that works on one plan: started as the plan's user with an empty environment; its orders and its token go
// through its standard input.
import { spawn } from 'node:child_process'
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

export const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
/** Test and operation settings that are not secret. */
export const PASSED_ON = [
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
  const env: NodeJS.ProcessEnv = {
    HOME: user.home,
    USER: user.name,
    LANG: 'C.UTF-8',
    PATH: process.env['PATH'] ?? SYSTEM_PATH,
    RALPH_PLAN: start.id,
  }
  for (const name of PASSED_ON) if (process.env[name] !== undefined) env[name] = process.env[name]
  const child = spawn(process.execPath, [bundle, 'run-plan'], {
    ...user.ids,
    cwd: user.home,
    env,
    // stderr goes to our log; the plan's own words come as events.
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  })
  child.stdin.on('error', () => {}) // it has died: onExit tells
  readLines(child.stdout, FromPlan, onMessage)
  child.once('error', onExit)
  child.once('close', onExit)
  writeLine(child.stdin, start)
  return { send: (message) => writeLine(child.stdin, message) }
}
