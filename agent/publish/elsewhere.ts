// Finds work that the plan's branch does not hold: on other local branches, on a head that was left, in a stash, in another working
// tree, inside a submodule. A finish names it, and at the end of an attempt nothing of it is lost without a word.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { AUTHOR } from '../git/author.ts'
import type { Git } from '../git/git.ts'
import { BYTES } from '../git/tree-diff.ts'
import { baseIn } from '../plan/journal.ts'
import type { PlanContext } from '../plan/plan-context.ts'
import { showPath } from './hold-back-rules.ts'

export interface WorkElsewhere {
  /** Where it is and what to do, for the model and the history. */
  text: string
  /** The commit that holds it; null when it is in files only. */
  commit: string | null
}

const MAX_TIPS = 20
const MAX_SUBMODULES = 50
/** Most commits of a submodule that are named. */
const MAX_SHOWN = 5
const MAX_DIFF_BYTES = 32 * 1024 * 1024

/** Returns one line for each piece of work beside the branch; none when the branch holds all of it. */
export const workElsewhere = async (plan: PlanContext): Promise<string[]> =>
  (await findElsewhere(plan)).map(({ text }) => text)

export async function findElsewhere(plan: PlanContext): Promise<WorkElsewhere[]> {
  const { git } = plan
  const heads = [...(await localBranches(git)), ...(await leftHeads(git))]
  const found: WorkElsewhere[] = []
  const seen = new Set<string>()
  for (const { commit, where } of heads) {
    if (seen.has(commit) || found.length >= MAX_TIPS) continue
    seen.add(commit)
    const count = await commitsBeside(git, commit)
    if (count > 0)
      found.push({ commit, text: `${where} has ${count} commits that this branch does not have.` })
  }
  return [...found, ...(await stashes(git)), ...(await workingTrees(plan)), ...(await insideSubmodules(plan))]
}

async function localBranches(git: Git): Promise<{ commit: string; where: string }[]> {
  const listed = await git.try(['for-each-ref', '--format=%(objectname) %(refname:short)', 'refs/heads'])
  return lines(listed.stdout).map((line) => {
    const [commit = '', name = ''] = line.split(' ')
    return { commit, where: `The local branch ${name} (${commit.slice(0, 12)})` }
  })
}

/** Returns the commits on which a detached head stood when it was left. Only git's log of HEAD still knows them. */
async function leftHeads(git: Git): Promise<{ commit: string; where: string }[]> {
  const log = await git.try(['reflog', 'show', '--format=%gs', 'HEAD', '--'])
  const left = lines(log.stdout).flatMap(
    (line) => /^checkout: moving from ([0-9a-f]{40,64}) to /.exec(line)?.[1] ?? [],
  )
  return [...new Set(left)].slice(0, MAX_TIPS).map((commit) => ({
    commit,
    where: `The detached head ${commit.slice(0, 12)}, which was left,`,
  }))
}

/** Counts the commits that neither HEAD nor the remote has, in these or other words. 0 when their changes are all in HEAD. */
async function commitsBeside(git: Git, commit: string): Promise<number> {
  const count = async (...args: string[]) =>
    Number((await git.try(['rev-list', '--count', ...args])).stdout.trim() || 0)
  const all = await count(commit, '--not', 'HEAD', '--remotes=origin')
  if (all === 0) return 0
  const fresh = ['--cherry-pick', '--right-only', '--no-merges', `HEAD...${commit}`]
  const others = await count(...fresh, '--not', '--remotes=origin')
  if (others === 0) return 0
  const shared = await git.try(['merge-base', 'HEAD', commit])
  const isIn = shared.code === 0 && (await isContained(git, shared.stdout.trim(), commit))
  return isIn ? 0 : others
}

/** True when HEAD holds all that changes from one commit to the other: the change could be taken back from it. */
async function isContained(git: Git, from: string, to: string): Promise<boolean> {
  const plain = ['--binary', '--full-index', '--no-ext-diff', '--no-textconv', '--no-renames', '--no-color']
  const diff = await git.try(['diff', ...plain, from, to], { ...BYTES, maxBytes: MAX_DIFF_BYTES })
  if (diff.code !== 0) return false
  if (diff.stdout === '') return true
  const back = await git.try(['apply', '--reverse', '--check', '--cached', '-'], {
    input: diff.stdout,
    encoding: 'latin1',
  })
  return back.code === 0
}

async function stashes(git: Git): Promise<WorkElsewhere[]> {
  const listed = await git.try(['stash', 'list', '--format=%H %gd %gs'])
  const found: WorkElsewhere[] = []
  for (const line of lines(listed.stdout).slice(0, MAX_TIPS)) {
    const [commit = '', name = '', ...rest] = line.split(' ')
    const untracked = await git.try(['rev-parse', '--verify', '--quiet', `${commit}^3`])
    const isIn = untracked.code !== 0 && (await isContained(git, `${commit}^1`, commit))
    if (!isIn)
      found.push({
        commit,
        text: `The stash ${name} (${commit.slice(0, 12)}, ${rest.join(' ').slice(0, 100)}) is not in this branch.`,
      })
  }
  return found
}

/** Other working trees of this repository: commits that only they stand on, and what is uncommitted in them. */
async function workingTrees({ git, home }: PlanContext): Promise<WorkElsewhere[]> {
  const listed = await git.try(['worktree', 'list', '--porcelain', '-z'])
  const found: WorkElsewhere[] = []
  const [, ...others] = listed.stdout.split('\0\0').filter((block) => block !== '')
  for (const block of others.slice(0, MAX_TIPS)) {
    const fields = new Map(
      block.split('\0').map((field) => {
        const end = field.indexOf(' ')
        return end === -1 ? ([field, ''] as const) : ([field.slice(0, end), field.slice(end + 1)] as const)
      }),
    )
    const [folder = '', head = ''] = [fields.get('worktree'), fields.get('HEAD')]
    if (folder === '' || folder.startsWith(join(home, '.ralph') + '/')) continue
    const count = fields.has('detached') ? await commitsBeside(git, head) : 0
    if (count > 0)
      found.push({
        commit: head,
        text: `The working tree ${folder} stands on ${head.slice(0, 12)} with ${count} commits that this branch does not have.`,
      })
    // Where the folder was removed, git still knows its head, until it tidies up.
    if (!existsSync(folder)) continue
    const changed = lines((await git.try(['-C', folder, 'status', '--porcelain'])).stdout)
    if (changed.length > 0)
      found.push({
        commit: null,
        text: `The working tree ${folder} has uncommitted changes: ${changed
          .slice(0, 10)
          .map((line) => line.slice(3))
          .join(', ')}.`,
      })
  }
  return found
}

/** What was written into a submodule: git lists none of it, and the plan cannot push it. */
async function insideSubmodules({ git, journal }: PlanContext): Promise<WorkElsewhere[]> {
  const staged = await git.try(['ls-files', '-z', '--stage'], BYTES)
  const paths = staged.stdout
    .split('\0')
    .filter((line) => line.startsWith('160000 '))
    .map((line) => line.slice(line.indexOf('\t') + 1))
  const found: WorkElsewhere[] = []
  for (const path of paths.slice(0, MAX_SUBMODULES)) {
    const shown = showPath(path)
    const names = namesIn(join(git.checkout, shown))
    if (names.length === 0) continue
    const inside = ['-C', shown]
    const own = await git.try([...inside, 'rev-parse', '--show-prefix'])
    if (own.code !== 0 || own.stdout.trim() !== '') {
      found.push({
        commit: null,
        text: `The submodule ${shown} could not be fetched, so what was written into it (${names.slice(0, 10).join(', ')}) cannot be committed.`,
      })
      continue
    }
    const changed = lines((await git.try([...inside, 'status', '--porcelain'])).stdout)
    const base = baseIn(journal.records())
    const before = base === null ? '' : (await git.try(['rev-parse', `${base}:${shown}`])).stdout.trim()
    const only = await onlyInSubmodule(git, inside, before)
    if (changed.length + only.length > 0)
      found.push({
        commit: null,
        text: `The submodule ${shown} has ${only.length > 0 ? `commits that its own remote does not have (${only.map((commit) => commit.slice(0, 12)).join(', ')})` : 'uncommitted changes'}; the plan cannot push them.`,
      })
  }
  return found
}

/**
 * Returns commits on any branch, stash, tag or head of a submodule that its remote does not have, the newest first. A tag may be the
 * remote's own, so a commit that only tags hold counts when it was made here.
 */
async function onlyInSubmodule(git: Git, inside: string[], before: string): Promise<string[]> {
  const known = await git.try([...inside, 'rev-parse', '--verify', '--quiet', `${before}^{commit}`])
  const not = ['--not', '--remotes', ...(known.code === 0 ? [before] : [])]
  const list = async (...args: string[]) =>
    lines((await git.try([...inside, 'rev-list', `--max-count=${MAX_SHOWN}`, ...args])).stdout)
  const heads = await list('HEAD', '--branches', ...not, '--tags')
  const made = await list('--all', `--committer=<${AUTHOR.email}>`, '--fixed-strings', ...not)
  return [...new Set([...heads, ...made])].slice(0, MAX_SHOWN)
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => name !== '.git')
  } catch {
    return [] // the folder was removed
  }
}

const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '')
