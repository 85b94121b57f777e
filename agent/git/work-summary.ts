// Reads commits and size of the work from git. The result is a claim of this machine; the gateway does not rely on it.
import type { CheckResult, Work } from '../../src/shared/protocol.ts'
import { commitOf, EMPTY_TREE } from './git.ts'
import type { Git } from './git.ts'
import { clipText } from '../machine/output.ts'

const MAX_COMMITS = 100

export const NO_WORK: Work = { commits: [], diff: { files: 0, additions: 0, deletions: 0 }, checks: [] }

export async function readWork(git: Git, baseHead: string | null, checks: CheckResult[]): Promise<Work> {
  const head = await commitOf(git, 'HEAD')
  if (head === null) return { ...NO_WORK, checks }
  const range = baseHead === null ? head : `${baseHead}..${head}`
  const log = await git.try(['log', `--max-count=${MAX_COMMITS}`, '--format=%H%x00%s', range])
  const stat = await git.try(['diff', '--shortstat', baseHead ?? EMPTY_TREE, head])
  return {
    head,
    ...(baseHead === null ? {} : { baseHead }),
    commits: log.stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => ({ sha: line.split('\0')[0] ?? '', subject: clipText(line.split('\0')[1] ?? '', 300) })),
    diff: parseShortstat(stat.stdout),
    checks,
  }
}

/** Parses ` 3 files changed, 10 insertions(+), 2 deletions(-)`. Each part may be missing. */
export function parseShortstat(text: string): Work['diff'] {
  const count = (pattern: RegExp) => Number(pattern.exec(text)?.[1] ?? 0)
  return {
    files: count(/(\d+) files? changed/),
    additions: count(/(\d+) insertions?/),
    deletions: count(/(\d+) deletions?/),
  }
}
