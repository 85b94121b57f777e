// The git folder of a plan's checkout: it borrows objects from the mirror, and its hooks, excludes and remote are ours. A mark tells
// it from one that somebody else made in its place.
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { writeDurably } from '../machine/durable.ts'
import { quote } from '../checks/detect-shapes.ts'
import { findTools } from '../machine/programs.ts'
import type { PlanContext } from '../plan/plan-context.ts'
import { GENERATED_FOLDERS } from '../publish/hold-back-rules.ts'

const HOOKS = ['prepare-commit-msg', 'pre-push'] as const

/** The address of the plan's repository at the gateway. */
export const originUrl = ({ url, workspace }: PlanContext['start']): string =>
  `${url}/vm/git/${workspace}.git`

/** Makes a git folder without a commit of its own. markOurs() comes last, when HEAD stands where it should. */
export async function initialise(plan: PlanContext): Promise<void> {
  const { git, start } = plan
  await git.must(['init', '--quiet'])
  writeBorrowing(start)
  writeExcludes(start)
  writeHooks(plan)
  await git.must(['remote', 'add', 'origin', originUrl(start)])
  await fetchFromMirror(plan)
}

/** Takes over the remote's branches as the mirror last saw them. */
export const fetchFromMirror = ({ git, start }: PlanContext): Promise<string> =>
  git.must(['fetch', '--quiet', '--no-tags', start.mirror, '+refs/heads/*:refs/remotes/origin/*'])

const markFile = (folder: string): string => join(folder, 'ralph-plan')

export function markOurs({ checkout, id }: PlanContext['start']): void {
  writeDurably(markFile(join(checkout, '.git')), `${id}\n`)
}

/** True when this folder is the plan's own git folder and whole enough for git to open it. */
export const isOurs = (folder: string, { id }: PlanContext['start']): boolean =>
  readText(markFile(folder))?.trim() === id &&
  existsSync(join(folder, 'HEAD')) &&
  ['objects', 'refs'].every((name) => isFolder(join(folder, name)))

const alternatesFile = (checkout: string): string => join(checkout, '.git/objects/info/alternates')

export const borrows = ({ checkout, mirror }: PlanContext['start']): boolean =>
  (readText(alternatesFile(checkout)) ?? '').split('\n').includes(join(mirror, 'objects'))

export function writeBorrowing({ checkout, mirror }: PlanContext['start']): void {
  const file = alternatesFile(checkout)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, `${join(mirror, 'objects')}\n`)
}

export const hasExcludes = ({ checkout }: PlanContext['start']): boolean =>
  existsSync(join(checkout, '.git/info/exclude'))

/** Excludes what tools generate from `git status` and `git add --all`, unless the repository already tracks it. */
export function writeExcludes({ checkout }: PlanContext['start']): void {
  mkdirSync(join(checkout, '.git/info'), { recursive: true })
  const lines = [...GENERATED_FOLDERS, '*.egg-info'].map((name) => `${name}/`)
  writeFileSync(join(checkout, '.git/info/exclude'), `${lines.join('\n')}\n`)
}

/** True when both hooks are there. A program of the repository's own may have put its hook in the place of ours. */
export const hasHooks = ({ checkout }: PlanContext['start']): boolean =>
  HOOKS.every((name) => existsSync(join(checkout, '.git/hooks', name)))

/**
 * Writes two hooks into the plan's git directory, never into the repository. One adds the plan's trailer to the model's own commits
 * (git runs it even with --no-verify). The other checks the model's own pushes as ours are checked. A hook that is there stays.
 */
export function writeHooks({ start, home }: PlanContext): void {
  const hooks = join(start.checkout, '.git/hooks')
  mkdirSync(hooks, { recursive: true })
  const trailer = `--in-place --if-exists doNothing --trailer 'Ralph-Plan: ${start.id}'`
  const { node, bundle } = findTools({})
  const commands = {
    'prepare-commit-msg': `git interpret-trailers ${trailer} "$1"`,
    'pre-push': [node, bundle, 'check-push', home].map(quote).join(' '),
  }
  for (const name of HOOKS) {
    const file = join(hooks, name)
    if (!existsSync(file)) writeFileSync(file, `#!/bin/sh\nexec ${commands[name]}\n`, { mode: 0o755 })
  }
}

export const isFolder = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isDirectory() === true

/** Returns a file's text; null when it cannot be read. */
export function readText(file: string): string | null {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return null
  }
}

/** Names of what a move between mounts may leave when it is killed: a copy that is not whole, and a folder that is being deleted. */
const LEFTOVERS = ['.ralph-part', '.ralph-gone'] as const
const [PART, GONE] = LEFTOVERS

export const isLeftover = (path: string): boolean => LEFTOVERS.some((end) => path.endsWith(end))

/**
 * Moves a file or folder. In a sandbox checkout and home are mounts of their own, between which nothing can be renamed. A kill at any
 * moment leaves it whole in at least one of the two places, under its own name.
 */
export function move(from: string, to: string): void {
  try {
    rmSync(to, { recursive: true, force: true })
    renameSync(from, to)
  } catch {
    rmSync(`${to}${PART}`, { recursive: true, force: true })
    cpSync(from, `${to}${PART}`, { recursive: true, verbatimSymlinks: true })
    renameSync(`${to}${PART}`, to)
    // Deleting takes long. A folder that is half deleted must not be taken for the whole one.
    rmSync(`${from}${GONE}`, { recursive: true, force: true })
    renameSync(from, `${from}${GONE}`)
    rmSync(`${from}${GONE}`, { recursive: true, force: true })
  }
}

/** Deletes what a killed move of the git folder left in the checkout, where it would be taken for the model's work. */
export function dropLeftovers({ checkout }: PlanContext['start']): void {
  for (const end of LEFTOVERS) rmSync(join(checkout, `.git${end}`), { recursive: true, force: true })
}
