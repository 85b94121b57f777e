// Finds the commit from which lost work goes on: the plan's newest checkpoint, else its pushed head. Both are at the remote.
import { commitOf, gitReason } from '../git/git.ts'
import { PauseError } from '../plan/plan-context.ts'
import type { PlanContext } from '../plan/plan-context.ts'
import { withRenewal } from '../plan/token-renewal.ts'
import { CHECKPOINT_SUBJECT } from '../publish/commits.ts'

/** Returns the checkpoint if it is newer than the pushed head, else that; null when neither exists. Errors: PauseError. */
export async function restorePoint(plan: PlanContext): Promise<string | null> {
  const { branch, id, pushedHead, checkpointHead } = plan.start
  const pushed = await firstThere(plan, `refs/heads/${branch}`, [keptAs(plan, 'branch'), pushedHead])
  const checkpoint = await firstThere(plan, `refs/agent/${id}`, [keptAs(plan, 'checkpoint'), checkpointHead])
  if (checkpoint === null || pushed === null) return checkpoint ?? pushed
  const contains = await plan.git.try(['merge-base', '--is-ancestor', pushed, checkpoint])
  return contains.code === 0 ? checkpoint : pushed
}

/**
 * True when the commit is a checkpoint: one extra commit, on top of another, that holds uncommitted work. Only its subject tells it,
 * because a finish pushes real commits to the checkpoint ref.
 */
export async function isCheckpoint({ git }: PlanContext, commit: string): Promise<boolean> {
  const [parents, subject] = (await git.must(['log', '-1', '--format=%P%n%s', commit])).split('\n')
  return parents !== '' && subject === CHECKPOINT_SUBJECT
}

/** Names the further parents of a checkpoint, work that its branch did not hold, as local branches. */
export async function nameBeside({ git }: PlanContext, checkpoint: string): Promise<void> {
  const [, , ...beside] = (await git.must(['rev-list', '--parents', '--max-count=1', checkpoint])).split(' ')
  for (const [at, commit] of beside.entries()) await git.must(['branch', '--force', `kept-${at + 1}`, commit])
}

function keptAs({ journal }: PlanContext, ref: 'branch' | 'checkpoint'): string | undefined {
  const last = journal.records().findLast((record) => record.kind === 'kept' && record.ref === ref)
  return last?.kind === 'kept' ? last.head : undefined
}

/** Returns the first of these commits that is here, or is here once its ref was fetched. */
async function firstThere(
  plan: PlanContext,
  ref: string,
  commits: (string | undefined)[],
): Promise<string | null> {
  for (const commit of commits)
    if (commit !== undefined && ((await isHere(plan, commit)) || (await fetchHead(plan, ref, commit))))
      return commit
  return null
}

async function fetchHead(plan: PlanContext, ref: string, head: string): Promise<boolean> {
  const result = await withRenewal(plan, () =>
    plan.git.try(['fetch', '--quiet', '--no-tags', 'origin', ref], { timeoutMs: 600_000 }),
  )
  if (result.code !== 0 && !/couldn't find remote ref/i.test(result.stderr))
    throw new PauseError('git_refused', `The earlier work could not be fetched: ${gitReason(result)}`)
  return isHere(plan, head)
}

const isHere = async ({ git }: PlanContext, commit: string): Promise<boolean> =>
  (await commitOf(git, commit)) !== null
