// Finds out what became of a pushed branch. Webhooks and the hourly check only say "look now"; the host's answer decides. Merged means: the
// plan is final, it has commits of its own, and its pushed head is in a merged pull request or reachable from the base.
import { deleteRef } from '../../git/delete-ref.ts'
import type { Github, Pull } from '../../github/api.ts'
import { errorFields, log } from '../../lib/log.ts'
import { requireWorkspace } from '../core/core.ts'
import type { Core } from '../core/core.ts'
import { nextMergeCheckMs } from '../records/decisions.ts'
import { tellVm } from './plans.ts'
import { isFinal } from '../records/records.ts'
import type { PlanRecord } from '../records/records.ts'
import { revokeLeases } from '../leases/leases.ts'
import type { Hint } from '../contract.ts'
import type { MergeStatus } from '../../shared/words.ts'

const RETRY_MS = 60_000

/** Notes that the host has news, so that the plans concerned are checked now. A repeated delivery id changes nothing. */
export async function record(core: Core, hints: Hint[]): Promise<void> {
  if (!core.exists()) return
  for (const hint of hints) {
    if (!core.store.takeDelivery(`${hint.deliveryId}:${hint.kind}:${hint.branch}`, core.now())) continue
    core.store.changeWorkspace((workspace) => void (workspace.webhookHeardAtMs = core.now()))
    const watched = core.store
      .watchedPlans()
      .filter((plan) => plan.pushedHead !== null && plan.mergeStatus !== 'merged')
    const concerned =
      hint.kind === 'base_pushed'
        ? watched.filter((plan) => plan.base === hint.branch)
        : [core.store.planByBranch(hint.branch)]
    for (const plan of concerned) {
      if (plan === null || plan.pushedHead === null || plan.mergeStatus === 'merged') continue
      core.store.savePlan({ ...plan, mergeCheckAtMs: core.now() })
    }
  }
  await core.poke()
}

/** Checks every branch that is due. A host that does not answer is asked again in a minute; nothing else waits for it. */
export async function checkMerges(core: Core): Promise<void> {
  for (const { id } of core.store.watchedPlans()) {
    // Read again: the plan may have ended while the host was asked about the one before.
    const plan = core.store.plan(id)
    if (plan === null || plan.mergeCheckAtMs === null || plan.mergeCheckAtMs > core.now()) continue
    // Set the next check before asking: news that arrive meanwhile set the time again, and our answer does not overwrite them.
    const taken = { ...plan, mergeCheckAtMs: core.now() + RETRY_MS }
    core.store.savePlan(taken)
    try {
      await checkPlan(core, taken)
    } catch (error) {
      log('merge.retry', { plan: plan.id, ...errorFields(error) })
    }
  }
}

async function checkPlan(core: Core, plan: PlanRecord): Promise<void> {
  if (plan.mergeStatus === 'merged') return tidy(core, plan.id) // merged before, but the tidying was interrupted
  const seen = await look(core, plan)
  const now = core.store.plan(plan.id)
  if (now === null || now.pushedHead !== plan.pushedHead || now.mergeStatus === 'merged') return // pushed to while the host answered: check again next time
  const merged = seen.status === 'merged' && isFinal(now.status)
  const status: MergeStatus = merged ? 'merged' : seen.status === 'merged' ? 'open' : seen.status
  const prUrl = seen.prUrl ?? now.prUrl
  const next = merged ? core.now() : nextMergeCheckMs(now.firstPushAtMs ?? core.now(), core.now())
  const hasNews = now.mergeCheckAtMs !== plan.mergeCheckAtMs
  core.store.savePlan({
    ...now,
    mergeStatus: status,
    prUrl,
    mergeCheckAtMs: hasNews && !merged ? now.mergeCheckAtMs : next,
  })
  if (status !== now.mergeStatus) {
    core.store.addEvent(plan.id, {
      atMs: core.now(),
      type: status === 'open' ? 'reopened' : status,
      text: WORDS[status](now),
      data: { head: now.pushedHead },
    })
    core.wakeWaiters()
  }
  if (merged) await tidy(core, plan.id)
}

const WORDS: Record<MergeStatus, (plan: PlanRecord) => string> = {
  none: () => 'Nothing was pushed.',
  open: (plan) => `${plan.branch} is open.`,
  merged: (plan) => `${plan.branch} was merged into ${plan.base}.`,
  closed: (plan) => `${plan.branch} was closed without a merge.`,
  unknown: (plan) => `${plan.branch} is gone from the host; whether it was merged cannot be told.`,
}

interface Seen {
  status: 'merged' | 'open' | 'closed' | 'unknown'
  prUrl: string | null
}

async function look(core: Core, plan: PlanRecord): Promise<Seen> {
  const { gitRemote } = requireWorkspace(core)
  const github = core.github()
  const refs = await core.refs(gitRemote, [`refs/heads/${plan.branch}`, `refs/heads/${plan.base}`])
  if (refs.kind !== 'ok') throw new Error(`refs: ${refs.kind}`)
  const branchHead = refs.refs[`refs/heads/${plan.branch}`] ?? null
  const head = plan.pushedHead ?? ''
  if (github === null) {
    // Without an API the only proof is a base that stands at exactly this head.
    if (refs.refs[`refs/heads/${plan.base}`] === head) return { status: 'merged', prUrl: null }
    return { status: branchHead === null ? 'unknown' : 'open', prUrl: null }
  }
  const pulls = await github.pullsOf(plan.branch)
  const ours = pulls.find((pull) => pull.headSha === head) ?? pulls[0]
  const prUrl = ours?.url ?? null
  if (
    pulls.some((pull) => pull.merged && pull.headSha === head) ||
    (await reachable(github, plan.base, head))
  )
    return { status: 'merged', prUrl }
  return { status: branchHead === null || isClosed(ours) ? 'closed' : 'open', prUrl }
}

const isClosed = (pull: Pull | undefined): boolean =>
  pull !== undefined && pull.state === 'closed' && !pull.merged

async function reachable(github: Github, base: string, head: string): Promise<boolean> {
  const compared = await github.compare(base, head)
  return compared !== null && (compared.status === 'behind' || compared.status === 'identical')
}

/** Deletes a merged branch if it still points where the plan left it, has the checkout removed and the mirror refreshed. */
async function tidy(core: Core, planId: string): Promise<void> {
  await revokeLeases(core, [planId])
  const plan = core.store.plan(planId)
  const workspace = requireWorkspace(core)
  if (plan === null) return
  if (workspace.keepBranch || plan.pushedHead === null) return tidied(core, planId)
  const remote = core.remote(workspace.gitRemote)
  const [branchRef, checkpointRef] = [`refs/heads/${plan.branch}`, `refs/agent/${plan.id}`]
  const found = await core.refs(workspace.gitRemote, [branchRef])
  if (found.kind !== 'ok') throw new Error(`refs: ${found.kind}`)
  const there = found.refs[branchRef] !== undefined
  const outcome = there ? await deleteRef({ ...remote, ref: branchRef, oldId: plan.pushedHead }) : 'gone'
  if (plan.checkpointHead !== null)
    await deleteRef({ ...remote, ref: checkpointRef, oldId: plan.checkpointHead })
  const text =
    outcome === 'gone'
      ? `${plan.branch} is gone from the host.`
      : `${plan.branch} was left in place: it no longer points where this plan left it.`
  core.store.addEvent(planId, { atMs: core.now(), type: 'tidied', text })
  tidied(core, planId)
}

/** The host's side is done; the VM is told to drop the checkout and to refresh its mirror. */
function tidied(core: Core, planId: string): void {
  const plan = core.store.plan(planId)
  if (plan === null) return
  core.store.savePlan({ ...plan, removeCheckout: true, onVm: true, stoppedOnVm: true, mergeCheckAtMs: null })
  core.store.changeWorkspace((record_) => void (record_.refreshMirror = true))
  tellVm(core)
}
