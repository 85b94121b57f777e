// Removes files that must not leave the machine from the plan's own commits before a push. The model commits by itself, and a file
// removed in a later commit would stay in the history. Each commit is examined; from the first one that holds such a file on, the
// commits are rewritten without it, with their authors, dates and messages. The files in the checkout are not touched.
import { join } from 'node:path'
import { commitOf, EMPTY_TREE } from '../git/git.ts'
import type { Git } from '../git/git.ts'
import type { PlanContext } from '../plan/plan-context.ts'
import { heldChanges, rulesFor } from './hold-back.ts'
import type { HoldBackRules } from './hold-back.ts'
import type { Held } from './hold-back-rules.ts'
import { BYTES, freshIndex, readChanges, setEntries } from '../git/tree-diff.ts'

export interface CleanHistory {
  /** HEAD, or the rewritten commit without the held files; null when there is no commit yet. */
  head: string | null
  held: Held[]
}

const MAX_COMMITS = 2_000
/** Commits already found clean, so that a push or checkpoint examines only new ones. */
const clean = new WeakMap<Git, Set<string>>()

/** Cleans the commits below HEAD, or below another commit of the checkout. */
export const cleanHistory = (plan: PlanContext, tip = 'HEAD'): Promise<CleanHistory> =>
  cleanCommits(plan.git, plan.home, rulesFor(plan), tip)

export async function cleanCommits(
  git: Git,
  home: string,
  rules: HoldBackRules,
  tip = 'HEAD',
): Promise<CleanHistory> {
  const head = await commitOf(git, tip)
  if (head === null) return { head, held: [] }
  const known = clean.get(git) ?? new Set<string>()
  clean.set(git, known)
  const index = join(home, '.ralph/clean-index')
  const written = new Map<string, string>()
  const held: Held[] = []
  for (const { commit, parents } of await ownCommits(git, head)) {
    const newParents = parents.map((parent) => written.get(parent) ?? parent)
    const isSame = newParents.every((parent, at) => parent === parents[at])
    if (isSame && known.has(commit)) continue
    const found = await inspectCommit({ git, commit, parents: newParents, rules })
    held.push(...found.held)
    if (isSame && found.held.length === 0) known.add(commit)
    else {
      const anew = await rewrite({ git, commit, parents: newParents, index, back: found.back })
      written.set(commit, anew)
      known.add(anew)
    }
  }
  return { head: written.get(head) ?? head, held }
}

/** Moves the branch to the clean history. The files in the checkout stay as they are. */
export async function adoptHistory(git: Git, { head }: CleanHistory): Promise<void> {
  if (head !== null && head !== (await commitOf(git, 'HEAD')))
    await git.must(['reset', '--quiet', '--mixed', head])
}

/** Returns the commits that no remote branch has yet, oldest first. */
async function ownCommits(git: Git, head: string): Promise<{ commit: string; parents: string[] }[]> {
  const order = ['--topo-order', '--reverse', '--parents', `--max-count=${MAX_COMMITS}`]
  const listed = await git.must(['rev-list', ...order, head, '--not', '--remotes=origin'])
  return listed
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [commit = '', ...parents] = line.split(' ')
      return { commit, parents }
    })
}

interface InspectInput {
  git: Git
  commit: string
  /** The commit's parents after their own rewriting. */
  parents: string[]
  rules: HoldBackRules
}

async function inspectCommit({ git, commit, parents, rules }: InspectInput) {
  const [first = EMPTY_TREE, ...others] = parents
  let changes = await readChanges(git, ['diff-tree', '-r', first, commit])
  // For a merge, only the changes that come from none of its parents count.
  for (const other of others) {
    const differs = new Set(
      (await readChanges(git, ['diff-tree', '-r', other, commit])).map(({ path }) => path),
    )
    changes = changes.filter(({ path }) => differs.has(path))
  }
  const held = await heldChanges(git, changes, rules)
  const paths = new Set(held.map(({ path }) => path))
  return {
    held,
    back: changes.filter(({ path }) => paths.has(path)).map(({ path, before }) => ({ path, entry: before })),
  }
}

interface RewriteInput {
  git: Git
  commit: string
  parents: string[]
  index: string
  back: Parameters<typeof setEntries>[1]
}

async function rewrite({ git, commit, parents, index, back }: RewriteInput): Promise<string> {
  const env = freshIndex(index)
  await git.must(['read-tree', commit], { env })
  await setEntries(git, back, env)
  const tree = await git.must(['write-tree'], { env })
  const [first] = parents
  // A commit that held nothing else would be empty, so its parent takes its place.
  if (
    parents.length === 1 &&
    first !== undefined &&
    back.length > 0 &&
    (await git.must(['rev-parse', `${first}^{tree}`])) === tree
  )
    return first
  const raw = (await git.try(['cat-file', 'commit', commit], BYTES)).stdout
  const [head = '', ...message] = raw.split('\n\n')
  const kept = head
    .replaceAll(/^gpgsig(?:-sha256)? .*(?:\n .*)*\n?/gm, '')
    .split('\n')
    .filter((line) => !/^(?:tree|parent) /.test(line) && line !== '')
  const lines = [`tree ${tree}`, ...parents.map((parent) => `parent ${parent}`), ...kept]
  return git.must(['hash-object', '-t', 'commit', '-w', '--stdin'], {
    input: `${lines.join('\n')}\n\n${message.join('\n\n')}`,
    encoding: 'latin1',
  })
}
