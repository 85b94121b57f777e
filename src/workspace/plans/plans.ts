// What a client may do with plans: submit, watch, message, cancel, resume. Each function stores the change and arms the alarm.
import { sha256Hex, randomHex } from '../../lib/crypto.ts'
import { UserError } from '../../lib/errors.ts'
import { newPlanId, workspaceKey } from '../../lib/ids.ts'
import { isPriced, pricedModels } from '../../lib/prices.ts'
import { waitKey } from '../../lib/wait-key.ts'
import { commit, requirePlan, requireWorkspace } from '../core/core.ts'
import type { Core } from '../core/core.ts'
import { cancel, reopen } from '../records/decisions.ts'
import { tryAgain } from './resume-after-outage.ts'
import { newPlanRecord } from '../records/new-records.ts'
import { isFinal, isOpen } from '../records/records.ts'
import type { PlanRecord, WorkspaceRecord } from '../records/records.ts'
import { revokeLeases } from '../leases/leases.ts'
import { silenceMs, UNHEARD_MS } from '../records/run-time.ts'
import { toPlanSnapshot } from '../records/snapshots.ts'
import type {
  MessageAnswer,
  PlanSnapshot,
  PlanStatusAnswer,
  PlanStatusOptions,
  SubmitInput,
} from '../contract.ts'

const SAME_PLAN_MS = 60_000
const MAX_TITLE = 120
const MAX_EVENTS_PER_ANSWER = 200

export async function submit(
  core: Core,
  name: string,
  input: SubmitInput,
): Promise<{ plan: PlanSnapshot; deduplicated: boolean }> {
  const workspaceName = requireWorkspace(core, name).name
  const { idempotencyKey, ...rest } = input
  const hash = await sha256Hex(JSON.stringify(rest, Object.keys(rest).toSorted()))
  const textSha256 = await sha256Hex(input.plan)
  const id = newPlanId(await workspaceKey(workspaceName))
  const settings = core.settings()

  // Nothing is awaited from here to the insert, so that two calls at once cannot both be the first.
  const workspace = requireWorkspace(core, name)
  refuseWhenRemoved(workspace)
  const key = idempotencyKey === undefined ? `arguments:${hash}` : `key:${idempotencyKey}`
  const earlier = core.store.submission(key)
  const earlierPlan = earlier === undefined ? null : core.store.plan(earlier.plan)
  if (earlier !== undefined && earlierPlan !== null) {
    if (idempotencyKey !== undefined && earlier.arguments !== hash)
      throw new UserError(
        `idempotency_key "${idempotencyKey}" was used for plan ${earlier.plan} with other arguments. Use a new key, or repeat the same arguments.`,
        'idempotency_conflict',
        409,
      )
    if (
      idempotencyKey !== undefined ||
      (core.now() - earlier.at < SAME_PLAN_MS && !isFinal(earlierPlan.status))
    )
      return { plan: toPlanSnapshot(earlierPlan, name), deduplicated: true }
  }
  const model = input.model ?? settings.model
  refuseUnpriced(
    model,
    input.model === undefined ? 'the setting MODEL' : 'model',
    'Call plan_submit with model set to one of them',
  )
  const start = startOf(core, input.base, workspace)
  const fresh = newPlanRecord({
    id,
    title: titleOf(input.plan),
    planChars: input.plan.length,
    textSha256,
    branch: input.branchName === undefined ? `agent/${id}` : `agent/${input.branchName}-${randomHex(4)}`,
    base: start.branch ?? workspace.branch ?? '',
    declaredChecks: input.checks ?? workspace.checks,
    openPr: input.openPr ?? workspace.openPr,
    budgetUsd: input.budgetUsd ?? settings.defaultBudgetUsd,
    model,
    effort: input.effort ?? settings.effort,
    onQuestion: input.onQuestion ?? 'pause',
    createdAtMs: core.now(),
  })
  const plan = { ...fresh, statusDetail: start.detail }
  core.store.insertPlan(plan, input.plan)
  const text = start.detail === null ? 'Accepted.' : `Accepted. ${start.detail}`
  core.store.addEvent(id, { atMs: core.now(), type: 'queued', text, data: { attempt: 1 } })
  core.store.saveSubmission(key, id, hash, core.now())
  if (workspace.status === 'error') tryAgain(core)
  await core.poke()
  return { plan: toPlanSnapshot(plan, name), deduplicated: false }
}

/**
 * Returns the branch to start from. When `base` is a plan id, that is the branch which the plan pushed. No branch: the workspace's own,
 * and `detail` says so when the plan's branch is gone, because merged branches are removed.
 */
function startOf(
  core: Core,
  base: string | undefined,
  workspace: WorkspaceRecord,
): { branch: string | undefined; detail: string | null } {
  const plan = base === undefined ? null : core.store.plan(base)
  if (plan === null) return { branch: base, detail: null }
  if (plan.pushedHead === null)
    throw new UserError(
      `Plan ${plan.id} has pushed nothing yet, so base cannot be that plan. Wait for it, or name a branch.`,
    )
  const isMerged = plan.mergeStatus === 'merged' && !workspace.keepBranch
  if (!isMerged && plan.mergeStatus !== 'unknown') return { branch: plan.branch, detail: null }
  const own = workspace.branch ?? 'the default branch'
  const why = isMerged ? 'was merged and removed' : 'is gone from the host'
  return { branch: undefined, detail: `The branch of plan ${plan.id} ${why}: this plan starts from ${own}.` }
}

export function titleOf(text: string): string {
  const line = text.split(/\r?\n/).find((candidate) => candidate.trim() !== '') ?? ''
  const clean = line.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ').trim()
  return clean.slice(0, MAX_TITLE).replace(/[\uD800-\uDBFF]$/, '')
}

/** Some changes do not wake a waiting call, because a plan's row is written in many places. So waiting calls also look this often. */
const LOOK_MS = 1_000

export async function planStatus(
  core: Core,
  planId: string,
  { waitMs, after, limit, orEvent = false }: PlanStatusOptions,
): Promise<PlanStatusAnswer> {
  const key = () => `${waitKey(requirePlan(core, planId))} ${orEvent ? core.store.newestEvent(planId) : ''}`
  const before = key()
  // A plan that ended between two calls of a client will not change again, so the call does not wait.
  const isNews =
    after > 0 && core.store.newestEvent(planId) > after && !isOpen(requirePlan(core, planId).status)
  const until = core.now() + (isNews ? 0 : waitMs)
  while (core.now() < until && key() === before) await core.nextChange(Math.min(LOOK_MS, until - core.now()))
  const plan = requirePlan(core, planId)
  const events = core.store.events(planId, after, Math.min(limit, MAX_EVENTS_PER_ANSWER))
  const { name, supervisor } = requireWorkspace(core)
  const silentMs = plan.status === 'running' ? silenceMs(plan, supervisor.lastHeardAtMs, core.now()) : 0
  return {
    plan: toPlanSnapshot(plan, name),
    events,
    cursor: events.at(-1)?.seq ?? after,
    ...(silentMs > 0 ? { vmUnheardMs: silentMs + UNHEARD_MS } : {}),
  }
}

/** Revokes the plan's rights and cuts its open streams before it returns; what the VM still does reaches nothing any more. */
export async function cancelPlan(core: Core, planId: string): Promise<PlanSnapshot> {
  const plan = requirePlan(core, planId)
  const { name } = requireWorkspace(core)
  if (plan.status === 'completed' || plan.status === 'failed')
    throw new UserError(
      `Plan ${planId} is ${plan.status} already: there is nothing to cancel. Its branch stays as it is.`,
      'already_final',
      409,
    )
  const cancelled = commit(core, cancel(plan, core.now()))
  if (cancelled !== null) {
    tellVm(core)
    await core.poke()
    await revokeLeases(core, [planId])
  }
  return toPlanSnapshot(requirePlan(core, planId), name)
}

export async function resumePlan(
  core: Core,
  planId: string,
  budgetUsd: number | undefined,
  wantedModel?: string,
): Promise<PlanSnapshot> {
  const plan = requirePlan(core, planId)
  refuseWhenOver(core, plan)
  if (plan.status === 'queued' || plan.status === 'running')
    throw new UserError(
      `Plan ${planId} is ${plan.status}: there is nothing to resume. Watch it with plan_status.`,
      'already_open',
      409,
    )
  const budget = budgetUsd ?? plan.budgetUsd
  if (budget <= plan.spentUsd)
    throw new UserError(
      `budget_usd is the new total and must exceed the $${plan.spentUsd.toFixed(4)} already spent; it would be $${budget}. Call plan_resume with a higher budget_usd.`,
    )
  const model = wantedModel ?? plan.model
  refuseUnpriced(
    model,
    wantedModel === undefined ? `the model of plan ${planId}` : 'model',
    'Call plan_resume with model set to one of them',
  )
  return reopened(core, { ...plan, model }, budget, 'Resumed.')
}

/** With answersAttempt the text is the answer to that attempt's question; it is dropped once the question is answered or withdrawn. */
export async function messagePlan(
  core: Core,
  planId: string,
  text: string,
  answersAttempt?: number,
): Promise<MessageAnswer> {
  const plan = requirePlan(core, planId)
  if (answersAttempt !== undefined && !(isAsking(plan) && plan.attempt === answersAttempt))
    return toPlanSnapshot(plan, requireWorkspace(core).name)
  refuseWhenOver(core, plan)
  const isOpenNow = plan.status === 'queued' || plan.status === 'running'
  if (!isOpenNow)
    refuseUnpriced(
      plan.model,
      `the model of plan ${planId}`,
      'Call plan_resume with model set to one of them, then send the message again',
    )
  const n = core.store.addMessage(planId, text)
  core.store.addEvent(planId, { atMs: core.now(), type: 'message', text: text.slice(0, 2_000), data: { n } })
  if (!isOpenNow) {
    const next = await reopened(core, plan, plan.budgetUsd, 'Reopened by a message.')
    return isFinal(plan.status) ? { ...next, startsAgain: true } : next
  }
  core.store.savePlan(plan)
  tellVm(core)
  await core.poke()
  return toPlanSnapshot(plan, requireWorkspace(core).name)
}

const isAsking = (plan: PlanRecord): boolean => plan.status === 'paused' && plan.pausedReason === 'question'

async function reopened(core: Core, plan: PlanRecord, budgetUsd: number, why: string): Promise<PlanSnapshot> {
  const next = commit(core, reopen(plan, budgetUsd, why)) ?? plan
  tryAgain(core)
  await core.poke()
  // Streams of the earlier attempt end before the new attempt is promised.
  await revokeLeases(core, [plan.id])
  return toPlanSnapshot(next, requireWorkspace(core).name)
}

function refuseWhenOver(core: Core, plan: PlanRecord): void {
  if (plan.mergeStatus === 'merged')
    throw new UserError(
      `Plan ${plan.id} was merged: it is over. Submit a new plan with plan_submit.`,
      'merged',
      409,
    )
  refuseWhenRemoved(requireWorkspace(core))
}

/** A call without a price cannot be kept within a budget, so a plan with such a model would only be paused, for ever. */
function refuseUnpriced(model: string, what: string, cure: string): void {
  if (isPriced(model)) return
  throw new UserError(
    `${what} is "${model}", which has no price in this version. Models with a price: ${pricedModels().join(', ')}. ${cure}.`,
    'unpriced_model',
  )
}

function refuseWhenRemoved({ name, status }: WorkspaceRecord): void {
  if (status === 'removed')
    throw new UserError(
      `Workspace "${name}" was removed. Register it again with workspace_register.`,
      'removed',
      409,
    )
}

/** Makes the next reconcile ring the VM at once. */
export function tellVm(core: Core): void {
  core.store.changeWorkspace(({ supervisor }) => void (supervisor.ringWanted = true))
}
