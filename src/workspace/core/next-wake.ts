// Pure over the store: computes when the object must wake next. null: nothing is open, and idling costs nothing.
import { deadlineMs, plansToStart } from '../records/decisions.ts'
import { isWaitingForVm, wantsPullRequest } from '../records/records.ts'
import type { LeaseRecord, WorkspaceRecord } from '../records/records.ts'
import { UNHEARD_MS } from '../records/run-time.ts'
import type { Store } from '../store/store.ts'

const RING_GAP_MS = 2_000
/** The gateway asks about a model stream once a second. A stream it no longer asks about has died with its Worker. */
export const STREAM_SILENT_MS = 30_000
/** The remote did not answer at registration: it is asked again this often while a plan waits for the branch. */
const BRANCH_RETRY_MS = 15_000
const MAX_RING_GAP_MS = 45_000
const PROVISIONING_LIMIT_MS = 30 * 60_000
/** An outage of Orgo stops the clock of provisioning, but only for this long. */
const MOST_OUTAGE_MS = 2 * 3_600_000
/** How often the object wakes for rows that a newer version of this code left open. */
const FOREIGN_LOOK_MS = 3_600_000
/** Below a minute, so that work continues within a minute of an outage's end. */
const MAX_RETRY_MS = 45_000

/** True when the VM must still be made, told something or stopped. A VM to be deleted is a leftover and does not count. */
export function vmNeeded(store: Store, workspace: WorkspaceRecord): boolean {
  if (workspace.status === 'removed' || workspace.status === 'error') return false
  if (workspace.status === 'provisioning' || workspace.supervisor.ringWanted) return true
  return store
    .watchedPlans()
    .some((plan) => plan.onVm || plan.status === 'queued' || plan.status === 'running')
}

/** Returns when the doorbell is due: for news 2 s after the last ring, else when the supervisor falls silent; null: never. */
export function ringDueMs(store: Store, workspace: WorkspaceRecord, nowMs: number): number | null {
  const { supervisor, vm } = workspace
  if (vm.step !== 'ready' || workspace.status === 'removed') return null
  const lastRing = supervisor.lastRingAtMs ?? 0
  const gapMs = Math.min(RING_GAP_MS * 2 ** Math.max(0, supervisor.unansweredRings - 1), MAX_RING_GAP_MS)
  if (supervisor.ringWanted) return Math.max(nowMs, lastRing + gapMs)
  const waiting = store.watchedPlans().some((plan) => plan.onVm)
  if (!waiting) return null
  return Math.max((supervisor.lastHeardAtMs ?? 0) + UNHEARD_MS, lastRing + gapMs)
}

/** True when a queued plan could get a slot now. */
export function startable(store: Store, workspace: WorkspaceRecord): boolean {
  if (workspace.status !== 'ready' || workspace.vm.step !== 'ready') return false
  const running = store.plansByStatus('running').length
  return (
    plansToStart(store.plansByStatus('queued'), running, workspace.maxParallel, workspace.vm.canAddUsers)
      .length > 0
  )
}

/** Returns when a lease is checked next: a push of unknown outcome soon, a model stream once it may have died with its Worker. */
function leaseDueMs(lease: LeaseRecord, nowMs: number): number {
  if (lease.state === 'unknown') return nowMs + 5_000
  return lease.kind === 'model' ? Math.min(lease.deadlineMs, nowMs + STREAM_SILENT_MS) : lease.deadlineMs
}

/** Returns when provisioning turns into an error; null when nothing is provisioned. */
export function provisioningDeadlineMs(workspace: WorkspaceRecord): number | null {
  const { provisioningSinceMs: sinceMs, status, outageMs } = workspace
  if (sinceMs === null || status !== 'provisioning') return null
  return sinceMs + PROVISIONING_LIMIT_MS + Math.min(outageMs, MOST_OUTAGE_MS)
}

export const retryDelayMs = (retries: number): number => Math.min(1_000 * 2 ** retries, MAX_RETRY_MS)

/**
 * Returns the earliest time at which something is due, or null. There is no tight loop, because work that cannot
 * progress has its own retry time. `keptMs` comes from HISTORY_DAYS.
 */
export function nextWakeMs(store: Store, nowMs: number, keptMs: number | null = null): number | null {
  const workspace = store.workspace()
  if (workspace === null) return null
  const times: number[] = []
  if (!store.outboxIsEmpty())
    times.push(workspace.outboxRetryAtMs ?? (store.outboxIsUrgent() ? nowMs : store.linesLatestMs()))
  for (const { finishedAtMs } of keptMs === null ? [] : store.finishedPlans(1))
    times.push(Math.max(finishedAtMs + (keptMs ?? 0), workspace.outboxRetryAtMs ?? 0))
  const provisioned = provisioningDeadlineMs(workspace)
  if (provisioned !== null) times.push(provisioned)
  if (vmNeeded(store, workspace)) {
    const ring = ringDueMs(store, workspace, nowMs)
    if (workspace.vm.step !== 'ready') times.push(Math.max(workspace.retryAtMs ?? 0, nowMs))
    else if (ring !== null) times.push(Math.max(workspace.retryAtMs ?? 0, ring))
  }
  for (const { dueAtMs } of workspace.leftovers) times.push(dueAtMs)
  if (workspace.status === 'ready' || workspace.status === 'error')
    if (store.watchedPlans().some(isWaitingForVm)) times.push(workspace.mendAtMs ?? nowMs)
  const notification = store.nextNotificationMs()
  if (notification !== null) times.push(notification)
  if (startable(store, workspace)) times.push(workspace.branch === null ? nowMs + BRANCH_RETRY_MS : nowMs)
  for (const plan of store.watchedPlans()) {
    const deadline = deadlineMs(plan, workspace.supervisor.lastHeardAtMs)
    if (deadline !== null) times.push(deadline)
    if (plan.mergeCheckAtMs !== null) times.push(plan.mergeCheckAtMs)
    if (wantsPullRequest(plan)) times.push(plan.openPrAtMs)
  }
  for (const lease of store.leases()) times.push(leaseDueMs(lease, nowMs))
  // This comes last because it reads whole tables.
  if (!(Math.min(...times) <= nowMs + FOREIGN_LOOK_MS) && store.foreign() > 0)
    times.push(nowMs + FOREIGN_LOOK_MS)
  return times.length === 0 ? null : Math.max(nowMs, Math.min(...times))
}
