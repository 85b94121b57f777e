// Keeps, at the end of an attempt, the work that the plan's branch does not hold: its commits become further parents of a last
// checkpoint, and the history names all of it. An operation that git has not ended is kept in the same way.
import { clipText } from '../machine/output.ts'
import type { PlanContext } from '../plan/plan-context.ts'
import { cleanHistory } from '../publish/clean-history.ts'
import { commitLeftovers, snapshotCommit } from '../publish/commits.ts'
import { findElsewhere } from '../publish/elsewhere.ts'
import { operationInProgress } from '../publish/unmerged.ts'
import { pushSnapshot } from './checkpoint.ts'

/** Kept even when only commits of an unfinished operation know it. */
const POINTERS = ['ORIG_HEAD', 'MERGE_HEAD', 'CHERRY_PICK_HEAD', 'REVERT_HEAD', 'REBASE_HEAD']

/** push: null when the attempt has no rights any more; then what is found is only named. Errors: GitError, or Error with git's words. */
export async function keepBeside(plan: PlanContext, push: 'push' | null): Promise<void> {
  const { git, start, report } = plan
  const operation = operationInProgress(start.checkout)
  const found = await findElsewhere(plan)
  if (found.length === 0 && operation === null) return
  const commits = new Set(found.flatMap(({ commit }) => commit ?? []))
  if (operation !== null)
    for (const name of POINTERS) {
      const known = await git.try(['rev-parse', '--verify', '--quiet', `${name}^{commit}`])
      if (known.code === 0) commits.add(known.stdout.trim())
    }
  const place = push === null ? null : await pushCommits(plan, [...commits])
  const where =
    place === null
      ? 'It stays in the checkout on this machine.'
      : `Commits are kept below ${place.slice(0, 12)} in refs/agent/${start.id}; the rest stays in the checkout on this machine.`
  const what = [
    ...(operation === null ? [] : [`A ${operation.name} is in progress and is kept as it stands.`]),
    ...found.map(({ text }) => text),
  ]
  report({
    kind: 'event',
    type: 'notice',
    text: clipText(`This is not on the branch: ${what.join(' ')} ${where}`, 1_900),
  })
}

/**
 * Makes work that is not merged deliverable when no further finish may come: an operation in progress is kept beside the branch and
 * taken back, and what is uncommitted is committed as it is. Errors: as keepBeside().
 */
export async function settleUnmerged(plan: PlanContext, summary: string): Promise<void> {
  const operation = operationInProgress(plan.start.checkout)
  if (operation !== null) {
    await keepBeside(plan, 'push')
    await plan.git.try(operation.abort)
  }
  if (operationInProgress(plan.start.checkout) === null) await commitLeftovers(plan, summary)
}

/** Returns the commit that was pushed; null when the host takes no checkpoint ref. */
async function pushCommits(plan: PlanContext, commits: string[]): Promise<string | null> {
  if (plan.checkpointsOnBranch) return null
  const beside: string[] = []
  for (const commit of commits) {
    const { head } = await cleanHistory(plan, commit)
    if (head !== null) beside.push(head)
  }
  const snapshot = await snapshotCommit(plan, null, beside)
  if (snapshot === null) return null
  await pushSnapshot(plan, snapshot.commit, 'checkpoint ref only')
  return snapshot.commit
}
