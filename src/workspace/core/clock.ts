// Repairs times that a wrong clock left behind. After a clock was ahead and is right again, stored times lie further in the
// future than the code ever sets them: a retry meant for in a minute would come in an hour. Such times become due now. A clock
// that is steadily ahead or behind needs no repair, because every state compares times of one clock.
import { requireWorkspace } from './core.ts'
import type { Core } from './core.ts'
import type { WorkspaceRecord } from '../records/records.ts'

const MINUTE_MS = 60_000
/** Orgo may ask for a long wait. */
const LONGEST_RETRY_MS = 15 * MINUTE_MS
const LONGEST_OUTBOX_MS = 2 * MINUTE_MS
const LONGEST_LEFTOVER_MS = 61 * MINUTE_MS
const LONGEST_MEND_MS = 6 * 60 * MINUTE_MS + MINUTE_MS
const LONGEST_MERGE_CHECK_MS = 25 * 60 * MINUTE_MS
const LONGEST_PULL_REQUEST_MS = 2 * MINUTE_MS
const LONGEST_NOTIFICATION_MS = 31 * MINUTE_MS
/** Clocks are corrected by a few seconds now and then. */
const SLACK_MS = 5_000

/** The first step of the alarm. It writes nothing while all times are plausible. */
export async function settleClock(core: Core): Promise<void> {
  const now = core.now()
  if (ahead(requireWorkspace(core), now).length > 0)
    core.store.changeWorkspace((workspace) => {
      for (const correct of ahead(workspace, now)) correct()
    })
  for (const plan of core.store.watchedPlans()) {
    const { mergeCheckAtMs, openPrAtMs } = plan
    if ((mergeCheckAtMs ?? 0) > now + LONGEST_MERGE_CHECK_MS)
      core.store.savePlan({ ...plan, mergeCheckAtMs: now })
    else if (openPrAtMs > now + LONGEST_PULL_REQUEST_MS) core.store.savePlan({ ...plan, openPrAtMs: now })
  }
  core.store.toldBy(now)
  core.store.hurryNotifications(now + LONGEST_NOTIFICATION_MS, now)
}

/** Returns a function for each of the workspace's times that lies too far ahead; it corrects that time. */
function ahead(workspace: WorkspaceRecord, nowMs: number): (() => void)[] {
  const { supervisor, vm } = workspace
  const late = <Key extends string>(
    row: Record<Key, number | null>,
    key: Key,
    mostMs: number,
    to: number | null = nowMs,
  ) => ((row[key] ?? 0) > nowMs + mostMs ? [() => void (row[key] = to)] : [])
  return [
    ...late(workspace, 'retryAtMs', LONGEST_RETRY_MS),
    ...late(workspace, 'outboxRetryAtMs', LONGEST_OUTBOX_MS),
    ...late(workspace, 'mendAtMs', LONGEST_MEND_MS),
    ...late(workspace, 'gitSilentSinceMs', SLACK_MS),
    // Counts as seen missing once, now; the second check follows in a minute.
    ...late(vm, 'missingSinceMs', SLACK_MS),
    // Counts as never rung, so that the next ring is due at once.
    ...late(supervisor, 'lastRingAtMs', SLACK_MS, null),
    ...late(supervisor, 'lastHeardAtMs', SLACK_MS),
    ...workspace.leftovers.flatMap((leftover) => late(leftover, 'dueAtMs', LONGEST_LEFTOVER_MS)),
  ]
}
