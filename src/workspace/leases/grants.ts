// Pure: decides whether the holder of these claims may do this to that upstream now. A refusal has one of a closed list of reasons
// (contract.ts DenyReason). The gateway has checked the token's signature; the rows decide here whether the right still holds.
import type { PlanClaims, VmKeyClaims } from '../../auth/vm-token.ts'
import { isFinal } from '../records/records.ts'
import type { LeaseRecord, PlanRecord, WorkspaceRecord } from '../records/records.ts'
import type { DenyReason, Intent } from '../contract.ts'

/** How long a paused plan may still push what was done. Its model calls are refused at once. */
export const PUSH_AFTER_PAUSE_MS = 10 * 60_000
const LEASE_MS = { git_read: 30 * 60_000, git_push: 15 * 60_000, model: 30 * 60_000 }
const ZERO = /^0+$/

export type Grant =
  | { ok: true; lease: Omit<LeaseRecord, 'id'> | null }
  | { ok: false; reason: DenyReason; refs?: { ref: string; text: string }[] }

export interface GrantInput {
  workspace: WorkspaceRecord
  /** null for a VM key, and for a plan that does not exist. */
  plan: PlanRecord | null
  claims: PlanClaims | VmKeyClaims
  intent: Intent
  openLeases: LeaseRecord[]
  nowMs: number
}

export function grant({ workspace, plan, claims, intent, openLeases, nowMs }: GrantInput): Grant {
  if (workspace.status === 'removed') return { ok: false, reason: 'workspace_removed' }
  if (claims.kind === 'vm') {
    if (claims.generation !== workspace.vm.generation) return { ok: false, reason: 'vm_replaced' }
    return intent.kind === 'git_read'
      ? { ok: true, lease: newLease({ id: '', attempt: claims.generation }, 'git_read', 0, [], nowMs) }
      : { ok: false, reason: 'not_your_ref' }
  }
  if (plan === null) return { ok: false, reason: 'unknown_plan' }
  const life = planLife(plan, claims.attempt, intent, nowMs)
  if (life !== null) return { ok: false, reason: life }
  if (intent.kind === 'model_free') return { ok: true, lease: null }
  if (intent.kind === 'git_read' || intent.kind === 'git_push_discover')
    return { ok: true, lease: newLease(plan, 'git_read', 0, [], nowMs) }
  if (intent.kind === 'model') {
    // A call is admitted while the spent money plus the worst cases of open calls stay below the budget. So at most one call crosses it.
    const open = openLeases
      .filter((lease) => lease.kind === 'model')
      .reduce((sum, lease) => sum + lease.worstCaseUsd, 0)
    if (plan.spentUsd + open >= plan.budgetUsd) return { ok: false, reason: 'budget_exceeded' }
    return { ok: true, lease: newLease(plan, 'model', intent.worstCaseUsd, [], nowMs) }
  }
  const refs = intent.commands.flatMap((command) => refProblem(plan, command))
  const worst = refs[0]
  if (worst !== undefined)
    return { ok: false, reason: worst.reason, refs: refs.map(({ ref, text }) => ({ ref, text })) }
  return { ok: true, lease: newLease(plan, 'git_push', 0, intent.commands, nowMs) }
}

/**
 * True while a stream may continue: until its deadline, and while the rows would still grant it. So every change of a plan's state ends its
 * streams, no matter what made the change. A lease without a plan is a machine's own fetch.
 */
export function mayContinue(
  lease: LeaseRecord,
  { workspace, plan, nowMs }: Pick<GrantInput, 'workspace' | 'plan' | 'nowMs'>,
): boolean {
  if (lease.state !== 'open' || lease.deadlineMs <= nowMs || workspace.status === 'removed') return false
  if (lease.plan === '') return lease.attempt === workspace.vm.generation
  if (plan === null) return false
  const life = planLife(plan, lease.attempt, { kind: lease.kind }, nowMs)
  // A call admitted before the budget ran out was counted into it. Cutting it would pay in full for half an answer.
  return life === null || life === 'budget_exceeded' || life === 'monthly_budget_exceeded'
}

function planLife(
  plan: PlanRecord,
  attempt: number,
  intent: Pick<Intent, 'kind'>,
  nowMs: number,
): DenyReason | null {
  if (plan.status === 'cancelled') return 'plan_cancelled'
  if (isFinal(plan.status)) return 'plan_over'
  if (attempt !== plan.attempt) return 'attempt_superseded'
  if (plan.status === 'running') return null
  if (plan.status !== 'paused') return 'plan_not_running'
  if (intent.kind === 'model' || intent.kind === 'model_free') {
    if (plan.pausedReason === 'budget') return 'budget_exceeded'
    return plan.pausedReason === 'monthly_budget' ? 'monthly_budget_exceeded' : 'plan_paused'
  }
  return nowMs - (plan.pausedAtMs ?? 0) < PUSH_AFTER_PAUSE_MS ? null : 'plan_paused'
}

interface RefProblem {
  ref: string
  reason: DenyReason
  text: string
}

/**
 * A plan may write two refs, each only from the value it last pushed there, so no commit of anyone else is overwritten. Returns what is
 * wrong with the command; empty when nothing is.
 */
function refProblem(plan: PlanRecord, command: { oldId: string; newId: string; ref: string }): RefProblem[] {
  const branchRef = `refs/heads/${plan.branch}`
  const checkpointRef = `refs/agent/${plan.id}`
  const { ref } = command
  if (ref !== branchRef && ref !== checkpointRef)
    return [{ ref, reason: 'not_your_ref', text: `this plan may only push to ${plan.branch}` }]
  if (ZERO.test(command.newId))
    return [{ ref, reason: 'delete_refused', text: 'a plan may not delete its branch' }]
  const last = ref === branchRef ? plan.pushedHead : plan.checkpointHead
  const matches = last === null ? ZERO.test(command.oldId) : command.oldId === last
  return matches
    ? []
    : [
        {
          ref,
          reason: 'ref_moved',
          text: `the branch was moved by someone else and is not overwritten; set it back to ${last === null ? 'nothing' : last.slice(0, 12)} to let the plan push`,
        },
      ]
}

function newLease(
  plan: Pick<PlanRecord, 'id' | 'attempt'>,
  kind: LeaseRecord['kind'],
  worstCaseUsd: number,
  commands: LeaseRecord['commands'],
  nowMs: number,
): Omit<LeaseRecord, 'id'> {
  return {
    plan: plan.id,
    attempt: plan.attempt,
    kind,
    state: 'open',
    deadlineMs: nowMs + LEASE_MS[kind],
    worstCaseUsd,
    commands,
  }
}
