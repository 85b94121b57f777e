// The harness's own commits: whatever the model left uncommitted. Each carries the plan's id as a trailer.
import { join } from 'node:path'
import { rmSync } from 'node:fs'
import { commitOf, GitError, gitReason } from '../git/git.ts'
import { cleanHistory } from './clean-history.ts'
import { clipText } from '../machine/output.ts'
import type { PlanRun } from '../plan/plan-context.ts'
import type { RunResult } from '../machine/process.ts'
import { rulesFor, stageWork, tellHeld } from './hold-back.ts'
import type { Held } from './hold-back-rules.ts'

const SUBJECT_CHARS = 72
/** Starts no CI where it has to stand on the branch. */
export const CHECKPOINT_SUBJECT = 'wip: checkpoint [skip ci]'
const HOOK_TIMEOUT_MS = Number(process.env['RALPH_HOOK_TIMEOUT_MS'] ?? 5 * 60_000)

export type CommitResult =
  | { kind: 'committed' | 'nothing'; held: Held[] }
  /** The repository's own hook refused; nothing was committed. output: what it printed. */
  | { kind: 'hook_failed'; held: Held[]; output: string }

/**
 * Commits what is left, without what the gate holds back. hooks 'run' for finished work: the repository's hooks are back
 * pressure; 'skip' for what only keeps the work (pause, cancel, the end after a hook that cannot be satisfied).
 * Errors: GitError, for example when the disk is full.
 */
export async function commitLeftovers(
  plan: PlanRun,
  message: string,
  hooks: 'run' | 'skip' = 'skip',
): Promise<CommitResult> {
  const { git, start, report } = plan
  const head = await commitOf(git, 'HEAD')
  const held = await stageWork(git, head, rulesFor(plan))
  tellHeld(plan, held, 'commit')
  const staged = await git.try(['diff', '--cached', '--quiet'])
  if (staged.code === 0) return { kind: 'nothing', held }
  const args = [
    'commit',
    '--quiet',
    '--file=-',
    '--cleanup=verbatim',
    ...(hooks === 'skip' ? ['--no-verify'] : []),
  ]
  const result = await git.try(args, {
    // On standard input: a message is the model's text and may be long.
    input: `${toMessage(message)}\n\nRalph-Plan: ${start.id}\n`,
    ...(hooks === 'run' ? { hooks, timeoutMs: HOOK_TIMEOUT_MS } : {}),
  })
  if (result.code !== 0) {
    if (hooks === 'skip' || isOurs(result)) throw new GitError(`git commit failed: ${gitReason(result)}`)
    return { kind: 'hook_failed', held, output: toHookOutput(result) }
  }
  report({
    kind: 'event',
    type: 'commit',
    text: clipText(await git.must(['log', '-1', '--format=%h %s']), 500),
  })
  return { kind: 'committed', held }
}

/** git itself failed, not a hook: those say nothing that begins like this. */
const isOurs = ({ stderr }: RunResult): boolean =>
  /^(?:fatal|error): (?!.*hook)/m.test(stderr) && /No space left|unable to|index\.lock/i.test(stderr)

function toHookOutput(result: RunResult): string {
  const said = clipText(`${result.stdout}\n${result.stderr}`.trim().slice(-4_000), 4_000)
  return result.timedOut
    ? `It ran longer than ${HOOK_TIMEOUT_MS / 60_000} minutes and was ended.\n${said}`
    : said
}

/**
 * The working tree as a commit on top of HEAD, made beside the index and the branch, so that nobody working in the checkout
 * notices. Neither it nor what lies below it holds anything that is held back. null when it would say nothing new, or the
 * branch moved while it was made.
 */
export async function snapshotCommit(
  plan: PlanRun,
  lastTree: string | null,
): Promise<{ commit: string; tree: string } | null> {
  const { git, home, start } = plan
  const index = join(home, '.ralph', 'checkpoint-index')
  const env = { GIT_INDEX_FILE: index }
  rmSync(index, { force: true })
  rmSync(`${index}.lock`, { force: true })
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
  // The model committed meanwhile: its commit must be below the snapshot, not inside it.
  if ((await commitOf(git, 'HEAD')) !== head) return null
  const mark = `${head} ${tree}`
  if (mark === lastTree) return null
  const commit = await git.must(['commit-tree', tree, '-p', history.head ?? head], {
    input: `${CHECKPOINT_SUBJECT}\n\nRalph-Plan: ${start.id}\n`,
  })
  return { commit, tree: mark }
}

/** The summary's first line as a subject, the rest as body. */
function toMessage(summary: string): string {
  const [first = '', ...rest] = clipText(summary, 8_000).trim().split('\n')
  const subject = clipText(first.trim(), SUBJECT_CHARS) || 'Work on the plan'
  const body = first.trim().length > SUBJECT_CHARS ? [first, ...rest] : rest
  return [subject, body.join('\n').trim()].filter((part) => part !== '').join('\n\n')
}
