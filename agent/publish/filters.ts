// Holds back files that a filter should have changed and did not, because it is not set up here: what git-crypt should encrypt would
// be committed in clear, and what git-lfs should keep would be committed raw. A file that stands raw in the base already may change.
// New pointers of git-lfs are held back too. A plan cannot upload the file behind such a pointer, so others would get a commit whose
// file is missing.
import type { Git } from '../git/git.ts'
import { BYTES } from '../git/tree-diff.ts'
import type { TreeChange } from '../git/tree-diff.ts'
import type { Held } from './hold-back-rules.ts'

/** Filters whose output can be told from its first bytes. */
const MARKS = new Map([
  ['lfs', 'version https://git-lfs.github.com/spec/'],
  ['git-crypt', '\0GITCRYPT\0'],
])
/** A pointer of git-lfs is shorter (its specification). */
const MAX_POINTER_BYTES = 1_024
/** The first chunk of a pipe; the marks stand at the beginning. */
const READ_BYTES = 256 * 1024

export async function heldUnfiltered(
  git: Git,
  changes: TreeChange[],
  sizes: Map<string, number>,
  mirror: string,
): Promise<Held[]> {
  const filters = await filtersOf(git, changes)
  const held: Held[] = []
  for (const { path, before, after } of changes) {
    const filter = filters.get(path)
    if (filter === undefined || after === null) continue
    const size = sizes.get(after.object) ?? 0
    // An empty file stays empty under each of them.
    if (size === 0) continue
    if (await isFiltered(git, filter, after.object, size)) {
      if (filter === 'lfs' && !(await isOfRemote(git, mirror, path, after.object)))
        held.push({ path, kind: 'unfiltered', reason: NEW_POINTER })
      continue
    }
    const wasRaw =
      before !== null && !(await isFiltered(git, filter, before.object, sizes.get(before.object) ?? 0))
    if (!wasRaw) held.push({ path, kind: 'unfiltered', reason: reasonFor(filter) })
  }
  return held
}

const NEW_POINTER = 'git-lfs keeps it, and its new content cannot be uploaded from here; a person adds it'

/** True for a pointer that the remote has anywhere, or in this place on a branch fetched since: its object was uploaded. */
async function isOfRemote(git: Git, mirror: string, path: string, object: string): Promise<boolean> {
  if ((await git.try(['--git-dir', mirror, 'cat-file', '-e', object])).code === 0) return true
  const refs = await git.try(['for-each-ref', '--format=%(refname)', 'refs/remotes/origin'])
  const input = refs.stdout.replaceAll('\n', `:${path}\n`)
  const there = await git.try(['cat-file', '--batch-check=%(objectname)'], { ...BYTES, input })
  return there.stdout.split('\n').includes(object)
}

const reasonFor = (filter: string): string =>
  filter === 'lfs'
    ? '.gitattributes gives it to git-lfs, which is not set up here, so its whole content would be committed'
    : `.gitattributes gives it to the filter ${filter.slice(0, 60)}, which is not set up here, so it would be committed in clear`

/** Returns the filter of each path that has one we know. */
async function filtersOf(git: Git, changes: TreeChange[]): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  if (changes.length === 0) return found
  const input = changes.map(({ path }) => `${path}\0`).join('')
  const said = await git.try(['check-attr', '-z', '--stdin', 'filter'], { ...BYTES, input })
  const fields = said.stdout.split('\0')
  for (let at = 0; at + 2 < fields.length; at += 3) {
    const [path = '', , filter = ''] = fields.slice(at, at + 3)
    if (MARKS.has(kindOf(filter))) found.set(path, filter)
  }
  return found
}

/** `git-crypt-NAME` is git-crypt with a key of its own. */
const kindOf = (filter: string): string => (filter.startsWith('git-crypt-') ? 'git-crypt' : filter)

async function isFiltered(git: Git, filter: string, object: string, size: number): Promise<boolean> {
  if (filter === 'lfs' && size >= MAX_POINTER_BYTES) return false
  const { stdout } = await git.try(['cat-file', 'blob', object], { ...BYTES, maxBytes: READ_BYTES })
  return stdout.startsWith(MARKS.get(kindOf(filter)) ?? '')
}
