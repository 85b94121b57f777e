// Reads the differences between two git trees, and the contents of the changed files. File names are kept as latin1, byte for
// byte, so that they go back to git unchanged: a name need not be valid UTF-8 and may begin with `-`.
import { rmSync } from 'node:fs'
import type { Git, GitOptions } from './git.ts'

export interface TreeEntry {
  mode: string
  object: string
}

export interface TreeChange {
  path: string
  /** null when the file is missing on this side. */
  before: TreeEntry | null
  after: TreeEntry | null
}

/** Makes git take paths literally, never as patterns. */
export const LITERAL = { GIT_LITERAL_PATHSPECS: '1' }
export const BYTES = { encoding: 'latin1', maxBytes: 256 * 1024 * 1024 } as const
const ZERO = /^0+$/
const BATCH_BYTES = 64 * 1024 * 1024

/** Returns the changes. args are `diff-tree -r A B` or `diff-index --cached A`, without options for the output. */
export async function readChanges(git: Git, args: string[], options: GitOptions = {}): Promise<TreeChange[]> {
  const [command = '', ...rest] = args
  const said = await git.must(
    [command, '--raw', '-z', '--no-renames', '--no-abbrev', '--ignore-submodules=none', ...rest],
    { ...BYTES, ...options },
  )
  const fields = said.split('\0')
  const changes: TreeChange[] = []
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const [beforeMode = '', afterMode = '', before = '', after = ''] = (fields[index] ?? '')
      .slice(1)
      .split(' ')
    changes.push({
      path: fields[index + 1] ?? '',
      before: entry(beforeMode, before),
      after: entry(afterMode, after),
    })
  }
  return changes
}

const entry = (mode: string, object: string): TreeEntry | null => (ZERO.test(mode) ? null : { mode, object })

/** Returns the size of each object in bytes. An object that is not here (a submodule's commit) is left out. */
export async function readSizes(git: Git, objects: string[]): Promise<Map<string, number>> {
  const sizes = new Map<string, number>()
  const unique = [...new Set(objects)]
  if (unique.length === 0) return sizes
  const said = await git.must(['cat-file', '--batch-check'], { ...BYTES, input: `${unique.join('\n')}\n` })
  for (const line of said.split('\n')) {
    const [object = '', kind, size] = line.split(' ')
    if (kind === 'blob') sizes.set(object, Number(size))
  }
  return sizes
}

/** Yields each object and its content as latin1. It holds only a limited number of bytes in memory at a time. */
export async function* readContents(git: Git, sizes: Map<string, number>): AsyncGenerator<[string, string]> {
  let batch: string[] = []
  let bytes = 0
  for (const [object, size] of sizes) {
    if (bytes + size > BATCH_BYTES && batch.length > 0) {
      yield* readBatch(git, batch)
      batch = []
      bytes = 0
    }
    batch.push(object)
    bytes += size
  }
  if (batch.length > 0) yield* readBatch(git, batch)
}

async function* readBatch(git: Git, objects: string[]): AsyncGenerator<[string, string]> {
  const input = `${objects.join('\n')}\n`
  const { stdout } = await git.try(['cat-file', '--batch'], { ...BYTES, input })
  let at = 0
  for (const object of objects) {
    const end = stdout.indexOf('\n', at)
    const size = Number(stdout.slice(at, end).split(' ')[2])
    if (end === -1 || !Number.isInteger(size)) throw new Error(`git cat-file did not give ${object}.`)
    yield [object, stdout.slice(end + 1, end + 1 + size)]
    at = end + size + 2
  }
}

/** Removes what is left of an index of ours. Returns the environment in which git uses it. */
export function freshIndex(file: string): NodeJS.ProcessEnv {
  for (const old of [file, `${file}.lock`]) rmSync(old, { force: true })
  return { GIT_INDEX_FILE: file }
}

/** Sets entries of an index; null removes the path. */
export async function setEntries(
  git: Git,
  entries: { path: string; entry: TreeEntry | null }[],
  env: NodeJS.ProcessEnv = {},
): Promise<void> {
  if (entries.length === 0) return
  const input = entries
    .map(({ path, entry: wanted }) => `${wanted?.mode ?? '0'} ${wanted?.object ?? '0'.repeat(40)}\t${path}\0`)
    .join('')
  await git.must(['update-index', '-z', '--index-info'], { env, input, encoding: 'latin1' })
}
