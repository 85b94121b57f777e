// HISTORY_DAYS: what ended so many days ago, and nobody watches any more, is erased here and, through the outbox, in D1. Unset,
// everything is kept for ever, and no alarm is armed for it.
import { log } from '../../lib/log.ts'
import { requireWorkspace } from '../core/core.ts'
import type { Core } from '../core/core.ts'

/** A plan may have thousands of events: what D1 deletes in one statement stays far below its limits. */
const PLANS_PER_ALARM = 10
const DAY_MS = 24 * 3_600_000

/** null: for ever. */
export function keptMs(core: Core): number | null {
  const { historyDays } = core.settingsNow()
  return historyDays === null ? null : historyDays * DAY_MS
}

/** A step of the alarm. Each plan goes in one synchronous block: one that was reopened is not finished, and stays. */
export async function eraseOld(core: Core): Promise<void> {
  const kept = keptMs(core)
  // While anything is still to be told, nothing is erased: no older row can come to D1 after its plan is gone from there.
  if (kept === null || !core.store.outboxIsEmpty()) return
  const due = core.store
    .finishedPlans(PLANS_PER_ALARM)
    .filter(({ finishedAtMs }) => finishedAtMs + kept <= core.now())
  for (const { id } of due) {
    const spentUsd = core.store.plan(id)?.spentUsd ?? 0
    core.store.erasePlan(id)
    // What the month has spent is a difference of sums, and this plan has just left one of them.
    core.store.noteSpent(-spentUsd)
    core.store.changeWorkspace(({ month }) => void (month.baseUsd -= spentUsd))
  }
  if (due.length > 0) log('history.erased', { workspace: requireWorkspace(core).name, plans: due.length })
}

/** HISTORY_DAYS may have been set while nothing here was open: the first contact after that arms the alarm. */
export async function wakeToErase(core: Core): Promise<void> {
  const kept = keptMs(core)
  const [oldest] = kept !== null && core.exists() ? core.store.finishedPlans(1) : []
  if (kept !== null && oldest !== undefined) await core.wakeBy(oldest.finishedAtMs + kept)
}
