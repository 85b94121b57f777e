// Reads the files of one commit for the detectors. Names that are not UTF-8 get replacement characters, which is enough here.
import { inFolder } from './detect-shapes.ts'
import type { Git } from '../git/git.ts'

export interface Tree {
  commit: string | null
  /** Paths of regular files, without submodules and links. */
  paths: readonly string[]
  has(path: string): boolean
  /** Returns up to 8 MB of a file; null when it does not exist. */
  read(path: string): Promise<string | null>
}

const LIST_TIMEOUT_MS = 60_000

export async function readTree(git: Git, commit: string | null): Promise<Tree> {
  const listed =
    commit === null
      ? ''
      : await git.must(['ls-tree', '-r', '-z', '--full-tree', commit], { timeoutMs: LIST_TIMEOUT_MS })
  const paths = listed
    .split('\0')
    .filter((line) => line.startsWith('100'))
    .map((line) => line.slice(line.indexOf('\t') + 1))
  const known = new Set(paths)
  const texts = new Map<string, string | null>()
  return {
    commit,
    paths,
    has: (path) => known.has(path),
    async read(path) {
      if (commit === null || !known.has(path)) return null
      const kept = texts.get(path)
      if (kept !== undefined) return kept
      const blob = await git.try(['cat-file', 'blob', `${commit}:${path}`])
      const text = blob.code === 0 ? blob.stdout : null
      texts.set(path, text)
      return text
    },
  }
}

/** Returns the files below a folder as a tree of their own. */
export const treeBelow = (tree: Tree, folder: string): Tree => ({
  commit: tree.commit,
  paths: tree.paths
    .filter((path) => path.startsWith(`${folder}/`))
    .map((path) => path.slice(folder.length + 1)),
  has: (path) => tree.has(inFolder(folder, path)),
  read: (path) => tree.read(inFolder(folder, path)),
})
