// A clock that was ahead for a while and is right again leaves times behind that lie further ahead than any is ever set: a retry
// meant for in a minute would come in an hour. They are due now. A clock that is merely behind or ahead needs nothing: every state
// is left by comparing times of one clock, and who waits a minute longer loses nothing.
import { requireWorkspace } from './core.ts'
import type { Core } from './core.ts'
import type { WorkspaceRecord } from './records.ts'

const MINUTE_MS = 60_000
/** Orgo may ask for patience. */
const LONGEST_RETRY_MS = 15 * MINUTE_MS
const LONGEST_OUTBOX_MS = 2 * MINUTE_MS
const LONGEST_MEND_MS = 6 * 60 * MINUTE_MS + MINUTE_MS
const LONGEST_MERGE_CHECK_MS = 25 * 60 * MINUTE_MS
/** Clocks are set by some seconds now and then. */
const SLACK_MS = 5_000

/** The first step of the alarm. Writes nothing while all is as it should be. */
export async function settleClock(core: Core): Promise<void> {
  const now = core.now()
  if (isAhead(requireWorkspace(core), now))
    core.store.changeWorkspace((workspace) => pullBack(workspace, now))
  for (const plan of core.store.watchedPlans())
    if ((plan.mergeCheckAtMs ?? 0) > now + LONGEST_MERGE_CHECK_MS)
      core.store.savePlan({ ...plan, mergeCheckAtMs: now })
}

function isAhead({ supervisor, leftovers, ...workspace }: WorkspaceRecord, nowMs: number): boolean {
  const times: [number | null, number][] = [
    [workspace.retryAtMs, LONGEST_RETRY_MS],
    [workspace.outboxRetryAtMs, LONGEST_OUTBOX_MS],
    [workspace.mendAtMs, LONGEST_MEND_MS],
    [supervisor.lastRingAtMs, SLACK_MS],
    [supervisor.lastHeardAtMs, SLACK_MS],
    ...leftovers.map(({ dueAtMs }): [number, number] => [dueAtMs, LONGEST_OUTBOX_MS]),
  ]
  return times.some(([atMs, mostMs]) => (atMs ?? 0) > nowMs + mostMs)
}

function pullBack(workspace: WorkspaceRecord, nowMs: number): void {
  const pull = (atMs: number | null, mostMs: number) =>
    atMs !== null && atMs > nowMs + mostMs ? nowMs : atMs
  const { supervisor } = workspace
  workspace.retryAtMs = pull(workspace.retryAtMs, LONGEST_RETRY_MS)
  workspace.outboxRetryAtMs = pull(workspace.outboxRetryAtMs, LONGEST_OUTBOX_MS)
  workspace.mendAtMs = pull(workspace.mendAtMs, LONGEST_MEND_MS)
  // As if never rung: the next one is due at once.
  if ((supervisor.lastRingAtMs ?? 0) > nowMs + SLACK_MS) supervisor.lastRingAtMs = null
  supervisor.lastHeardAtMs = pull(supervisor.lastHeardAtMs, SLACK_MS)
  for (const leftover of workspace.leftovers)
    leftover.dueAtMs = pull(leftover.dueAtMs, LONGEST_OUTBOX_MS) ?? nowMs
}
