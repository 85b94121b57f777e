// Opens the pull request of a completed plan that asked for one. When a call was not answered, the host's own list shows what became of it
// before another is made. A refusal is reported, not repeated.
import type { Pull } from '../../github/api.ts'
import { UpstreamError } from '../../lib/errors.ts'
import { errorFields, log } from '../../lib/log.ts'
import type { Core } from '../core/core.ts'
import { wantsPullRequest } from '../records/records.ts'
import type { PlanRecord } from '../records/records.ts'
import { pullRequestBody } from './pull-request-body.ts'

const RETRY_MS = 60_000
const MOST_TRIES = 5

export async function openPullRequests(core: Core): Promise<void> {
  for (const { id } of core.store.watchedPlans()) {
    // Read again: the plan may have changed while the host was asked about the one before.
    const plan = core.store.plan(id)
    if (plan === null || !wantsPullRequest(plan) || plan.openPrAtMs > core.now()) continue
    // Set the retry time first: if we crash below, the next alarm tries again.
    core.store.savePlan({
      ...plan,
      openPrAtMs: core.now() + RETRY_MS,
      openPrTries: plan.openPrTries + 1,
    })
    try {
      const pull = await openOrFind(core, plan)
      const now = core.store.plan(plan.id)
      if (now === null) continue
      core.store.savePlan({ ...now, openPr: false, prUrl: pull.url })
      core.store.addEvent(plan.id, {
        atMs: core.now(),
        type: 'pull_request',
        text: `Pull request ${pull.number} is ${pull.state}.`,
        data: { url: pull.url },
      })
    } catch (error) {
      log('pull_request.refused', { plan: plan.id, ...errorFields(error) })
      const isRefused = error instanceof UpstreamError && error.kind === 'permanent'
      if (!isRefused && plan.openPrTries + 1 < MOST_TRIES) continue
      giveUp(core, plan.id)
    }
  }
}

async function openOrFind(core: Core, plan: PlanRecord): Promise<Pull> {
  const github = core.github()
  if (github === null) throw new UpstreamError('permanent', 'no_api', 'The git host has no API we know.')
  // Only this plan uses the branch, so a pull request that a person closed stays closed. Only work pushed after a merge wants a new one.
  const pulls = await github.pullsOf(plan.branch)
  const existing =
    pulls.find((pull) => pull.state === 'open') ??
    pulls.find((pull) => !pull.merged || pull.headSha === plan.pushedHead)
  const body = pullRequestBody(plan)
  return (
    existing ??
    (await github.openPull({ title: plan.title || plan.branch, body, head: plan.branch, base: plan.base }))
  )
}

function giveUp(core: Core, planId: string): void {
  const now = core.store.plan(planId)
  if (now === null) return
  core.store.savePlan({ ...now, openPr: false })
  core.store.addEvent(planId, {
    atMs: core.now(),
    type: 'pull_request_refused',
    text: 'The host did not accept a pull request for this branch. Open it by hand.',
  })
}
