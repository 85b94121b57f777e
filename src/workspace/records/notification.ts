// Pure: builds the message that NOTIFY_URL receives about a plan. It says no more than the owner may see. Its texts
// come from a VM or an upstream, so they are cleaned.
import { cleanLine, cleanText } from '../../lib/text.ts'
import type { PlanRecord } from './records.ts'
import type { PlanStatus } from '../../shared/words.ts'

const TOLD: ReadonlySet<PlanStatus> = new Set(['paused', 'completed', 'failed', 'cancelled'])
const MAX_TEXT = 2_000

/** Returns the body of the POST; null for a change that is not announced. */
export function notificationOf(plan: PlanRecord, workspace: string, nowMs: number): string | null {
  if (!TOLD.has(plan.status)) return null
  const words = (text: string | null) => (text === null ? null : cleanText(text, MAX_TEXT))
  return JSON.stringify({
    event: `plan.${plan.status}`,
    at: new Date(nowMs).toISOString(),
    plan: {
      id: plan.id,
      workspace,
      title: cleanLine(plan.title, MAX_TEXT),
      status: plan.status,
      attempt: plan.attempt,
      outcome: plan.outcome,
      paused_reason: plan.pausedReason,
      question: words(plan.question),
      summary: words(plan.summary),
      error: words(plan.error),
      branch: plan.branch,
      pr_url: plan.prUrl,
      spent_usd: plan.spentUsd,
      budget_usd: plan.budgetUsd,
    },
  })
}
