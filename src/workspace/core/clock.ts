// A clock that was ahead for a while and is right again leaves times behind that lie further ahead than any is ever set: a retry
// meant for in a minute would come in an hour. They are due now. A clock that is merely behind or ahead needs nothing: every state
// is left by comparing times of one clock, and who waits a minute longer loses nothing.
import { requireWorkspace } from './core.ts'
import type { Core } from './core.ts'
import type { WorkspaceRecord } from '../records/records.ts'

const MINUTE_MS = 60_000
/** Orgo may ask for patience. */
const LONGEST_RETRY_MS = 15 * MINUTE_MS
const LONGEST_OUTBOX_MS = 2 * MINUTE_MS
const LONGEST_LEFTOVER_MS = 61 * MINUTE_MS
const LONGEST_MEND_MS = 6 * 60 * MINUTE_MS + MINUTE_MS
const LONGEST_MERGE_CHECK_MS = 25 * 60 * MINUTE_MS
const LONGEST_PULL_REQUEST_MS = 2 * MINUTE_MS
const LONGEST_NOTIFICATION_MS = 31 * MINUTE_MS
/** Clocks are set by some seconds now and then. */
const SLACK_MS = 5_000

/** The first step of the alarm. Writes nothing while all is as it should be. */
export async function settleClock(core: Core): Promise<void> {
  const now = core.now()
  if (ahead(requireWorkspace(core), now).length > 0)
    core.store.changeWorkspace((workspace) => {
      for (const { pull } of ahead(workspace, now)) pull()
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

/** Times of the workspace that no clock that is right has set, each with what it should be. */
function ahead(workspace: WorkspaceRecord, nowMs: number): { pull: () => void }[] {
  const { supervisor, vm } = workspace
  const times: { atMs: number | null; mostMs: number; pull: () => void }[] = [
    { atMs: workspace.retryAtMs, mostMs: LONGEST_RETRY_MS, pull: () => void (workspace.retryAtMs = nowMs) },
    {
      atMs: workspace.outboxRetryAtMs,
      mostMs: LONGEST_OUTBOX_MS,
      pull: () => void (workspace.outboxRetryAtMs = nowMs),
    },
    { atMs: workspace.mendAtMs, mostMs: LONGEST_MEND_MS, pull: () => void (workspace.mendAtMs = nowMs) },
    {
      atMs: workspace.gitSilentSinceMs,
      mostMs: SLACK_MS,
      pull: () => void (workspace.gitSilentSinceMs = nowMs),
    },
    // Seen missing once, now; the second look is a minute away.
    { atMs: vm.missingSinceMs, mostMs: SLACK_MS, pull: () => void (vm.missingSinceMs = nowMs) },
    // As if never rung: the next one is due at once.
    { atMs: supervisor.lastRingAtMs, mostMs: SLACK_MS, pull: () => void (supervisor.lastRingAtMs = null) },
    { atMs: supervisor.lastHeardAtMs, mostMs: SLACK_MS, pull: () => void (supervisor.lastHeardAtMs = nowMs) },
    ...workspace.leftovers.map((leftover) => ({
      atMs: leftover.dueAtMs,
      mostMs: LONGEST_LEFTOVER_MS,
      pull: () => void (leftover.dueAtMs = nowMs),
    })),
  ]
  return times.filter(({ atMs, mostMs }) => (atMs ?? 0) > nowMs + mostMs)
}
