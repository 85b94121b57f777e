// A tree of the given files, for detectors that need no git, and machines with the given programs.
import type { Tree } from '../../../agent/checks/detect-tree.ts'
import type { Machine } from '../../../agent/machine/programs.ts'

export function treeOf(files: Record<string, string>, commit = '0'.repeat(40)): Tree {
  return {
    commit,
    paths: Object.keys(files),
    has: (path) => files[path] !== undefined,
    read: (path) => Promise.resolve(files[path] ?? null),
  }
}

export const machineWith = (...tools: string[]): Machine => ({
  has: (tool: string) => tools.includes(tool),
  node: '/opt/node',
  bundle: '/opt/ralph.mjs',
})

export const everyTool: Machine = { ...machineWith(), has: () => true }

export const manifest = (content: object) => ({ 'package.json': JSON.stringify(content) })
