// Decides how long to wait after a failure of the model API, and which failures end the attempt.
import { setTimeout as sleep } from 'node:timers/promises'
import type { ModelTrouble } from './client.ts'
import { clipText } from '../machine/output.ts'
import { PauseError, RevokedError } from '../plan/plan-context.ts'
import type { PlanContext } from '../plan/plan-context.ts'

const RENEWAL_WAIT_MS = 10 * 60_000
const DEFAULT_PATIENCE_MS = 15 * 60_000
const LONGEST_WAIT_MS = 30_000

export interface Patience {
  /** Waits before the next try. Errors: PauseError with the reason when waiting does not help; RevokedError. */
  endure(trouble: ModelTrouble): Promise<void>
  /** Called when an answer came: the next failure counts as the first again. */
  rest(): void
}

export function createPatience(plan: PlanContext): Patience {
  const patienceMs = Number(process.env['RALPH_MODEL_PATIENCE_MS'] ?? DEFAULT_PATIENCE_MS)
  let failures = 0
  let sinceMs: number | null = null
  return {
    rest() {
      failures = 0
      sinceMs = null
    },
    async endure(trouble) {
      sinceMs ??= Date.now()
      if (trouble.kind === 'revoked') throw new RevokedError()
      if (trouble.kind === 'budget' || trouble.kind === 'monthly_budget')
        throw new PauseError(trouble.kind, trouble.detail)
      if (trouble.kind === 'expired') {
        if (await plan.token.renewed(plan.token.current(), RENEWAL_WAIT_MS)) return
        throw new PauseError('model_unavailable', 'The plan token expired and no new one came.')
      }
      if (Date.now() - sinceMs > patienceMs)
        throw new PauseError('model_unavailable', `The model could not be reached: ${trouble.detail}`)
      if (failures === 0)
        plan.report({
          kind: 'event',
          type: 'error',
          text: clipText(`Model: ${trouble.detail}; trying again.`, 500),
        })
      await sleep(Math.min(LONGEST_WAIT_MS, 1_000 * 2 ** failures++))
    },
  }
}
