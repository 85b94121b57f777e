// Prepares the plan's checkout: a git directory on the plan's branch that borrows objects from the mirror. It runs as the plan's
// user. An existing checkout holds the model's work and is kept.
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { quote } from '../checks/detect-shapes.ts'
import { CHECKPOINT_SUBJECT } from '../publish/commits.ts'
import { commitOf, gitReason } from '../git/git.ts'
import { findTools } from '../machine/programs.ts'
import { PauseError } from '../plan/plan-context.ts'
import type { PlanContext } from '../plan/plan-context.ts'
import { saveRules } from '../publish/pre-push-hook.ts'
import { withRenewal } from '../plan/token-renewal.ts'
import { GENERATED_FOLDERS } from '../publish/hold-back-rules.ts'

export type Prepared = { kind: 'ready'; baseHead: string | null } | { kind: 'failed'; error: string }

export async function prepareCheckout(plan: PlanContext): Promise<Prepared> {
  const known = plan.journal.records().findLast((record) => record.kind === 'prepared')
  if (known !== undefined && existsSync(join(plan.start.checkout, '.git/HEAD'))) {
    // All processes of the plan's user were killed before, so a lock file is a leftover.
    rmSync(join(plan.start.checkout, '.git/index.lock'), { force: true })
    saveRules(plan)
    return { kind: 'ready', baseHead: known.baseHead }
  }
  emptyFolder(plan.start.checkout)
  await initialise(plan)
  const base = await findBase(plan)
  if (base.kind === 'missing')
    return { kind: 'failed', error: `The base branch ${plan.start.base} does not exist on the remote.` }
  const from = (await restorePoint(plan)) ?? base.head
  if (from === null) await plan.git.must(['symbolic-ref', 'HEAD', `refs/heads/${plan.start.branch}`])
  else await checkOut(plan, from)
  const baseHead =
    base.head === null || from === null
      ? null
      : await plan.git.must(['merge-base', base.head, 'HEAD']).catch(() => base.head)
  plan.journal.append({ kind: 'prepared', baseHead })
  saveRules(plan)
  return { kind: 'ready', baseHead }
}

async function initialise({ start, git, home }: PlanContext): Promise<void> {
  await git.must(['init', '--quiet'])
  const info = join(start.checkout, '.git/objects/info')
  mkdirSync(info, { recursive: true })
  writeFileSync(join(info, 'alternates'), `${join(start.mirror, 'objects')}\n`)
  writeExcludes(info)
  writeHooks(start, home)
  await git.must(['remote', 'add', 'origin', `${start.url}/vm/git/${start.workspace}.git`])
  await git.must(['fetch', '--quiet', '--no-tags', start.mirror, '+refs/heads/*:refs/remotes/origin/*'])
}

/** Excludes what tools generate from `git status` and `git add --all`, unless the repository already tracks it. */
function writeExcludes(objectsInfo: string): void {
  const file = join(objectsInfo, '../../info/exclude')
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, `${[...GENERATED_FOLDERS, '*.egg-info'].map((name) => `${name}/`).join('\n')}\n`)
}

/**
 * Writes two hooks into the plan's git directory, never into the repository. One adds the plan's trailer to the model's own commits
 * (git runs it even with --no-verify). The other checks the model's own pushes as ours are checked.
 */
function writeHooks({ checkout, id }: PlanContext['start'], home: string): void {
  const hooks = join(checkout, '.git/hooks')
  mkdirSync(hooks, { recursive: true })
  const write = (name: string, command: string) =>
    writeFileSync(join(hooks, name), `#!/bin/sh\nexec ${command}\n`, { mode: 0o755 })
  const trailer = `--in-place --if-exists doNothing --trailer 'Ralph-Plan: ${id}'`
  write('prepare-commit-msg', `git interpret-trailers ${trailer} "$1"`)
  const { node, bundle } = findTools({})
  write('pre-push', [node, bundle, 'check-push', home].map(quote).join(' '))
}

async function findBase({
  start,
  git,
}: PlanContext): Promise<{ kind: 'found'; head: string | null } | { kind: 'missing' }> {
  const head = await commitOf(git, `refs/remotes/origin/${start.base}`)
  if (head !== null) return { kind: 'found', head }
  const anything = await git.must(['for-each-ref', '--count=1', 'refs/remotes/origin'])
  // The repository has no commit yet, so the plan's branch begins its history.
  return anything === '' ? { kind: 'found', head: null } : { kind: 'missing' }
}

/** Returns the commit where an earlier attempt on a lost machine stood: its checkpoint if that is newer, else its pushed head. */
async function restorePoint(plan: PlanContext): Promise<string | null> {
  const { pushedHead, checkpointHead, branch, id } = plan.start
  const pushed =
    pushedHead !== undefined && (await fetchHead(plan, `refs/heads/${branch}`, pushedHead))
      ? pushedHead
      : null
  if (checkpointHead === undefined || !(await fetchHead(plan, `refs/agent/${id}`, checkpointHead)))
    return pushed
  if (pushed === null) return checkpointHead
  const contains = await plan.git.try(['merge-base', '--is-ancestor', pushed, checkpointHead])
  return contains.code === 0 ? checkpointHead : pushed
}

async function fetchHead(plan: PlanContext, ref: string, head: string): Promise<boolean> {
  const result = await withRenewal(plan, () =>
    plan.git.try(['fetch', '--quiet', '--no-tags', 'origin', ref], { timeoutMs: 600_000 }),
  )
  if (result.code !== 0 && !/couldn't find remote ref/i.test(result.stderr))
    throw new PauseError('git_refused', `The earlier work could not be fetched: ${gitReason(result)}`)
  return (await commitOf(plan.git, head)) !== null
}

async function checkOut({ git, start }: PlanContext, from: string): Promise<void> {
  await git.must(['checkout', '--quiet', '--force', '--no-track', '-B', start.branch, from, '--'])
  const subject = await git.must(['log', '-1', '--format=%s', from])
  // A checkpoint is one extra commit that holds the uncommitted work. Take that commit off again and keep its files.
  if (from === start.checkpointHead || subject === CHECKPOINT_SUBJECT)
    await git.must(['reset', '--quiet', '--mixed', `${from}^`])
}

function emptyFolder(folder: string): void {
  for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true, force: true })
}
