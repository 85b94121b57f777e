// Stages the changed files whose size is allowed, one index for all. What git cannot read or encode is held back by name, so that
// one such file never keeps the others out of a commit.
import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { GitError, gitReason } from '../git/git.ts'
import type { Git } from '../git/git.ts'
import { BYTES, LITERAL } from '../git/tree-diff.ts'
import type { RunResult } from '../machine/process.ts'
import { MAX_BYTES } from './hold-back-rules.ts'
import type { Held } from './hold-back-rules.ts'

const MAX_NEW_FILES = 20_000
const MAX_NEW_BYTES = 500 * 1024 * 1024
const ADD_TIMEOUT_MS = 10 * 60_000
/** When so many paths fail one after the other and none succeeds, it is git that fails and not the files. */
const MAX_FAILED_ALONE = 100
const MAX_WORDS = 300

/** Stages in the index that env names, before anything is read, because adding gigabytes would fill the disk a second time. */
export async function stageAllowed(git: Git, env: NodeJS.ProcessEnv): Promise<Held[]> {
  const tracked = await listPaths(git, env, '--modified', '--deleted')
  const fresh = await listPaths(git, env, '--others', '--exclude-standard')
  const changed = new Set(tracked.paths)
  const held = new Map<string, Held>()
  const hold = (path: string, kind: Held['kind'], reason: string) => held.set(path, { path, kind, reason })
  const sizes = new Map<string, number>()
  for (const path of [...changed, ...fresh.paths]) {
    const size = sizeOf(join(git.checkout, '/'), path)
    if (path.endsWith('/')) hold(path, 'nested_repository', describeNested(git, path))
    else if (size > MAX_BYTES) hold(path, 'large', `it has ${toMb(size)} MB; over 50 MB is never committed`)
    else if (!changed.has(path)) sizes.set(path, size)
  }
  for (const [path, reason] of tooMuch(sizes)) hold(path, 'large', reason)
  for (const folder of closedFolders(fresh.said)) hold(folder, 'unreadable', CLOSED)
  const wanted = (paths: Iterable<string>) => [...paths].filter((path) => !held.has(path))
  // Tracked files need --update, because they may lie in a folder where new files are ignored.
  const failed = [
    ...(await addPaths(git, env, '--update', wanted(changed))),
    ...(await addPaths(git, env, '--all', wanted(fresh.paths))),
  ]
  for (const [path, words] of failed) hold(path, 'unreadable', `git cannot add it (${words})`)
  // Git says nothing in its exit code about a tracked file in a folder that it may not enter.
  if (tracked.said !== '')
    for (const path of wanted((await listPaths(git, env, '--modified', '--deleted')).paths))
      if (changed.has(path)) hold(path, 'unreadable', CLOSED)
  return [...held.values()]
}

const CLOSED = 'it cannot be read (permission denied)'

async function listPaths(git: Git, env: NodeJS.ProcessEnv, ...args: string[]) {
  const result = await git.try(['ls-files', '-z', ...args], { ...BYTES, env })
  if (result.code !== 0) throw new GitError(`git ls-files failed: ${gitReason(result)}`)
  return { paths: result.stdout.split('\0').filter((path) => path !== ''), said: result.stderr }
}

/** Returns the folders that `git ls-files --others` could not open. What is in them is not even listed. */
export const closedFolders = (said: string): string[] =>
  [...said.matchAll(/^warning: could not open directory '(.+)': /gm)].map(([, path = '']) => toLatin1(path))

/** Adds the paths. Returns those that git could not add, with git's words. Errors: GitError when git itself fails. */
async function addPaths(
  git: Git,
  env: NodeJS.ProcessEnv,
  mode: '--update' | '--all',
  paths: string[],
): Promise<Map<string, string>> {
  const failed = new Map<string, string>()
  let added = 0
  const add = async (some: string[]): Promise<void> => {
    if (some.length === 0) return
    const result = await git.try(
      ['add', mode, '--ignore-errors', '--pathspec-from-file=-', '--pathspec-file-nul'],
      {
        env: { ...env, ...LITERAL },
        input: some.join('\0'),
        encoding: 'latin1',
        timeoutMs: ADD_TIMEOUT_MS,
      },
    )
    if (result.code === 0) {
      added += some.length
      return
    }
    const isStuck = added === 0 && failed.size >= MAX_FAILED_ALONE
    if (isGitsOwn(result) || isStuck) throw new GitError(`git add failed: ${gitReason(result)}`)
    const named = namedIn(result.stderr, some)
    for (const [path, words] of named) failed.set(path, words)
    const others = some.filter((path) => !named.has(path))
    if (named.size > 0) return add(others)
    const [only = ''] = some
    if (some.length === 1) failed.set(only, wordsOf(result.stderr.trim().split('\n').at(-1) ?? ''))
    else {
      const half = Math.ceil(some.length / 2)
      await add(some.slice(0, half))
      await add(some.slice(half))
    }
  }
  await add(paths)
  return failed
}

/** True when the failure has nothing to do with a single file. */
const isGitsOwn = ({ timedOut, stderr, code }: RunResult): boolean =>
  timedOut ||
  code === 127 ||
  /No space left|Disk quota|\.lock'|not a git repository|must be run in a work tree|bad config|index file (?:corrupt|smaller)|insufficient permission for adding an object/i.test(
    stderr,
  )

/** Returns the paths that git's errors name in quotes, each with the line that names it. */
export function namedIn(said: string, paths: readonly string[]): Map<string, string> {
  const lines = new Map<string, string>()
  for (const line of said.split('\n')) {
    if (!/^(?:error|fatal): /.test(line)) continue
    const words = wordsOf(line)
    for (const [, , name = ''] of line.matchAll(/(['"])(.+?)\1/g))
      if (!lines.has(name)) lines.set(name, words)
    const plain = /^error: (.+): can only add /.exec(line)?.[1]
    if (plain !== undefined) lines.set(plain, words)
  }
  const found = new Map<string, string>()
  for (const path of paths) {
    const words = lines.get(Buffer.from(path, 'latin1').toString('utf8'))
    if (words !== undefined) found.set(path, words)
  }
  return found
}

const wordsOf = (line: string): string => line.replace(/^(?:error|fatal): /, '').slice(0, MAX_WORDS)
const toLatin1 = (text: string): string => Buffer.from(text, 'utf8').toString('latin1')

/** A folder with a git directory of its own: another working tree of this repository has a file there that says so. */
function describeNested(git: Git, path: string): string {
  const isFile = isFileAt(join(git.checkout, path, '.git'))
  return isFile
    ? 'it is another working tree of a repository; bring its work onto this branch'
    : 'it is a repository of its own; add it as a submodule if the plan wants that'
}

/** Returns the largest new files, until the others are within the limits of number and size. */
function tooMuch(sizes: Map<string, number>): [string, string][] {
  const held: [string, string][] = []
  let bytes = [...sizes.values()].reduce((sum, size) => sum + size, 0)
  for (const [path, size] of [...sizes].toSorted(([, a], [, b]) => b - a)) {
    const isFine = bytes <= MAX_NEW_BYTES && sizes.size - held.length <= MAX_NEW_FILES
    if (isFine) break
    bytes -= size
    held.push([
      path,
      `the new files are ${sizes.size} with ${toMb(bytes + size)} MB; at most ${MAX_NEW_FILES} with ${toMb(MAX_NEW_BYTES)} MB are committed`,
    ])
  }
  return held
}

function isFileAt(path: string): boolean {
  try {
    return lstatSync(path).isFile()
  } catch {
    return false // the folder cannot be entered
  }
}

function sizeOf(folder: string, path: string): number {
  try {
    return lstatSync(Buffer.concat([Buffer.from(folder), Buffer.from(path, 'latin1')])).size
  } catch {
    return 0 // the file was deleted, and the deletion is staged
  }
}

const toMb = (bytes: number): number => Math.round(bytes / 1024 / 1024)
