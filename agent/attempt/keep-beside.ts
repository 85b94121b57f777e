// Keeps, at the end of an attempt, the work that the plan's branch does not hold: its commits become further parents of a last
// checkpoint, and the history names all of it. An operation that git has not ended is kept in the same way.
import { join } from 'node:path'
import { commitOf } from '../git/git.ts'
import { clipText } from '../machine/output.ts'
import { RevokedError } from '../plan/plan-context.ts'
import type { PlanContext } from '../plan/plan-context.ts'
import { cleanHistory } from '../publish/clean-history.ts'
import { commitLeftovers, snapshotCommit } from '../publish/commits.ts'
import { findElsewhere } from '../publish/elsewhere.ts'
import { operationInProgress } from '../publish/unmerged.ts'
import { pushSnapshot } from './checkpoint.ts'
import { readText } from './git-folder.ts'

/** Kept even when only an unfinished operation knows it. */
const POINTERS = ['ORIG_HEAD', 'MERGE_HEAD', 'CHERRY_PICK_HEAD', 'REVERT_HEAD', 'REBASE_HEAD']
/** Files of git with such a commit: where a rebase began, and what it or a merge stashed by itself. */
const POINTER_FILES = [
  'MERGE_AUTOSTASH',
  ...['rebase-merge', 'rebase-apply'].flatMap((folder) => [`${folder}/orig-head`, `${folder}/autostash`]),
]

/** push: null when the attempt has no rights any more; then what is found is only named. Errors: GitError, or Error with git's words. */
export async function keepBeside(plan: PlanContext, push: 'push' | null): Promise<void> {
  const { start, report } = plan
  const operation = operationInProgress(start.checkout)
  const found = await findElsewhere(plan)
  if (found.length === 0 && operation === null) return
  const commits = new Set(found.flatMap(({ commit }) => commit ?? []))
  if (operation !== null) for (const commit of await pointedAt(plan)) commits.add(commit)
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
 * taken back, and what is uncommitted is committed as it is. A failed push keeps it on this machine only. Errors: GitError, RevokedError.
 */
export async function settleUnmerged(plan: PlanContext, summary: string): Promise<void> {
  const { git, start } = plan
  const operation = operationInProgress(start.checkout)
  if (operation !== null) {
    const isKept = await keepOnBranch(plan, operation.name)
    await tryKeepBeside(plan)
    if (isKept) await git.try(operation.abort)
  }
  if (operationInProgress(start.checkout) === null) await commitLeftovers(plan, summary)
}

/** As keepBeside() with a push, but a failure is only reported. Errors: RevokedError. */
export async function tryKeepBeside(plan: PlanContext): Promise<void> {
  await keepBeside(plan, 'push').catch((error: unknown) => {
    if (error instanceof RevokedError) throw error
    plan.report({
      kind: 'event',
      type: 'error',
      text: clipText(`Keeping what is not on the branch: ${String(error)}`, 1_000),
    })
  })
}

/**
 * Keeps the checkout as it stands in the operation on a local branch, with the commits that the operation knows. Taking the operation
 * back throws away what was resolved by hand. Returns false when it could not be kept. Asked again, it makes no second branch.
 */
async function keepOnBranch(plan: PlanContext, operation: string): Promise<boolean> {
  const { git } = plan
  const snapshot = await snapshotCommit(plan, null)
  if (snapshot === null) return false
  // Two commits: what was resolved by hand must be no part of a merge, because a merge's own changes are not searched for.
  const parents = [snapshot.commit, ...(await pointedAt(plan))].flatMap((commit) => ['-p', commit])
  const whole = await git.must(['commit-tree', `${snapshot.commit}^{tree}`, ...parents], {
    input: `wip: a ${operation} in progress\n\nRalph-Plan: ${plan.start.id}\n`,
  })
  /** The checkout's content, the head and the commits of the operation. The snapshot itself differs by its time. */
  const content = async (commit: string) =>
    (await git.must(['log', '-1', '--format=%T %P', commit, '--'])).replace(/^(\S+) \S+/, '$1') +
    (await git.try(['rev-parse', '--verify', '--quiet', `${commit}^1^1`])).stdout
  for (let n = 1; ; n++) {
    const name = `kept-${operation}${n === 1 ? '' : `-${n}`}`
    const known = await commitOf(git, `refs/heads/${name}`)
    if (known === null) {
      await git.must(['update-ref', `refs/heads/${name}`, whole])
      return true
    }
    if ((await content(known)) === (await content(whole))) return true
  }
}

/** Returns the commits that only an operation in progress knows. */
async function pointedAt({ git, start }: PlanContext): Promise<string[]> {
  const names = [
    ...POINTERS,
    ...POINTER_FILES.flatMap((file) => readText(join(start.checkout, '.git', file))?.trim() ?? []),
  ]
  const known = await Promise.all(names.map((name) => commitOf(git, name)))
  return [...new Set(known.flatMap((commit) => commit ?? []))]
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
