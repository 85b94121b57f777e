// Reads what a head changes against its base, whole and from the commits alone: no attribute file, setting, index or file of the
// checkout changes what is read. In a proof git reads it as the prover's user, before any code of the head has run.
import { join } from 'node:path'
import { classOf, GENERATED_HEADER, HEADER_LINES, isBinaryText } from './file-class.ts'
import type { FileClass } from './file-class.ts'
import type { Git, GitOptions } from './git.ts'
import { commitOf, EMPTY_TREE } from './git.ts'

export interface Change {
  path: string
  kind: 'added' | 'changed' | 'deleted'
}

export interface FileDifference extends Change {
  class: FileClass
  /** The hunks, from the first `@@` on; empty for a binary file. */
  text: string
  additions: number
  deletions: number
  /** Git's modes before and after: 100644, 100755 (a program), 120000 (a link), 160000 (a submodule), 000000 (not there). */
  modes: [before: string, after: string]
  /** Bytes before and after. */
  sizes: [before: number, after: number]
  /** False when the change is too large to be read, so that its text is missing here. */
  isWhole: boolean
}

export interface Difference {
  changes: Change[]
  files: FileDifference[]
}

/** What git reads at once. A larger difference is read in parts, without what is vendored; a larger file is not read. */
const MAX_BYTES_AT_ONCE = 16_000_000
/** More than anybody reads of one file. */
const MAX_TEXT_CHARS = 2_000_000
const MAX_PATHS_AT_ONCE = 300
/** From here on the headers of generated files are looked for in the base too. */
const LONG_CHARS = 100_000
const EMPTY_TREE_SHA256 = '6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321'
const PATCH = [
  '--patch',
  '--unified=3',
  '--text',
  '--no-textconv',
  '--no-ext-diff',
  '--no-color',
  '--no-renames',
  '--ignore-submodules=none',
  '--submodule=short',
]

/** Returns the commit that the work started from, by git and not by the plan's claim; null when the repository had no commit. */
export async function findBase(git: Git, baseHead: string | null, head: string): Promise<string | null> {
  if (baseHead === null) return null
  const shared = await git.try(['merge-base', baseHead, head])
  // When the histories share no commit, the base branch's commit is used.
  return shared.code === 0 ? shared.stdout.trim() : commitOf(git, baseHead)
}

/** Returns the changed paths alone, which is cheap also where the files are large. */
export async function changedPaths(git: Git, base: string | null, head: string): Promise<Change[]> {
  const { read, range } = openRange(git, base, head)
  return (await listEntries(read, range)).map(({ path, kind }) => ({ path, kind }))
}

function openRange(git: Git, base: string | null, head: string) {
  const emptyTree = head.length === EMPTY_TREE.length ? EMPTY_TREE : EMPTY_TREE_SHA256
  const read: Read = (args, options) => plainly(git, emptyTree, args, options)
  return { read, range: [base ?? emptyTree, head] }
}

export async function readDifference(git: Git, base: string | null, head: string): Promise<Difference> {
  const { read, range } = openRange(git, base, head)
  const entries = await listEntries(read, range)
  const texts = await readTexts(read, range, entries)
  const files = entries.map((entry) => toFile(entry, texts.get(entry.path) ?? null))
  const long = files.reduce((sum, { text }) => sum + text.length, 0) > LONG_CHARS
  if (long && base !== null) await markGenerated(read, base, files)
  return {
    changes: files.map(({ path, kind }) => ({ path, kind })),
    files,
  }
}

type Read = (args: string[], options?: GitOptions) => Promise<string>

/**
 * Runs git on the repository as if it had no checkout: from another folder, because git reads `.gitattributes` of the one it stands
 * in. Attributes then come from nowhere but `info/attributes`, which `--text` and `--no-textconv` make harmless. Without an index
 * git cannot take a file of the checkout for a blob either.
 */
function plainly(git: Git, emptyTree: string, args: string[], options: GitOptions = {}): Promise<string> {
  const gitDir = join(git.checkout, '.git')
  const env = {
    GIT_DIR: gitDir,
    GIT_INDEX_FILE: join(gitDir, 'no-index'),
    GIT_ATTR_NOSYSTEM: '1',
    GIT_ATTR_SOURCE: emptyTree,
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_LITERAL_PATHSPECS: '1',
  }
  const settings = ['-c', 'core.attributesFile=/dev/null', '-c', 'diff.suppressBlankEmpty=false']
  return git.must(['-C', '/', '--bare', ...settings, ...args], { ...options, env })
}

interface Entry extends Change {
  modes: [string, string]
  sizes: [number, number]
}

const SUBMODULE = '160000'

async function listEntries(read: Read, range: string[]): Promise<Entry[]> {
  const listed = await read(
    ['diff-tree', '-r', '--raw', '-z', '--no-abbrev', '--no-renames', '--ignore-submodules=none', ...range],
    { maxBytes: 4 * MAX_BYTES_AT_ONCE },
  )
  const fields = listed.split('\0')
  const raw = []
  for (let at = 0; at + 1 < fields.length; at += 2) {
    // `:100644 100755 {id} {id} M`
    const [before = '', after = '', ...ids] = (fields[at] ?? '').slice(1).split(' ')
    raw.push({ path: fields[at + 1] ?? '', before, after, ids: ids.slice(0, 2), status: ids[2] })
  }
  const ids = raw.flatMap((one) => one.ids.filter((_, n) => [one.before, one.after][n] !== SUBMODULE))
  const known = ids.filter((id) => !/^0+$/.test(id))
  const sized = await read(['cat-file', '--batch-check=%(objectname) %(objectsize)'], {
    input: known.map((id) => `${id}\n`).join(''),
    maxBytes: 4 * MAX_BYTES_AT_ONCE,
  })
  const sizes = new Map(sized.split('\n').map((line) => [line.split(' ')[0], Number(line.split(' ')[1])]))
  const sizeOf = (id: string | undefined) => sizes.get(id) || 0
  return raw.map(({ path, before, after, ids: [old, fresh], status }) => ({
    path,
    kind: status === 'A' ? 'added' : status === 'D' ? 'deleted' : 'changed',
    modes: [before, after],
    sizes: [sizeOf(old), sizeOf(fresh)],
  }))
}

const weight = ({ sizes }: Entry): number => sizes[0] + sizes[1]
const sumOf = (entries: readonly Entry[]): number => entries.reduce((sum, entry) => sum + weight(entry), 0)

/** Returns the hunks of each file that could be read. */
async function readTexts(read: Read, range: string[], entries: Entry[]): Promise<Map<string, string>> {
  const texts = new Map<string, string>()
  const isSmall = sumOf(entries) <= MAX_BYTES_AT_ONCE
  const readable = entries.filter(
    (entry) => weight(entry) <= MAX_BYTES_AT_ONCE && (isSmall || classOf(entry.path, []) !== 'vendored'),
  )
  const isAll = isSmall && readable.length === entries.length
  for (const part of isAll ? [entries] : inParts(readable)) {
    const paths = isAll ? [] : ['--', ...part.map(({ path }) => path)]
    const patch = await read(['diff-tree', '-r', ...PATCH, ...range, ...paths], {
      maxBytes: 3 * MAX_BYTES_AT_ONCE,
    })
    const sections = `\n${patch}`.split('\ndiff --git ').slice(1)
    // Git prints a file that became a link, or the other way round, as two sections: one deleted, one added.
    const counts = part.map(({ modes: [before, after] }) => (isOtherKind(before, after) ? 2 : 1))
    if (counts.reduce((sum, count) => sum + count, 0) !== sections.length) continue
    for (const [at, { path }] of part.entries())
      texts.set(path, sections.splice(0, counts[at]).map(hunksFrom).filter(Boolean).join('\n'))
  }
  return texts
}

const isOtherKind = (before: string, after: string): boolean =>
  Number(before) !== 0 && Number(after) !== 0 && before.slice(0, 3) !== after.slice(0, 3)

function hunksFrom(section: string): string {
  const start = section.indexOf('\n@@ ')
  return start === -1 ? '' : section.slice(start + 1)
}

/** Cuts a list that is too large to be read at once. */
function inParts(entries: Entry[]): Entry[][] {
  const parts: Entry[][] = []
  let bytes = 0
  for (const entry of entries) {
    const last = parts.at(-1)
    bytes += weight(entry)
    if (last !== undefined && bytes <= MAX_BYTES_AT_ONCE && last.length < MAX_PATHS_AT_ONCE) last.push(entry)
    else {
      parts.push([entry])
      bytes = weight(entry)
    }
  }
  return parts
}

function toFile(entry: Entry, text: string | null): FileDifference {
  const isBinary = isBinaryText(text ?? '')
  const isWhole = text !== null && (isBinary || text.length <= MAX_TEXT_CHARS)
  const shown = isWhole && !isBinary ? text.replaceAll('\0', '\u2400') : ''
  const rows = shown.split('\n')
  const first = rows.slice(0, HEADER_LINES + 1).map((row) => row.slice(1))
  return {
    ...entry,
    // A header that the work adds to an existing file hides nothing: only a whole file that comes or goes is believed here.
    class: isBinary ? 'binary' : classOf(entry.path, entry.kind === 'changed' ? [] : first),
    text: shown,
    additions: rows.filter((row) => row.startsWith('+')).length,
    deletions: rows.filter((row) => row.startsWith('-')).length,
    isWhole,
  }
}

/** Marks the changed files that were generated at the base already. */
async function markGenerated(read: Read, base: string, files: FileDifference[]): Promise<void> {
  const changed = files
    .filter((file) => file.kind === 'changed' && file.class === 'source')
    .toSorted((a, b) => b.text.length - a.text.length)
    .slice(0, MAX_PATHS_AT_ONCE)
  if (changed.length === 0) return
  const found = await read(
    ['grep', '-a', '-n', '-z', '-E', GENERATED_HEADER, base, '--', ...changed.map(({ path }) => path)],
    { maxBytes: MAX_BYTES_AT_ONCE },
  ).catch(() => '') // git grep fails when it finds nothing
  // `{base}:{path} NUL {line} NUL {text}`
  const generated = new Set(
    found.split('\n').flatMap((row) => {
      const [path = '', line = ''] = row.split('\0')
      return Number(line) <= HEADER_LINES ? [path.slice(base.length + 1)] : []
    }),
  )
  for (const file of changed) if (generated.has(file.path)) file.class = 'generated'
}
