// `ralph check-documents {obsidian|documents} {base} [--may-remove]`: checks the documents of this folder. It fails on what is
// worse than in the base commit: a link that leads nowhere, a file lost or emptied. What was broken before does not count. The
// check is part of the agent, so no file of a plan can change it.
import { readBase, readNow } from './read.ts'
import type { Documents, Problem, VaultKind } from './read.ts'
import { linkProblems } from './links.ts'

const MAX_SHOWN = 100
const SAME_SHARE = 0.5

/** Prints the problems. Returns true when there is none. Errors: throws when git cannot read the base. */
export function checkDocuments(
  [kind, base = '', ...options]: string[],
  say: (line: string) => void,
): boolean {
  if (kind !== 'obsidian' && kind !== 'documents')
    throw new Error('Usage: ralph check-documents obsidian|documents BASE_COMMIT [--may-remove]')
  const [before, now] = [readBase(base), readNow()]
  const found = problemsOf(now, kind, now.paths)
  const suspects = new Set(found.map(({ path }) => path))
  const known = new Set(
    problemsOf(
      before,
      kind,
      before.paths.filter((path) => suspects.has(path)),
    ).map(toLine),
  )
  const fresh = found.map(toLine).filter((problem) => !known.has(problem))
  const lost = lostFiles(before, now)
  const mayRemove = options.includes('--may-remove')
  for (const path of lost.slice(0, MAX_SHOWN))
    say(
      `${path}: ${mayRemove ? 'removed, as the plan may ask for' : 'lost: it was in the base and is in no other place now'}`,
    )
  for (const problem of fresh.slice(0, MAX_SHOWN)) say(problem)
  if (fresh.length > MAX_SHOWN) say(`and ${fresh.length - MAX_SHOWN} more`)
  say(
    `${now.paths.length} files; ${fresh.length} new problems, ${found.length - fresh.length} that were there before, ${lost.length} files lost`,
  )
  return fresh.length === 0 && (mayRemove || lost.length === 0)
}

function problemsOf(documents: Documents, kind: VaultKind, paths: string[]): Problem[] {
  const found = linkProblems({ documents, kind, paths })
  return [...new Map(found.map((problem) => [toLine(problem), problem])).values()]
}

const toLine = ({ path, text }: Problem): string => `${path}: ${text}`

/** Returns the base's files that are gone or empty, unless a new file has the same name or half of their lines. */
function lostFiles(before: Documents, now: Documents): string[] {
  const had = new Set(before.paths)
  const has = new Set(now.paths)
  const added = now.paths.filter((path) => !had.has(path))
  return before.paths.filter((path) => {
    // Obsidian itself writes and removes these files.
    if (path.startsWith('.obsidian/')) return false
    if (has.has(path)) return now.size(path) === 0 && before.size(path) !== 0
    return !added.some((other) => nameOf(other) === nameOf(path) || isAlike(before, path, now, other))
  })
}

function isAlike(before: Documents, path: string, now: Documents, other: string): boolean {
  const [old, fresh] = [before.text(path), now.text(other)]
  // For files that are no texts only the size is compared, which costs nothing.
  if (old === null || fresh === null) return old === fresh && before.size(path) === now.size(other)
  const lines = old.split('\n').filter((line) => line.trim() !== '')
  const kept = new Set(fresh.split('\n'))
  return lines.length > 0 && lines.filter((line) => kept.has(line)).length / lines.length >= SAME_SHARE
}

const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1)
