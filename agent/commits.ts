// The harness's own commits: whatever the model left uncommitted. Each carries the plan's id as a trailer.
import { join } from 'node:path'
import { rmSync } from 'node:fs'
import { commitOf } from './git.ts'
import { clipText } from './output.ts'
import type { PlanRun } from './plan-run.ts'

const SUBJECT_CHARS = 72

/** Commits everything that is left; false when there was nothing. */
export async function commitLeftovers({ git, start, report }: PlanRun, message: string): Promise<boolean> {
  await git.must(['add', '--all'])
  const staged = await git.try(['diff', '--cached', '--quiet'])
  if (staged.code === 0) return false
  // On standard input: a message is the model's text and may be long.
  await git.must(['commit', '--quiet', '--no-verify', '--file=-', '--cleanup=verbatim'], {
    input: `${toMessage(message)}\n\nRalph-Plan: ${start.id}\n`,
  })
  const head = await git.must(['log', '-1', '--format=%h %s'])
  report({ kind: 'event', type: 'commit', text: clipText(head, 500) })
  return true
}

/**
 * The working tree as a commit on top of HEAD, made beside the index and the branch, so that nobody working in the checkout
 * notices. null when it would say nothing new, or the branch moved while it was made.
 */
export async function snapshotCommit(
  { git, home, start }: PlanRun,
  lastTree: string | null,
): Promise<{ commit: string; tree: string } | null> {
  const index = join(home, '.ralph', 'checkpoint-index')
  const env = { GIT_INDEX_FILE: index }
  rmSync(index, { force: true })
  rmSync(`${index}.lock`, { force: true })
  const head = await commitOf(git, 'HEAD')
  if (head === null) return null
  await git.must(['read-tree', head], { env })
  await git.must(['add', '--all'], { env })
  const tree = await git.must(['write-tree'], { env })
  // The model committed meanwhile: its commit must be below the snapshot, not inside it.
  if ((await commitOf(git, 'HEAD')) !== head) return null
  const mark = `${head} ${tree}`
  if (mark === lastTree) return null
  const commit = await git.must(['commit-tree', tree, '-p', head], {
    input: `wip: checkpoint\n\nRalph-Plan: ${start.id}\n`,
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
