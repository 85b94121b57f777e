// Builds the answer of POST /vm/sync: what should be on the VM. It is derived from the tables, so a repeated sync gets the same.
import { planTokenExpiryMs, signVmToken } from '../../auth/vm-token.ts'
import { MAX_TEXT_BYTES_PER_SYNC, PROTOCOL_VERSION } from '../../shared/protocol.ts'
import type { DesiredPlan, SyncRequest, SyncResponse } from '../../shared/protocol.ts'
import { requireWorkspace } from '../core/core.ts'
import type { Core } from '../core/core.ts'
import { isFinal } from '../records/records.ts'
import type { PlanRecord, WorkspaceRecord } from '../records/records.ts'

const SYNC_RUNNING_MS = 5_000
const SYNC_SETTLING_MS = 1_000
/** After a pause decided here, the process may push and report for this long before it is told to stop. */
const PAUSE_GRACE_MS = 2 * 60_000

export async function desiredState(
  core: Core,
  request: SyncRequest,
  adopted: SyncResponse['adopted'],
  agentSha256: string,
): Promise<SyncResponse> {
  const told = core.store.watchedPlans().filter((plan) => plan.onVm)
  const unknown = request.plans.filter((observed) => core.store.plan(observed.id) === null)
  const { tokenKey } = core.settings()
  const plans = await Promise.all(
    told.map((plan) => desiredPlan(core, requireWorkspace(core), plan, tokenKey)),
  )
  const workspace = requireWorkspace(core)
  if (workspace.refreshMirror) core.store.changeWorkspace((record) => void (record.refreshMirror = false))
  return {
    protocol: PROTOCOL_VERSION,
    revision: workspace.revision,
    plans: [...plans, ...unknown.map(({ id, attempt }) => forgotten(id, attempt))],
    texts: texts(core, request.wantTexts),
    adopted,
    agentSha256,
    refreshMirror: workspace.refreshMirror,
    nextSyncMs: nextSyncMs(plans, unknown.length),
  }
}

function nextSyncMs(plans: DesiredPlan[], unknown: number): number | null {
  if (plans.some((plan) => plan.want === 'run')) return SYNC_RUNNING_MS
  return plans.length + unknown > 0 ? SYNC_SETTLING_MS : null
}

async function desiredPlan(
  core: Core,
  workspace: WorkspaceRecord,
  plan: PlanRecord,
  tokenKey: string,
): Promise<DesiredPlan> {
  const want = wanted(plan, core.now())
  const token =
    want === 'run'
      ? {
          planToken: await signVmToken(tokenKey, {
            kind: 'plan',
            workspace: workspace.name,
            plan: plan.id,
            attempt: plan.attempt,
            expiresAtMs: planTokenExpiryMs(core.now()),
          }),
        }
      : {}
  return {
    id: plan.id,
    attempt: plan.attempt,
    want,
    final: isFinal(plan.status),
    removeCheckout: plan.removeCheckout,
    title: plan.title,
    branch: plan.branch,
    base: plan.base,
    ...(workspace.setup === null ? {} : { setup: workspace.setup }),
    checks: plan.declaredChecks,
    model: plan.model,
    effort: plan.effort,
    onQuestion: plan.onQuestion,
    workMs: plan.runLimitMs,
    checkpointMs: Math.round(core.settings().checkpointMinutes * 60_000),
    budgetUsd: plan.budgetUsd,
    textSha256: plan.textSha256,
    ...token,
    ...(plan.pushedHead === null ? {} : { pushedHead: plan.pushedHead }),
    ...(plan.checkpointHead === null ? {} : { checkpointHead: plan.checkpointHead }),
    messages: core.store.messages(plan.id, 0),
    ackedEvent: core.store.lastVmEvent(plan.id, plan.attempt),
  }
}

function wanted(plan: PlanRecord, nowMs: number): DesiredPlan['want'] {
  if (plan.status === 'running') return 'run'
  // The plan was reopened but has no slot yet: any process of it must be gone before the next attempt.
  if (plan.status === 'queued') return 'stop'
  if (plan.stoppedOnVm) return 'forget'
  return plan.status === 'paused' && nowMs - (plan.pausedAtMs ?? 0) < PAUSE_GRACE_MS ? 'run' : 'stop'
}

/** The answer for a plan without a row here, of an older installation or a removed workspace. None of its data is deleted. */
function forgotten(id: string, attempt: number): DesiredPlan {
  return {
    id,
    attempt,
    want: 'forget',
    final: false,
    removeCheckout: false,
    title: '',
    branch: '',
    base: '',
    checks: [],
    model: '',
    effort: '',
    onQuestion: 'pause',
    budgetUsd: 0,
    textSha256: '',
    messages: [],
    ackedEvent: Number.MAX_SAFE_INTEGER,
  }
}

/** Returns as many of the wanted texts as fit, at least one. The supervisor asks again for the rest. */
function texts(core: Core, wanted_: string[]): SyncResponse['texts'] {
  const found: SyncResponse['texts'] = []
  let bytes = 0
  for (const id of wanted_) {
    const text = core.store.plan(id) === null ? '' : core.store.text(id)
    if (text === '') continue
    bytes += new TextEncoder().encode(text).byteLength
    if (found.length > 0 && bytes > MAX_TEXT_BYTES_PER_SYNC) break
    found.push({ id, text })
  }
  return found
}
