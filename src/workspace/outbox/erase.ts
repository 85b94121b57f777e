// HISTORY_DAYS: erases plans that ended so many days ago and are no longer watched, here and, through the outbox, in D1. When it is unset,
// everything is kept for ever and no alarm is armed for it.
import { log } from '../../lib/log.ts'
import { requireWorkspace } from '../core/core.ts'
import type { Core } from '../core/core.ts'

/** A plan may have thousands of events. This keeps what D1 deletes in one statement far below its limits. */
const PLANS_PER_ALARM = 10
const DAY_MS = 24 * 3_600_000

/** Returns how long ended plans are kept; null means for ever. */
export function keptMs(core: Core): number | null {
  const { historyDays } = core.settingsNow()
  return historyDays === null ? null : historyDays * DAY_MS
}

/** A step of the alarm. Each plan is erased in one synchronous block; a plan that was reopened is not finished and stays. */
export async function eraseOld(core: Core): Promise<void> {
  const kept = keptMs(core)
  // Nothing is erased while the outbox holds rows, so that no older row reaches D1 after its plan was erased there.
  if (kept === null || !core.store.outboxIsEmpty()) return
  const due = core.store
    .finishedPlans(PLANS_PER_ALARM)
    .filter(({ finishedAtMs }) => finishedAtMs + kept <= core.now())
  for (const { id } of due) {
    const spentUsd = core.store.plan(id)?.spentUsd ?? 0
    core.store.erasePlan(id)
    // The month's spending is total minus base. The total just shrank by this plan, so the base must shrink too.
    core.store.noteSpent(-spentUsd)
    core.store.changeWorkspace(({ month }) => void (month.baseUsd -= spentUsd))
  }
  if (due.length > 0) log('history.erased', { workspace: requireWorkspace(core).name, plans: due.length })
}

/** Arms the alarm when HISTORY_DAYS was set while nothing was open here; the first contact with the object runs this. */
export async function wakeToErase(core: Core): Promise<void> {
  const kept = keptMs(core)
  const [oldest] = kept !== null && core.exists() ? core.store.finishedPlans(1) : []
  if (kept !== null && oldest !== undefined) await core.wakeBy(oldest.finishedAtMs + kept)
}
