// A tree of the given files, for detectors that need no git.
import type { Tree } from '../../../agent/checks/detect-tree.ts'

export function treeOf(files: Record<string, string>, commit = '0'.repeat(40)): Tree {
  return {
    commit,
    paths: Object.keys(files),
    has: (path) => files[path] !== undefined,
    read: (path) => Promise.resolve(files[path] ?? null),
  }
}
