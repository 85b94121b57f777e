// Rebases the plan's commits onto the base branch, which may have moved while the plan worked. The first conflict goes to the model
// to resolve. After that a conflict is only reported, and the branch stays as it is.
import { commitOf, gitReason } from '../git/git.ts'
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

/** The caller commits the work first. Held files are stashed and put back. Errors: RevokedError. */
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
  const isBelow = await git.try(['merge-base', '--is-ancestor', baseHead, head])
  if (isBelow.code === 0) return { kind: 'current' }
  if ((await git.try(['merge-base', baseHead, head])).code !== 0) {
    const detail = `The base branch ${start.base} was replaced by another history; the work stays on the commit where it was.`
    report({ kind: 'event', type: 'base', text: detail })
    return { kind: 'unknown', detail }
  }
  const rebased = await git.try(
    ['rebase', '--quiet', '--autostash', '--rebase-merges', '--empty=drop', baseHead],
    { timeoutMs: REBASE_TIMEOUT_MS },
  )
  if (rebased.code === 0) {
    report({
      kind: 'event',
      type: 'rebase',
      text: `Rebased onto ${baseHead.slice(0, 12)}, to which ${start.base} has moved.`,
    })
    plan.journal.append({ kind: 'prepared', baseHead })
    return { kind: 'rebased', baseHead }
  }
  const files = (await git.try(['diff', '--name-only', '--diff-filter=U', '-z'])).stdout
    .split('\0')
    .filter((file) => file !== '')
  await git.try(['rebase', '--abort'])
  const shown = files.slice(0, MAX_FILES)
  report({
    kind: 'event',
    type: 'conflict',
    text: clipText(
      `${start.base} has moved to ${baseHead.slice(0, 12)} and conflicts with the work in: ${shown.join(', ') || gitReason(rebased)}.`,
      1_900,
    ),
    data: { base: baseHead, files: shown },
  })
  return { kind: 'conflict', baseHead, files: shown }
}

/** Returns what the model is told once about a conflict. */
export const resolveConflict = (
  base: string,
  { baseHead, files }: Extract<Rebased, { kind: 'conflict' }>,
): string =>
  `While you worked, ${base} moved to ${baseHead.slice(0, 12)} and changed what you changed too: ${files.join(', ')}. Run \`git rebase ${baseHead.slice(0, 12)}\`, resolve each conflict so that both changes keep their meaning, run the checks again, then call finish. If that cannot be done sensibly, run \`git rebase --abort\` and call finish: the branch is then delivered as it is, with the conflict named.`
