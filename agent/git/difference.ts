// Reads what a head changes against its base. In a proof git reads it as the prover's user, before any code of the head has run.
import type { Git } from './git.ts'
import { commitOf, EMPTY_TREE } from './git.ts'

export interface Change {
  path: string
  kind: 'added' | 'changed' | 'deleted'
}

export interface AddedLine {
  path: string
  text: string
}

export interface Difference {
  changes: Change[]
  added: AddedLine[]
  /** The diff as text, clipped. */
  text: string
}

const PLAIN = ['--no-ext-diff', '--no-textconv', '--no-renames', '--no-color']
const MAX_DIFF_CHARS = 45_000

/** Returns the commit that the work started from, by git and not by the plan's claim; null when the repository had no commit. */
export async function findBase(git: Git, baseHead: string | null, head: string): Promise<string | null> {
  if (baseHead === null) return null
  const shared = await git.try(['merge-base', baseHead, head])
  // When the histories share no commit, the base branch's commit is used.
  return shared.code === 0 ? shared.stdout.trim() : commitOf(git, baseHead)
}

export async function readDifference(git: Git, base: string | null, head: string): Promise<Difference> {
  const range = [base ?? EMPTY_TREE, head]
  const listed = await git.must(['diff', '--name-status', '-z', ...PLAIN, ...range])
  const fields = listed.split('\0')
  const changes: Change[] = []
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const kind = fields[at] === 'A' ? 'added' : fields[at] === 'D' ? 'deleted' : 'changed'
    changes.push({ path: fields[at + 1] ?? '', kind })
  }
  const lines = await git.must(['diff', '--unified=0', ...PLAIN, ...range])
  const text = await git.must(['diff', '--stat', '--patch', ...PLAIN, ...range])
  return { changes, added: addedLines(lines), text: clipDiff(text) }
}

function clipDiff(text: string): string {
  if (text.length <= MAX_DIFF_CHARS) return text
  const half = MAX_DIFF_CHARS / 2
  return `${text.slice(0, half)}\n[... ${text.length - MAX_DIFF_CHARS} characters left out ...]\n${text.slice(-half)}`.toWellFormed()
}

/** Returns the lines that a `git diff --unified=0` adds. */
export function addedLines(diff: string): AddedLine[] {
  let path = ''
  return diff.split('\n').flatMap((line) => {
    const file = /^\+\+\+ (?:b\/)?(.*)$/.exec(line)
    if (file !== null) {
      path = file[1] ?? ''
      return []
    }
    return line.startsWith('+') ? [{ path, text: line.slice(1) }] : []
  })
}
