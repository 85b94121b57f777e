// POST /vm/sync and the key behind it: stores what the VM observed and answers what should be. Everything the VM says is a claim
// of a machine that runs untrusted code: it is capped, attributed, and never believed about heads or money.
import { signVmToken } from '../../auth/vm-token.ts'
import type { TicketClaims, VmKeyClaims } from '../../auth/vm-token.ts'
import type { ObservedPlan, SyncRequest, SyncResponse } from '../../shared/protocol.ts'
import { redact } from '../../lib/redact.ts'
import { commit, requireWorkspace } from '../core/core.ts'
import type { Core } from '../core/core.ts'
import { end, reopen, withWork } from '../records/decisions.ts'
import { desiredState } from './desired-state.ts'
import { nextWakeMs } from '../core/next-wake.ts'
import { isFinal } from '../records/records.ts'
import type { PlanRecord, WorkspaceRecord } from '../records/records.ts'
import { silenceMs, UNHEARD_MS } from '../records/run-time.ts'
import { submit, tellVm } from '../plans/plans.ts'
import type { SyncAnswer } from '../contract.ts'
import { isPlanStatus } from '../../shared/words.ts'

const ACTIVITY_GRAIN_MS = 60_000

/** Exchanges a ticket for the VM key of its generation. Returns null when it is spent or not the current machine's. */
export async function redeemTicket(core: Core, claims: TicketClaims): Promise<string | null> {
  if (!knowsVm(core, claims)) return null
  const workspace = requireWorkspace(core)
  // The same bootstrap may repeat this until its first sync, so that a lost answer does not strand the machine.
  if (workspace.vm.ticketSpent) return null
  return signVmToken(core.settings().tokenKey, {
    kind: 'vm',
    workspace: workspace.name,
    generation: workspace.vm.generation,
  })
}

export function knowsVm(core: Core, claims: TicketClaims | VmKeyClaims): boolean {
  const workspace = core.exists() ? core.store.workspace() : null
  return (
    workspace !== null &&
    workspace.name === claims.workspace &&
    workspace.status !== 'removed' &&
    workspace.vm.generation === claims.generation
  )
}

export async function vmSync(
  core: Core,
  claims: VmKeyClaims,
  request: SyncRequest,
  agentSha256: string,
): Promise<SyncAnswer> {
  if (!core.exists()) return { ok: false, reason: 'vm_replaced' }
  const workspace = requireWorkspace(core)
  if (workspace.status === 'removed') return { ok: false, reason: 'workspace_removed' }
  if (!knowsVm(core, claims)) return { ok: false, reason: 'vm_replaced' }
  if (!nonceFits(workspace, request)) {
    tellVm(core)
    await core.poke()
    return { ok: false, reason: 'stale_nonce' }
  }
  noteHeard(core, request)
  for (const observed of request.plans) observe(core, observed)
  forgetUnreported(core, request)
  const adopted = await adoptLines(core, request)
  const response = await desiredState(core, request, adopted, agentSha256)
  // The alarm is set only when it must ring earlier: each alarm costs three row writes.
  await core.wakeBy(nextWakeMs(core.store, core.now()))
  return { ok: true, response }
}

/** True when the VM shows the nonce of the last doorbell, which came through Orgo. A clone has an older one or counter. */
function nonceFits({ supervisor }: WorkspaceRecord, request: SyncRequest): boolean {
  if (supervisor.pendingNonce !== null && request.nonce === supervisor.pendingNonce) return true
  if (request.nonce !== supervisor.heardNonce) return false
  return request.bootId === supervisor.bootId && request.counter > supervisor.counter
}

/** True when this sync changes nothing stored except its time. */
function isQuiet(
  { supervisor, vm, status, retryAtMs, retries }: WorkspaceRecord,
  request: SyncRequest,
): boolean {
  return (
    status === 'ready' &&
    vm.step === 'ready' &&
    vm.status === 'running' &&
    vm.ticketSpent &&
    vm.missingSinceMs === null &&
    vm.canAddUsers === request.canAddUsers &&
    supervisor.pendingNonce === null &&
    supervisor.bootId === request.bootId &&
    supervisor.agentSha256 === request.agentSha256 &&
    supervisor.unansweredRings === 0 &&
    !supervisor.ringWanted &&
    retryAtMs === null &&
    retries === 0
  )
}

function noteHeard(core: Core, request: SyncRequest): void {
  const now = core.now()
  const before = requireWorkspace(core)
  const { lastHeardAtMs } = before.supervisor
  const wasSilent = lastHeardAtMs === null || now - lastHeardAtMs > UNHEARD_MS
  if (wasSilent) countSilence(core, lastHeardAtMs, now)
  if (!wasSilent && isQuiet(before, request))
    return core.store.noteLiveness({
      supervisor: { lastHeardAtMs: now, counter: request.counter, revisionApplied: request.revision },
      vm: { freeDiskMb: request.freeDiskMb ?? null },
    })
  const change = (workspace: WorkspaceRecord) => {
    const { supervisor, vm } = workspace
    if (request.nonce === supervisor.pendingNonce) supervisor.pendingNonce = null
    Object.assign(supervisor, {
      heardNonce: request.nonce,
      bootId: request.bootId,
      counter: request.counter,
      agentSha256: request.agentSha256,
      lastHeardAtMs: now,
      unansweredRings: 0,
      ringWanted: false,
      revisionApplied: request.revision,
    })
    Object.assign(vm, {
      canAddUsers: request.canAddUsers,
      freeDiskMb: request.freeDiskMb ?? null,
      ticketSpent: true,
      missingSinceMs: null,
      step: 'ready',
      status: 'running',
    })
    Object.assign(workspace, { retryAtMs: null, retries: 0 })
    // Plans that wait for a machine are checked at once.
    if (wasSilent || before.status !== 'ready') workspace.mendAtMs = null
  }
  if (before.status === 'ready') core.store.changeWorkspace(change)
  else
    core.store.publishWorkspace((workspace) => {
      change(workspace)
      Object.assign(workspace, {
        status: 'ready',
        statusDetail: 'The VM is ready.',
        provisioningSinceMs: null,
      })
    })
}

/** The VM is heard again: adds the silent time to its running plans, whose clock stood still. */
function countSilence(core: Core, heardAtMs: number | null, nowMs: number): void {
  for (const plan of core.store.plansByStatus('running')) {
    const silent = silenceMs(plan, heardAtMs, nowMs)
    if (silent > 0) core.store.touchPlan({ ...plan, silentMs: plan.silentMs + silent })
  }
}

function observe(core: Core, observed: ObservedPlan): void {
  const known = core.store.plan(observed.id)
  if (known === null || !isPlanStatus(known.status) || observed.attempt > known.attempt) return
  core.store.takeVmEvents(observed.id, observed.attempt, observed.events, core.now())
  if (observed.attempt !== known.attempt) return
  const plan = { ...known, messagesTaken: Math.max(known.messagesTaken, observed.messagesTaken) }
  // Activity is stored coarsely, because a row for each sign of life is most of what a running plan costs.
  if (observed.activity !== plan.activity && core.now() - (plan.lastActivityAtMs ?? 0) >= ACTIVITY_GRAIN_MS)
    Object.assign(plan, { activity: observed.activity, lastActivityAtMs: core.now() })
  if (observed.status === 'ended' && observed.end !== undefined) {
    if (commit(core, end(plan, observed.attempt, observed.end, core.now())) !== null) {
      const ended = core.store.plan(plan.id)
      if (ended !== null) core.store.savePlan({ ...ended, stoppedOnVm: true })
      reopenForMessages(core, plan)
      // A plan ended on this VM, so the VM works: reset the retry count.
      core.store.changeWorkspace((workspace) => void (workspace.mendTries = 0))
    } else if (!plan.stoppedOnVm && plan.status !== 'running' && plan.status !== 'queued')
      confirmStop(core, plan, observed)
    return
  }
  const phase = plan.status === 'running' ? (observed.phase ?? plan.phase) : plan.phase
  if (phase !== plan.phase) {
    core.store.savePlan({ ...plan, phase })
    core.wakeWaiters()
  } else if (plan.activity !== known.activity || plan.messagesTaken !== known.messagesTaken)
    core.store.touchPlan(plan)
}

/** A message that came while the VM was finishing was never read: the next attempt answers it. */
function reopenForMessages(core: Core, { id, messagesTaken }: { id: string; messagesTaken: number }): void {
  const ended = core.store.plan(id)
  if (ended?.status !== 'completed' || core.store.messages(id, messagesTaken).length === 0) return
  commit(core, reopen(ended, ended.budgetUsd, 'Reopened by a message.'))
}

/** The VM confirms that a plan cancelled or paused here has stopped: keep what it says it did, as a claim. */
function confirmStop(core: Core, plan: PlanRecord, observed: ObservedPlan): void {
  const work = observed.end?.work
  const detail =
    plan.status === 'cancelled'
      ? 'Rights revoked, and the VM confirmed that no process of the plan is left.'
      : plan.statusDetail
  core.store.savePlan({
    ...(work === undefined ? plan : withWork(plan, work)),
    stoppedOnVm: true,
    statusDetail: detail,
  })
  if (plan.status === 'cancelled')
    core.store.addEvent(plan.id, {
      atMs: core.now(),
      type: 'stopped',
      text: 'The VM confirmed that no process of the plan is left.',
    })
  core.wakeWaiters()
}

/** A plan that the VM was told to forget and no longer reports is gone from there. */
function forgetUnreported(core: Core, request: SyncRequest): void {
  const reported = new Set(request.plans.map((plan) => plan.id))
  for (const plan of core.store.watchedPlans()) {
    const over = isFinal(plan.status) || plan.status === 'paused'
    if (!plan.onVm || !over || reported.has(plan.id) || request.revision < core.store.planRevision(plan.id))
      continue
    core.store.savePlan({ ...plan, onVm: false, removeCheckout: false, stoppedOnVm: true })
  }
}

/** Turns lines a person wrote into tasks.md into plans with default settings, each line once. */
async function adoptLines(core: Core, request: SyncRequest): Promise<SyncResponse['adopted']> {
  const adopted: SyncResponse['adopted'] = []
  for (const line of request.adopted) {
    const known = core.store.adoptedLine(line.ref)
    const id =
      known ??
      (
        await submit(core, requireWorkspace(core).name, {
          // The person's text is kept unchanged, except that a token in it is neither stored nor sent to a model.
          plan: redact(line.text),
          idempotencyKey: `tasks.md:${line.ref}`,
        })
      ).plan.id
    if (known === undefined && core.store.adoptedLine(line.ref) === undefined)
      core.store.saveAdoptedLine(line.ref, id)
    adopted.push({ ref: line.ref, id, title: core.store.plan(id)?.title ?? '' })
  }
  return adopted
}
