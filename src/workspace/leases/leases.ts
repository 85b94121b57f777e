// Answers the gateway's questions: opens, settles and revokes leases. grants.ts decides; this file stores the answer before giving it.
// Every lease is accounted for: the gateway settles it, or it is charged in full or looked up upstream when the gateway never does.
import type { PlanClaims, VmKeyClaims } from '../../auth/vm-token.ts'
import { randomHex } from '../../lib/crypto.ts'
import { commit, requireWorkspace } from '../core/core.ts'
import type { Core } from '../core/core.ts'
import { nextMergeCheckMs, pause } from '../records/decisions.ts'
import { grant, mayContinue } from './grants.ts'
import { reportMonth, reserveMonth } from './monthly-budget.ts'
import { STREAM_SILENT_MS } from '../core/next-wake.ts'
import type { LeaseRecord } from '../records/records.ts'
import type { Authorization, Intent, Settlement } from '../contract.ts'
import { addTokens } from '../../shared/usage.ts'
import type { PausedReason } from '../../shared/words.ts'

const CUT_WAIT_MS = 1_500
/** The host may still carry out a push that was cut after its last byte. */
const LOOK_FOR_PUSH_MS = 60_000

export async function authorize(
  core: Core,
  claims: PlanClaims | VmKeyClaims,
  intent: Intent,
): Promise<Authorization> {
  if (!core.exists()) return { ok: false, reason: 'unknown_workspace' }
  const leaseId = randomHex(16)
  if (intent.kind === 'model') return authorizeModel(core, claims, intent, leaseId)
  const answer = openLease(core, claims, intent, leaseId)
  if (answer.ok) return answer
  // The recorded head may be behind only because an earlier push's answer was lost: ask upstream once, then decide again.
  if (answer.reason === 'ref_moved' && claims.kind === 'plan' && (await resolvePushes(core, claims.plan))) {
    const second = openLease(core, claims, intent, leaseId)
    return second.ok ? second : refuse(core, claims, second)
  }
  return refuse(core, claims, answer)
}

async function authorizeModel(
  core: Core,
  claims: PlanClaims | VmKeyClaims,
  intent: Intent & { kind: 'model' },
  leaseId: string,
): Promise<Authorization> {
  const { ok, done } = await reserveMonth(core, intent.worstCaseUsd)
  if (!ok) return refuse(core, claims, { ok: false, reason: 'monthly_budget_exceeded' })
  const answer = openLease(core, claims, intent, leaseId)
  done()
  return answer.ok ? answer : refuse(core, claims, answer)
}

/** Decides and stores in one synchronous block, so that two calls can never both take the same remaining budget. */
function openLease(
  core: Core,
  claims: PlanClaims | VmKeyClaims,
  intent: Intent,
  leaseId: string,
): Authorization {
  const workspace = requireWorkspace(core)
  if (workspace.name !== claims.workspace) return { ok: false, reason: 'unknown_workspace' }
  const plan = claims.kind === 'plan' ? core.store.plan(claims.plan) : null
  const openLeases = plan === null ? [] : core.store.leases(plan.id).filter((lease) => lease.state === 'open')
  const granted = grant({ workspace, plan, claims, intent, openLeases, nowMs: core.now() })
  if (!granted.ok) return granted
  if (granted.lease !== null) core.store.saveLease({ id: leaseId, ...granted.lease })
  if (intent.kind === 'model') core.leaseHeardAtMs.set(leaseId, core.now())
  return {
    ok: true,
    leaseId,
    gitRemote: workspace.gitRemote,
    model: plan?.model ?? '',
    ...(intent.kind === 'model' && plan?.modelSilent === true ? { probeFirst: true } : {}),
    deadlineMs: granted.lease?.deadlineMs ?? core.now() + 10 * 60_000,
    ...(intent.kind === 'model' && plan !== null ? { budgetUsed: plan.spentUsd / plan.budgetUsd } : {}),
  }
}

/** Pauses a plan whose budget is used up. Doing it here makes it hold even when the VM does not answer. */
async function refuse(
  core: Core,
  claims: PlanClaims | VmKeyClaims,
  answer: Authorization & { ok: false },
): Promise<Authorization> {
  const plan = claims.kind === 'plan' ? core.store.plan(claims.plan) : null
  if (plan === null || plan.status !== 'running' || claims.kind !== 'plan' || claims.attempt !== plan.attempt)
    return answer
  const used: [PausedReason, string] | null =
    answer.reason === 'budget_exceeded'
      ? [
          'budget',
          `The budget of $${plan.budgetUsd} is used up. Continue with plan_resume and a higher budget_usd.`,
        ]
      : answer.reason === 'monthly_budget_exceeded'
        ? [
            'monthly_budget',
            'MONTHLY_BUDGET_USD is used up for this month. Raise it or wait, then continue with plan_resume.',
          ]
        : null
  if (used !== null && commit(core, pause(plan, ...used, core.now())) !== null) await core.poke()
  return answer
}

export async function settle(core: Core, leaseId: string, settlement: Settlement): Promise<void> {
  const lease = core.exists() ? core.store.lease(leaseId) : null
  if (lease === null) return // it was settled before: a repeat changes nothing
  if (lease.kind === 'git_read') {
    core.store.dropLease(leaseId)
    core.wakeWaiters()
    return // a finished read needs no alarm
  }
  if (lease.kind === 'model') {
    const unsettledUsd = settlement.kind === 'refused_upstream' ? 0 : lease.worstCaseUsd
    const usd = settlement.kind === 'model' ? settlement.usd : unsettledUsd
    const isQuiet = charge(core, lease, usd, settlement)
    await reportMonth(core)
    // A running plan's charge needs no alarm.
    if (isQuiet) return core.wakeWaiters()
  } else if (settlement.kind === 'pushed') {
    recordPush(core, lease, settlement.updated)
  } else if (settlement.kind === 'unknown') {
    // The host may still be busy with the push, so its outcome is looked up until this deadline, not only once.
    core.store.saveLease({ ...lease, state: 'unknown', deadlineMs: core.now() + LOOK_FOR_PUSH_MS })
  } else {
    core.store.dropLease(leaseId)
  }
  core.wakeWaiters()
  await core.poke()
}

/** Books the cost. Returns true while the plan runs: D1 then learns of the sum with the plan's next event, not at once. */
function charge(core: Core, lease: LeaseRecord, usd: number, settlement: Settlement): boolean {
  core.store.dropLease(lease.id)
  core.leaseHeardAtMs.delete(lease.id)
  const plan = core.store.plan(lease.plan)
  if (plan === null) return true
  core.store.noteSpent(usd)
  const charged = {
    ...plan,
    // Rounded to a billionth, because sums of fractions grow a tail of meaningless digits.
    spentUsd: Math.round((plan.spentUsd + usd) * 1e9) / 1e9,
    // Only an answer that was paid for shows that calls reach the model API again.
    modelSilent: settlement.kind === 'unknown' || (settlement.kind !== 'model' && plan.modelSilent),
    lastActivityAtMs: core.now(),
    tokens: settlement.kind === 'model' ? addTokens(plan.tokens, settlement.tokens) : plan.tokens,
  }
  if (plan.status !== 'running') core.store.savePlan(charged)
  else core.store.touchPlan(charged)
  return plan.status === 'running'
}

/** Records heads that the upstream took. The first push of the plan's own branch starts its merge checks. */
function recordPush(core: Core, lease: LeaseRecord, updated: { ref: string; newId: string }[]): void {
  core.store.dropLease(lease.id)
  const plan = core.store.plan(lease.plan)
  if (plan === null) return
  const now = core.now()
  for (const { ref, newId } of updated) {
    if (ref === `refs/agent/${plan.id}`) {
      plan.checkpointHead = newId
      core.store.addEvent(plan.id, {
        atMs: now,
        type: 'checkpoint_stored',
        text: `Work so far is stored as ${newId.slice(0, 12)}.`,
        data: { head: newId },
      })
    } else if (ref === `refs/heads/${plan.branch}`) {
      plan.pushedHead = newId
      plan.firstPushAtMs ??= now
      plan.mergeCheckAtMs ??= nextMergeCheckMs(plan.firstPushAtMs, now)
      if (plan.mergeStatus === 'none' || plan.mergeStatus === 'closed') plan.mergeStatus = 'open'
      core.store.addEvent(plan.id, {
        atMs: now,
        type: 'pushed',
        text: `${plan.branch} is now at ${newId.slice(0, 12)}.`,
        data: { head: newId },
      })
    }
  }
  plan.lastActivityAtMs = now
  core.store.savePlan(plan)
}

/** Asks upstream what pushes of unknown outcome did. Returns false when there were none, or upstream could not be asked. */
export async function resolvePushes(core: Core, planId: string): Promise<boolean> {
  const pending = core.store.leases(planId).filter((lease) => lease.kind === 'git_push')
  const plan = core.store.plan(planId)
  if (pending.length === 0 || plan === null) return false
  const { gitRemote } = requireWorkspace(core)
  const refs = await core.refs(gitRemote, [`refs/heads/${plan.branch}`, `refs/agent/${plan.id}`])
  if (refs.kind !== 'ok') return false
  for (const lease of pending) {
    if (core.store.lease(lease.id) === null) continue // settled while upstream answered
    const updated = lease.commands.filter((command) => refs.refs[command.ref] === command.newId)
    if (updated.length > 0) recordPush(core, lease, updated)
    else if (lease.state === 'unknown' && lease.deadlineMs <= core.now()) core.store.dropLease(lease.id)
  }
  return true
}

/** True when the lease's time is over, its Worker died, or its outcome must be looked up. A stream counts as heard at the first check. */
export function isLeaseDue(core: Core, lease: LeaseRecord): boolean {
  const now = core.now()
  if (lease.deadlineMs <= now) return true
  if (lease.kind === 'git_push') return lease.state === 'unknown'
  if (lease.kind !== 'model') return false
  const heardAtMs = core.leaseHeardAtMs.get(lease.id) ?? now
  core.leaseHeardAtMs.set(lease.id, heardAtMs)
  return now - heardAtMs >= STREAM_SILENT_MS
}

/** Ends leases that are due: a model call is charged in full, a push is looked up. */
export async function expireLeases(core: Core): Promise<void> {
  for (const lease of core.store.leases()) {
    if (!isLeaseDue(core, lease)) continue
    if (lease.kind === 'git_push') {
      if (lease.state !== 'unknown') core.store.saveLease({ ...lease, state: 'unknown' })
      await resolvePushes(core, lease.plan)
    } else await settle(core, lease.id, { kind: 'unknown' })
  }
}

/** Takes every right of these plans away and waits at most 1.5 s until their streams are cut; then no byte of them moves any more. */
export async function revokeLeases(core: Core, planIds: string[]): Promise<void> {
  const leases = () => planIds.flatMap((id) => core.store.leases(id))
  for (const lease of leases())
    if (lease.state === 'open') core.store.saveLease({ ...lease, state: 'revoked' })
  core.wakeWaiters()
  const until = core.now() + CUT_WAIT_MS
  while (core.now() < until && leases().some((lease) => lease.state === 'revoked'))
    await core.nextChange(until - core.now())
}

/** An open call looks at the rows at least this often, so that it notices a right that ends by the clock alone, such as a pause's. */
const LOOK_EVERY_MS = 10_000

export async function untilRevoked(core: Core, leaseId: string): Promise<'revoked' | 'over'> {
  for (;;) {
    const lease = core.exists() ? core.store.lease(leaseId) : null
    if (lease === null || lease.deadlineMs <= core.now()) return 'over'
    if (!rowsGrant(core, leaseId)) return 'revoked'
    await core.nextChange(Math.min(lease.deadlineMs - core.now(), LOOK_EVERY_MS))
  }
}

export async function leaseLives(core: Core, leaseId: string, mostUsd?: number): Promise<boolean> {
  const lease = core.exists() ? core.store.lease(leaseId) : null
  if (lease === null) return false
  if (lease.kind === 'model') core.leaseHeardAtMs.set(leaseId, core.now())
  if (mostUsd !== undefined && mostUsd >= 0 && mostUsd < lease.worstCaseUsd && isTight(core, lease))
    core.store.saveLease({ ...lease, worstCaseUsd: mostUsd })
  return rowsGrant(core, leaseId)
}

/** True past half of the budget: only then is it worth a row write to store how much less a call can still cost. */
function isTight(core: Core, lease: LeaseRecord): boolean {
  const plan = core.store.plan(lease.plan)
  return plan !== null && plan.spentUsd + lease.worstCaseUsd >= plan.budgetUsd / 2
}

function rowsGrant(core: Core, leaseId: string): boolean {
  const lease = core.store.lease(leaseId)
  if (lease === null) return false
  const plan = lease.plan === '' ? null : core.store.plan(lease.plan)
  return mayContinue(lease, { workspace: requireWorkspace(core), plan, nowMs: core.now() })
}
