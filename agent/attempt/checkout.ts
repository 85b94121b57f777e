// Prepares the plan's checkout: a git directory on the plan's branch that borrows objects from the mirror. It runs as the plan's
// user. An existing checkout holds the model's work and is kept, also when its git folder was lost.
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { commitOf } from '../git/git.ts'
import type { PlanContext } from '../plan/plan-context.ts'
import { saveRules } from '../publish/pre-push-hook.ts'
import { initialise, markOurs } from './git-folder.ts'
import { putRight } from './put-right.ts'
import { isCheckpoint, nameBeside, restorePoint } from './restore-point.ts'

export type Prepared = { kind: 'ready'; baseHead: string | null } | { kind: 'failed'; error: string }

export async function prepareCheckout(plan: PlanContext): Promise<Prepared> {
  const known = plan.journal.records().findLast((record) => record.kind === 'prepared')
  if (known !== undefined && readdirSync(plan.start.checkout).length > 0) {
    // All processes of the plan's user were killed before, so every lock file is a leftover.
    await putRight(plan, 'all')
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
  markOurs(plan.start)
  plan.journal.append({ kind: 'prepared', baseHead })
  saveRules(plan)
  return { kind: 'ready', baseHead }
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

async function checkOut(plan: PlanContext, from: string): Promise<void> {
  const { git, start } = plan
  await git.must(['checkout', '--quiet', '--force', '--no-track', '-B', start.branch, from, '--'])
  // Take the extra commit of a checkpoint off again and keep its files.
  if (!(await isCheckpoint(plan, from))) return
  await git.must(['reset', '--quiet', '--mixed', `${from}^`])
  await nameBeside(plan, from)
}

function emptyFolder(folder: string): void {
  for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true, force: true })
}
