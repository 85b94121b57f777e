// Makes the agent's own commits from what the model left uncommitted. Each carries the plan's id as a trailer.
import { join } from 'node:path'
import { commitOf, GitError, gitReason } from '../git/git.ts'
import { freshIndex } from '../git/tree-diff.ts'
import { cleanHistory } from './clean-history.ts'
import { clipText } from '../machine/output.ts'
import type { PlanContext } from '../plan/plan-context.ts'
import type { RunResult } from '../machine/process.ts'
import { rulesFor, stageWork, tellHeld } from './hold-back.ts'
import type { Held } from './hold-back-rules.ts'

const SUBJECT_CHARS = 72
/** Subject of a checkpoint. "[skip ci]" starts no CI when the checkpoint must go to the branch. */
export const CHECKPOINT_SUBJECT = 'wip: checkpoint [skip ci]'
const HOOK_TIMEOUT_MS = Number(process.env['RALPH_HOOK_TIMEOUT_MS'] ?? 5 * 60_000)

export type CommitResult =
  | { kind: 'committed' | 'nothing'; held: Held[] }
  /** The repository's own hook refused, and nothing was committed. output is what the hook printed. */
  | { kind: 'hook_failed'; held: Held[]; output: string }

/**
 * Commits what is uncommitted, except files that are held back. Use hooks 'run' for finished work, so that the repository's hooks
 * can refuse it, and 'skip' where the commit only keeps the work (pause, cancel, a hook that cannot be satisfied).
 * Errors: GitError, for example when the disk is full.
 */
export async function commitLeftovers(
  plan: PlanContext,
  message: string,
  hooks: 'run' | 'skip' = 'skip',
): Promise<CommitResult> {
  const { git, start, report } = plan
  const head = await commitOf(git, 'HEAD')
  const held = await stageWork(git, head, rulesFor(plan))
  tellHeld(plan, held, 'commit')
  const staged = await git.try(['diff', '--cached', '--quiet'])
  if (staged.code === 0) return { kind: 'nothing', held }
  const skip = hooks === 'skip' ? ['--no-verify'] : []
  const result = await git.try(['commit', '--quiet', '--file=-', '--cleanup=verbatim', ...skip], {
    // The message goes through standard input because the model wrote it and it may be long.
    input: `${toMessage(message)}\n\nRalph-Plan: ${start.id}\n`,
    ...(hooks === 'run' ? { hooks, timeoutMs: HOOK_TIMEOUT_MS } : {}),
  })
  if (result.code !== 0) {
    if (hooks === 'skip' || isOurs(result)) throw new GitError(`git commit failed: ${gitReason(result)}`)
    return { kind: 'hook_failed', held, output: toHookOutput(result) }
  }
  report({ kind: 'progress' })
  report({
    kind: 'event',
    type: 'commit',
    text: clipText(await git.must(['log', '-1', '--format=%h %s']), 500),
  })
  return { kind: 'committed', held }
}

/** True when git itself failed and not a hook, whose messages do not begin like this. */
const isOurs = ({ stderr }: RunResult): boolean =>
  /^(?:fatal|error): (?!.*hook)/m.test(stderr) && /No space left|unable to|index\.lock/i.test(stderr)

function toHookOutput(result: RunResult): string {
  const said = clipText(`${result.stdout}\n${result.stderr}`.trim().slice(-4_000), 4_000)
  return result.timedOut
    ? `It ran longer than ${HOOK_TIMEOUT_MS / 60_000} minutes and was ended.\n${said}`
    : said
}

/**
 * Makes a commit of the working tree on top of HEAD. It uses its own index and moves no branch, so the work in the checkout is not
 * disturbed. Neither the commit nor its parents contain held files. Returns null when nothing changed since lastTree, or when the
 * branch moved meanwhile. The commits in `beside` are clean; they become further parents, so that the snapshot brings them along.
 */
export async function snapshotCommit(
  plan: PlanContext,
  lastTree: string | null,
  beside: readonly string[] = [],
): Promise<{ commit: string; tree: string } | null> {
  const { git, home, start } = plan
  const env = freshIndex(join(home, '.ralph', 'checkpoint-index'))
  const head = await commitOf(git, 'HEAD')
  if (head === null) return null
  const history = await cleanHistory(plan)
  await git.must(['read-tree', history.head ?? head], { env })
  tellHeld(
    plan,
    [...history.held, ...(await stageWork(git, history.head ?? head, rulesFor(plan), env))],
    'commit',
  )
  const tree = await git.must(['write-tree'], { env })
  // If the model committed meanwhile, the snapshot would not stand on that commit, so it is dropped.
  if ((await commitOf(git, 'HEAD')) !== head) return null
  const mark = `${head} ${tree}`
  if (mark === lastTree) return null
  const parents = [history.head ?? head, ...beside].flatMap((parent) => ['-p', parent])
  const commit = await git.must(['commit-tree', tree, ...parents], {
    input: `${CHECKPOINT_SUBJECT}\n\nRalph-Plan: ${start.id}\n`,
  })
  return { commit, tree: mark }
}

/** Returns a commit message: the summary's first line is the subject, the rest the body. */
function toMessage(summary: string): string {
  const [first = '', ...rest] = clipText(summary, 8_000).trim().split('\n')
  const subject = clipText(first.trim(), SUBJECT_CHARS) || 'Work on the plan'
  const body = first.trim().length > SUBJECT_CHARS ? [first, ...rest] : rest
  return [subject, body.join('\n').trim()].filter((part) => part !== '').join('\n\n')
}
