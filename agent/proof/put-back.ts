// Decides which changed files a proof puts back as they are at the base: tests, settings of test runners, scripts that a check runs.
// Whether the work's version may count instead is the judge's decision.
import {
  isInstalled,
  isManifest,
  isProgram,
  isRunnerSetting,
  isShadow,
  isTestFile,
} from '../checks/test-files.ts'
import type { Change, Difference } from '../git/difference.ts'
import { graftRustTests, isSameButForSpaces, mergeManifest } from './merge-manifests.ts'
import type { ProofShell } from './clean-checkout.ts'

export interface PutBack {
  /** Files that were put back, or removed because the base does not have them. */
  paths: string[]
  /** Those of them that a check runs and that may as well be the work's own program: such as run.sh. */
  unclear: string[]
  /** Folders of installed packages that came with the commit. A test runner inside one would come from the plan itself. */
  installed: string[]
}

/** Puts files back in the checkout of the head. `named` are the files that checks and set-up name. */
export async function putBack(
  shell: ProofShell,
  { base, difference, named }: { base: string; difference: Difference; named: ReadonlySet<string> },
): Promise<PutBack> {
  const { head } = shell.order
  const installed = difference.changes
    .filter(({ path, kind }) => kind === 'added' && isInstalled(path))
    .map(({ path }) => path)
  await shell.takeFrom(base, installed)
  const paths: string[] = []
  const unclear: string[] = []
  const merged = new Map<string, string>()
  for (const change of difference.changes) {
    const { path, kind } = change
    if (kind === 'added' && isInstalled(path)) continue
    const isWanted = isTheBases(change, named)
    const hasBoth = kind === 'changed' && (isWanted || isManifest(path) || path.endsWith('.rs'))
    const [before, after] = hasBoth
      ? [await shell.textAt(base, path), await shell.textAt(head, path)]
      : ['', '']
    const text = hasBoth ? mergedText(path, before, after) : null
    if (text !== null && text !== after) merged.set(path, text)
    // A formatter's work alone changes no test.
    else if (isWanted && !isManifest(path) && !(hasBoth && isSameButForSpaces(path, before, after))) {
      paths.push(path)
      if (kind === 'changed' && isProgram(path)) unclear.push(path)
    }
  }
  await shell.takeFrom(base, paths)
  await shell.put(merged)
  return { paths: [...paths, ...merged.keys()], unclear, installed }
}

/** null: nothing is merged in a file of this kind. */
function mergedText(path: string, before: string, after: string): string | null {
  if (isManifest(path)) return mergeManifest(path, before, after)
  return path.endsWith('.rs') ? graftRustTests(before, after) : null
}

function isTheBases({ path, kind }: Change, named: ReadonlySet<string>): boolean {
  if (isRunnerSetting(path)) return true
  if (kind === 'added') return isShadow(path)
  return isTestFile(path) || named.has(path)
}
