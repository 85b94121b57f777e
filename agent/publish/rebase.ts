// Rebases the plan's commits onto the base branch, which may have moved while the plan worked. The first conflict goes to the model
// to resolve. After that a conflict is only reported, and the branch stays as it is.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { commitOf, gitReason } from '../git/git.ts'
import type { Git } from '../git/git.ts'
import { clipText } from '../machine/output.ts'
import type { PlanContext } from '../plan/plan-context.ts'
import { withRenewal } from '../plan/token-renewal.ts'

export type Rebased =
  | { kind: 'current' }
  /** baseHead is the commit that the work now stands on. The checks must run again. */
  | { kind: 'rebased'; baseHead: string }
  /** files are those that both sides changed. The checkout is as it was before. */
  | { kind: 'conflict'; baseHead: string; files: string[] }
  /** The base branch was deleted or replaced, or cannot be reached. detail says which. */
  | { kind: 'unknown'; detail: string }

const FETCH_TIMEOUT_MS = 10 * 60_000
const REBASE_TIMEOUT_MS = 10 * 60_000
const MAX_FILES = 50

/** The caller commits the work first. Held files stay as they are. Errors: RevokedError, GitError. */
export async function rebaseOntoBase(plan: PlanContext): Promise<Rebased> {
  const { git, start, report } = plan
  const head = await commitOf(git, 'HEAD')
  const tracking = `refs/remotes/origin/${start.base}`
  const fetched = await withRenewal(plan, () =>
    git.try(['fetch', '--quiet', '--no-tags', 'origin', `+refs/heads/${start.base}:${tracking}`], {
      timeoutMs: FETCH_TIMEOUT_MS,
    }),
  )
  if (fetched.code !== 0) {
    const detail = /couldn't find remote ref/i.test(fetched.stderr)
      ? `The base branch ${start.base} no longer exists; the work stays on the commit where it was.`
      : `The base branch ${start.base} could not be fetched: ${gitReason(fetched)}`
    report({ kind: 'event', type: 'base', text: clipText(detail, 1_000) })
    return { kind: 'unknown', detail }
  }
  const baseHead = await commitOf(git, tracking)
  if (baseHead === null || head === null) return { kind: 'current' }
  if (await containsBase(git, baseHead, head)) return { kind: 'current' }
  if ((await git.try(['merge-base', baseHead, head])).code !== 0) {
    const detail = `The base branch ${start.base} was replaced by another history; the work stays on the commit where it was.`
    report({ kind: 'event', type: 'base', text: detail })
    return { kind: 'unknown', detail }
  }
  const moved = await rebaseBeside(plan, baseHead)
  if (moved.kind === 'rebased') {
    report({
      kind: 'event',
      type: 'rebase',
      text: `Rebased onto ${baseHead.slice(0, 12)}, to which ${start.base} has moved.`,
    })
    plan.journal.append({ kind: 'prepared', baseHead })
    return { kind: 'rebased', baseHead }
  }
  const shown = moved.files.slice(0, MAX_FILES)
  report({
    kind: 'event',
    type: 'conflict',
    text: clipText(
      `${start.base} has moved to ${baseHead.slice(0, 12)} and conflicts with the work in: ${shown.join(', ') || moved.said}.`,
      1_900,
    ),
    data: { base: baseHead, files: shown },
  })
  return { kind: 'conflict', baseHead, files: shown }
}

/**
 * Rebases in a working tree of its own and then moves the branch, so that files which git cannot read or stash are not in the way and
 * a crash leaves no rebase in progress in the checkout. On a conflict the checkout is as it was.
 */
async function rebaseBeside(
  { git, home }: PlanContext,
  baseHead: string,
): Promise<{ kind: 'rebased' } | { kind: 'conflict'; files: string[]; said: string }> {
  const folder = join(home, '.ralph/rebase')
  const inside = ['-C', folder]
  const tidy = async () => {
    rmSync(folder, { recursive: true, force: true })
    await git.try(['worktree', 'prune'])
  }
  await tidy()
  try {
    await git.must(['worktree', 'add', '--quiet', '--detach', folder, 'HEAD'], {
      timeoutMs: REBASE_TIMEOUT_MS,
    })
    const rebased = await git.try(
      [...inside, 'rebase', '--quiet', '--rebase-merges', '--empty=drop', baseHead],
      { timeoutMs: REBASE_TIMEOUT_MS },
    )
    if (rebased.code !== 0) {
      const listed = await git.try([...inside, 'diff', '--name-only', '--diff-filter=U', '-z'])
      const files = listed.stdout.split('\0').filter((file) => file !== '')
      return { kind: 'conflict', files, said: gitReason(rebased) }
    }
    const head = await git.must([...inside, 'rev-parse', 'HEAD'])
    return await moveTo(git, head)
  } finally {
    await tidy()
  }
}

/** Moves the branch and the files to the rebased head. Held files that the base changed too are stashed and put back. */
async function moveTo(
  git: Git,
  head: string,
): Promise<{ kind: 'rebased' } | { kind: 'conflict'; files: string[]; said: string }> {
  const moved = await git.try(['reset', '--quiet', '--keep', head])
  if (moved.code === 0) return { kind: 'rebased' }
  const stashed = await git.try(['stash', 'push', '--quiet'])
  const again = stashed.code === 0 ? await git.try(['reset', '--quiet', '--keep', head]) : moved
  const popped = stashed.code === 0 ? await git.try(['stash', 'pop', '--quiet']) : stashed
  // When it does not apply any more it stays in the stash, which a finish names. Its conflicts would let no later commit be made.
  if (stashed.code === 0 && popped.code !== 0) await git.try(['reset', '--quiet', '--hard'])
  const files = [...again.stderr.matchAll(/(?:Entry|entry) '(.+?)'/g)].map(([, file = '']) => file)
  return again.code === 0 ? { kind: 'rebased' } : { kind: 'conflict', files, said: gitReason(again) }
}

/** Returns what the model is told once about a conflict. */
export const resolveConflict = (
  base: string,
  { baseHead, files }: Extract<Rebased, { kind: 'conflict' }>,
): string =>
  `While you worked, ${base} moved to ${baseHead.slice(0, 12)} and changed what you changed too: ${files.join(', ')}. Run \`git rebase ${baseHead.slice(0, 12)}\`, resolve each conflict so that both changes keep their meaning, run the checks again, then call finish. If that cannot be done sensibly, run \`git rebase --abort\` and call finish: the branch is then delivered as it is, with the conflict named.`

/** Returns the reason why work in conflict with its base is refused the second time. */
export const stillBehind = (
  base: string,
  { baseHead, files }: Extract<Rebased, { kind: 'conflict' }>,
): string =>
  `Not accepted: the branch does not contain ${base} as it stands at ${baseHead.slice(0, 12)}, and conflicts with it in: ${files.join(', ')}. It is delivered as it is.`

/** True when the head contains the base. Both commits must be here. */
export const containsBase = async (git: Git, base: string, head: string): Promise<boolean> =>
  (await git.try(['merge-base', '--is-ancestor', base, head])).code === 0
