// Finds what an unfinished merge leaves: an operation of git that still waits, paths in conflict, and conflict markers in changed
// files of any type. Such work is kept, but a finish refuses it by name.
import { existsSync, lstatSync } from 'node:fs'
import { join } from 'node:path'
import { commitOf, EMPTY_TREE } from '../git/git.ts'
import type { Git } from '../git/git.ts'
import { BYTES, readChanges, readContents, readSizes } from '../git/tree-diff.ts'
import { baseIn } from '../plan/journal.ts'
import type { PlanContext } from '../plan/plan-context.ts'
import { readPlainFile } from '../machine/plain-file.ts'
import { showPath, WARN_BYTES } from './hold-back-rules.ts'

const MAX_NAMED = 20
const OPENS = '<<<<<<< '
const MAX_READ_BYTES = 100 * 1024 * 1024

/** An operation of git that was begun and not ended. `abort` ends it without its result. */
export interface Operation {
  name: string
  abort: string[]
}

/** Git's own files that tell of an operation, first match first: `git am` and `git rebase` share a folder. */
const OPERATIONS: (Operation & { marks: string[] })[] = [
  { name: 'am', abort: ['am', '--abort'], marks: ['rebase-apply/applying'] },
  { name: 'rebase', abort: ['rebase', '--abort'], marks: ['rebase-merge', 'rebase-apply'] },
  { name: 'cherry-pick', abort: ['cherry-pick', '--abort'], marks: ['CHERRY_PICK_HEAD'] },
  { name: 'revert', abort: ['revert', '--abort'], marks: ['REVERT_HEAD'] },
  { name: 'merge', abort: ['merge', '--abort'], marks: ['MERGE_HEAD'] },
  { name: 'cherry-pick', abort: ['cherry-pick', '--quit'], marks: ['sequencer'] },
  { name: 'bisect', abort: ['bisect', 'reset'], marks: ['BISECT_LOG'] },
]

/** Returns the operation that is in progress; null when there is none. */
export function operationInProgress(checkout: string): Operation | null {
  const isThere = (mark: string) => existsSync(join(checkout, '.git', mark))
  return OPERATIONS.find(({ marks }) => marks.some(isThere)) ?? null
}

/**
 * Returns one line for each thing that is not merged; none when all is. Call it before the work is committed, because a commit ends a
 * merge. It looks at the files of the checkout and at HEAD.
 */
export async function unmergedWork(plan: PlanContext): Promise<string[]> {
  const { git, start, journal } = plan
  const lines: string[] = []
  const operation = operationInProgress(start.checkout)
  if (operation !== null)
    lines.push(
      `A ${operation.name} is in progress. Bring it to its end, or take it back with \`git ${operation.abort.join(' ')}\`.`,
    )
  const conflicts = await git.try(['diff', '--name-only', '--diff-filter=U', '-z'], BYTES)
  for (const path of split(conflicts.stdout)) lines.push(`${showPath(path)} is in conflict.`)
  for (const { path, line } of await conflictMarkers(git, baseIn(journal.records())))
    lines.push(`${showPath(path)} holds the markers of a conflict, from line ${line} on.`)
  return lines.length <= MAX_NAMED
    ? lines
    : [...lines.slice(0, MAX_NAMED), `And ${lines.length - MAX_NAMED} more.`]
}

/** Returns where changed files, in HEAD or in the checkout, hold a conflict that no file of the base holds. */
async function conflictMarkers(git: Git, baseHead: string | null): Promise<{ path: string; line: number }[]> {
  const fresh = new Map<string, { line: number; text: string }[]>()
  const look = (path: string, text: string) => {
    const blocks = text.includes(OPENS) ? conflictBlocks(text) : []
    if (blocks.length > 0) fresh.set(path, [...(fresh.get(path) ?? []), ...blocks])
  }
  // What is in the checkout will be committed, so it counts in the place of what HEAD has.
  const replaced = new Set(split((await git.try(['ls-files', '-z', '--deleted'], BYTES)).stdout))
  for await (const [path, text] of uncommittedTexts(git)) {
    replaced.add(path)
    look(path, text)
  }
  for await (const [path, text] of committedTexts(git, baseHead)) if (!replaced.has(path)) look(path, text)
  // Only now is the whole base worth searching.
  const old = fresh.size === 0 || baseHead === null ? new Set() : await blocksOfTree(git, baseHead)
  const byPath = [...fresh].toSorted(([a], [b]) => (a < b ? -1 : 1))
  return byPath.flatMap(([path, blocks]) => {
    const first = blocks.find(({ text }) => !old.has(text))
    return first === undefined ? [] : [{ path, line: first.line }]
  })
}

async function* committedTexts(git: Git, baseHead: string | null): AsyncGenerator<[string, string]> {
  if ((await commitOf(git, 'HEAD')) === null) return
  const paths = new Map<string, string[]>()
  for (const { path, after } of await readChanges(git, ['diff-tree', '-r', baseHead ?? EMPTY_TREE, 'HEAD']))
    if (after?.mode.startsWith('100') === true)
      paths.set(after.object, [...(paths.get(after.object) ?? []), path])
  const sizes = await readSizes(git, [...paths.keys()])
  const small = new Map([...sizes].filter(([, size]) => size <= WARN_BYTES))
  for await (const [object, text] of readContents(git, small))
    for (const path of paths.get(object) ?? []) yield [path, text]
}

/** What is not committed: changed files first, then new ones up to a number of bytes. A large file is data. */
async function* uncommittedTexts(git: Git): AsyncGenerator<[string, string]> {
  let bytes = 0
  for (const args of [['--modified'], ['--others', '--exclude-standard']]) {
    const listed = await git.try(['ls-files', '-z', ...args], BYTES)
    for (const path of new Set(split(listed.stdout))) {
      const file = join(git.checkout, showPath(path))
      bytes += sizeOf(file) ?? 0
      if (bytes <= MAX_READ_BYTES && sizeOf(file) !== null) yield [path, readFile(file)]
    }
  }
}

async function blocksOfTree(git: Git, commit: string): Promise<Set<string>> {
  const found = await git.try(['grep', '-l', '-z', '-a', '-e', `^${OPENS}`, commit], BYTES)
  const paths = new Set(split(found.stdout).map((name) => name.slice(commit.length + 1)))
  if (paths.size === 0) return new Set()
  // By object: a name need not be valid UTF-8, and only such can be an argument.
  const changes = await readChanges(git, ['diff-tree', '-r', EMPTY_TREE, commit])
  const objects = changes.flatMap(({ path, after }) =>
    after !== null && paths.has(path) ? after.object : [],
  )
  const blocks = new Set<string>()
  for await (const [, text] of readContents(git, await readSizes(git, objects)))
    for (const block of conflictBlocks(text)) blocks.add(block.text)
  return blocks
}

/** Returns the whole conflicts in a text: the line that opens one, a line that divides it and the line that closes it. */
export function conflictBlocks(text: string): { line: number; text: string }[] {
  const lines = text.split(/\r?\n/)
  const found: { line: number; text: string }[] = []
  let opened = -1
  let isDivided = false
  for (const [at, line] of lines.entries())
    if (/^<{7} /.test(line)) {
      opened = at
      isDivided = false
    } else if (opened !== -1 && line === '=======') isDivided = true
    else if (opened !== -1 && isDivided && /^>{7} /.test(line)) {
      found.push({ line: opened + 1, text: lines.slice(opened, at + 1).join('\n') })
      opened = -1
    }
  return found
}

/** Returns the size of a regular file that is worth reading, else null. */
function sizeOf(file: string): number | null {
  try {
    const stat = lstatSync(file)
    return stat.isFile() && stat.size <= WARN_BYTES ? stat.size : null
  } catch {
    return null // it is gone, or in a folder that cannot be entered
  }
}

/** Reads a file of the checkout as latin1, or as '' where it cannot hold a conflict or be read. */
function readFile(file: string): string {
  try {
    const bytes = readPlainFile(file, file)
    return bytes.includes(OPENS) ? bytes.toString('latin1') : ''
  } catch {
    return ''
  }
}

const split = (text: string): string[] => text.split('\0').filter((part) => part !== '')
