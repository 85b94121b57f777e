// Puts right what names commits in the plan's git folder: HEAD, the branches and the index. A power cut leaves such files empty or full
// of zero bytes, and a model may delete them. The files in the checkout are never touched.
import { lstatSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { commitOf } from '../git/git.ts'
import type { Git } from '../git/git.ts'
import { BYTES } from '../git/tree-diff.ts'
import type { PlanContext } from '../plan/plan-context.ts'
import { showPath } from '../publish/hold-back-rules.ts'
import { readText } from './git-folder.ts'

type Tell = (text: string) => void

const MAX_TRIED = 50

/** Git opens no repository whose HEAD names neither a branch nor a commit. */
export function putHeadRight({ start }: PlanContext, tell: Tell): void {
  const file = join(start.checkout, '.git/HEAD')
  if (/^(?:ref: refs\/\S+|[0-9a-f]{40,64})$/.test(readText(file)?.trim() ?? '')) return
  writeFileSync(file, `ref: refs/heads/${start.branch}\n`)
  tell(`HEAD named nothing; it names the branch ${start.branch} again.`)
}

/** Git makes no ref, and fetches nothing into one, whose file it cannot read. Each stands again where its own log last stood. */
export async function putRefsRight({ git, start }: PlanContext, tell: Tell): Promise<void> {
  const folder = join(start.checkout, '.git')
  const own = `refs/heads/${start.branch}`
  for (const ref of listFiles(folder, 'refs').filter((name) => name !== own && !name.endsWith('.lock'))) {
    if (/^(?:ref: refs\/\S+|[0-9a-f]{40,64})$/.test(readText(join(folder, ref))?.trim() ?? '')) continue
    rmSync(join(folder, ref), { force: true })
    const stood = await firstWhole(git, loggedIn(folder, ref))
    if (stood !== null) await git.must(['update-ref', ref, stood])
    tell(
      `${ref} could not be read; ${stood === null ? 'it is removed' : `it stands at ${stood.slice(0, 12)} again`}.`,
    )
  }
}

/** When the plan's own branch is checked out and has no commit that git can read, it stands again at the last one that is known. */
export async function putBranchRight({ git, start, journal }: PlanContext, tell: Tell): Promise<void> {
  const folder = join(start.checkout, '.git')
  const branch = `refs/heads/${start.branch}`
  const isOut = readText(join(folder, 'HEAD'))?.trim() === `ref: ${branch}`
  if (!isOut || (await commitOf(git, 'HEAD')) !== null) return
  removeEmptyObjects(folder)
  const records = journal.records().toReversed()
  const known = [
    ...loggedIn(folder, branch),
    ...loggedIn(folder, 'HEAD'),
    ...records.flatMap((record) => (record.kind === 'kept' && record.ref === 'branch' ? [record.head] : [])),
    ...records.flatMap((record) => (record.kind === 'prepared' ? (record.baseHead ?? []) : [])),
  ]
  const stood = await firstWhole(git, known)
  // Git refuses to write over a file that it cannot read.
  rmSync(join(folder, branch), { force: true })
  if (stood === null) return
  await git.must(['update-ref', branch, stood])
  // The index may name contents that were empty: git would take them for stored.
  rmSync(join(folder, 'index'), { force: true })
  await git.must(['read-tree', stood])
  tell(`The branch ${start.branch} had no commit any more; it stands at ${stood.slice(0, 12)} again.`)
}

export async function putIndexRight({ git, start }: PlanContext, tell: Tell): Promise<void> {
  const read = await git.try(['ls-files', '--stage', '--', '.gitattributes'])
  if (read.code === 0 || !/index/i.test(read.stderr)) return
  rmSync(join(start.checkout, '.git/index'), { recursive: true, force: true })
  // A reset would also end a merge that is in progress.
  await git.must(['read-tree', ...((await commitOf(git, 'HEAD')) === null ? ['--empty'] : ['HEAD'])])
  tell('The index of git could not be read; it was made anew. The files are as they were.')
}

/** Takes away the marks by which git overlooks changes. A file that a sparse checkout leaves out keeps its mark. */
export async function lookAgain({ git, start }: PlanContext, tell: Tell): Promise<void> {
  const listed = await git.try(['ls-files', '-v', '-z'], BYTES)
  const marked = (mark: RegExp) =>
    listed.stdout.split('\0').flatMap((entry) => (mark.test(entry) ? [entry.slice(2)] : []))
  const stands = (path: string) =>
    lstatSync(Buffer.from(`${Buffer.from(start.checkout).toString('latin1')}/${path}`, 'latin1'), {
      throwIfNoEntry: false,
    }) !== undefined
  const [assumed, skipped] = [marked(/^[a-z] /), marked(/^[sS] /).filter(stands)]
  const clear = (option: string, paths: string[]) =>
    git.must(['update-index', option, '-z', '--stdin'], { ...BYTES, input: paths.join('\0') })
  if (assumed.length > 0) await clear('--no-assume-unchanged', assumed)
  if (skipped.length > 0) await clear('--no-skip-worktree', skipped)
  const paths = [...new Set([...assumed, ...skipped])].map(showPath)
  if (paths.length > 0)
    tell(`Git was told to overlook changes of ${paths.slice(0, 20).join(', ')}; it looks at them again.`)
}

/** Returns the commits in a ref's log, the newest first. */
function loggedIn(folder: string, ref: string): string[] {
  const log = (readText(join(folder, 'logs', ref)) ?? '').split('\n').toReversed()
  // Each line begins with the commit before and the commit after; zeros stand for none.
  return log
    .flatMap((line) => line.split(' ').slice(0, 2).toReversed())
    .filter((id) => /^[0-9a-f]{40,64}$/.test(id) && /[1-9a-f]/.test(id))
}

/** Returns the first of these commits that git can read with all its folders. */
async function firstWhole(git: Git, commits: readonly string[]): Promise<string | null> {
  for (const commit of [...new Set(commits)].slice(0, MAX_TRIED))
    if ((await commitOf(git, commit)) !== null && (await git.try(['ls-tree', '-r', '-d', commit])).code === 0)
      return commit
  return null
}

/** Git takes an empty object for one that it has, and would not write it again. */
function removeEmptyObjects(folder: string): void {
  for (const name of listFiles(folder, 'objects').filter((path) => /^objects\/[0-9a-f]{2}\//.test(path)))
    if (lstatSync(join(folder, name), { throwIfNoEntry: false })?.size === 0)
      rmSync(join(folder, name), { force: true })
}

/** Returns the files in a part of the git folder, as paths below the git folder. */
const listFiles = (folder: string, part: string): string[] =>
  readdirSync(join(folder, part), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
