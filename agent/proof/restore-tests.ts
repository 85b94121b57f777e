// Applies the rules of test-files.ts in a proof: it reads the test files to restore from the base, and finds suspicious added
// lines.
import { pathsAt } from '../checks/check-list.ts'
import { graftRustTests, isSameButForSpaces, mergeManifest } from './merge-manifests.ts'
import { withoutFences } from '../checks/plan-words.ts'
import type { ProofList } from './clean-checks.ts'
import type { Difference } from '../git/difference.ts'
import type { ProofShell } from './clean-checkout.ts'
import { suspect } from './forged-lines.ts'
import type { Suspicion } from './forged-lines.ts'
import { guardTests, isTestFile } from './test-files.ts'

export interface GuardedFiles {
  /** Files for ProofShell.put. With these the base's own tests run against the work. */
  files: Map<string, string | null>
  allowed: string[]
}

export interface GuardInput {
  shell: ProofShell
  base: string | null
  list: ProofList
  difference: Difference
}

export async function guardedFiles({ shell, base, list, difference }: GuardInput): Promise<GuardedFiles> {
  const { git, order } = shell
  if (base === null) return { files: new Map(), allowed: [] }
  const basePaths = await pathsAt(git, base)
  const planText = withoutFences(order.text)
  const named = [...new Set(list.checks.flatMap((check) => check.files))]
  const { restore, remove, merge, allowed } = guardTests({
    basePaths,
    changes: difference.changes,
    named,
    planText,
  })
  const files = new Map<string, string | null>(remove.map((path) => [path, null]))
  const kinds = new Map(difference.changes.map(({ path, kind }) => [path, kind]))
  for (const path of restore) {
    const before = await contentAt(shell, base, path)
    const isFormatted =
      kinds.get(path) === 'changed' &&
      isSameButForSpaces(path, before, await contentAt(shell, order.head, path))
    if (!isFormatted) files.set(path, before)
  }
  for (const path of merge) {
    const after = await contentAt(shell, order.head, path)
    const merged = mergeManifest(path, await contentAt(shell, base, path), after)
    if (merged !== after) files.set(path, merged)
  }
  for (const { path, kind } of difference.changes) {
    if (!path.endsWith('.rs') || kind !== 'changed' || files.has(path)) continue
    const grafted = graftRustTests(
      await contentAt(shell, base, path),
      await contentAt(shell, order.head, path),
    )
    if (grafted !== null) files.set(path, grafted)
  }
  return { files, allowed }
}

export async function contentAt({ git }: ProofShell, commit: string, path: string): Promise<string> {
  return (await git.try(['cat-file', 'blob', `${commit}:${path}`])).stdout
}

export function suspicions({ added }: Difference, planText: string): Suspicion[] {
  return suspect(
    added.filter(({ path }) => !isTestFile(path)),
    withoutFences(planText),
  )
}
