// Carries the test guard out in a proof: reads what is put back, and lets a canary show whether the checks notice a failing test.
import { randomBytes } from 'node:crypto'
import { sortByRelation, withCanary } from './canary.ts'
import type { Canary } from './canary.ts'
import type { Check } from './check-list.ts'
import { pathsAt } from './check-list.ts'
import { graftRustTests, isSameButForSpaces, mergeManifest } from './guard-merge.ts'
import { withoutFences } from './plan-words.ts'
import type { ProofList } from './proof.ts'
import type { Difference } from './proof-diff.ts'
import { openProofShell } from './proof-shell.ts'
import type { ProofShell } from './proof-shell.ts'
import { suspect } from './suspicion.ts'
import type { Suspicion } from './suspicion.ts'
import { guardTests, isTestFile } from './test-guard.ts'

export interface GuardedFiles {
  /** For ProofShell.put: with these the base's tests speak about the work. */
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

async function contentAt({ git }: ProofShell, commit: string, path: string): Promise<string> {
  return (await git.try(['cat-file', 'blob', `${commit}:${path}`])).stdout
}

export function suspicions({ added }: Difference, planText: string): Suspicion[] {
  return suspect(
    added.filter(({ path }) => !isTestFile(path)),
    withoutFences(planText),
  )
}

/** vouched: what canaries the checks run at all were noticed. ignored: one was not, though the base's own checks notice it. unknown: nothing to tell by. */
export type Vouch = 'vouched' | 'ignored' | 'unknown'

const MAX_CANARIES = 4
const MAX_TESTS_READ = 200
const MAX_CANARY_MS = 10 * 60_000

/** The shell stands at head with the base's tests put back; afterwards it may stand anywhere. */
export async function vouchFor({
  shell,
  base,
  list,
  canaries,
}: Pick<GuardInput, 'shell' | 'list'> & { base: string; canaries: Canary[] }): Promise<Vouch> {
  if (canaries.length === 0) return 'unknown'
  const missed = await unnoticed(shell, list.checks, canaries)
  if (missed.length === 0) return 'vouched'
  // Is it these files that no check runs, or this work that keeps them from being heard?
  const atBase = await openProofShell(shell.order, base, shell.report)
  await setUp(atBase, list)
  const missedAtBase = await unnoticed(atBase, list.checks, missed)
  await openProofShell(shell.order, shell.order.head, shell.report)
  await setUp(shell, list)
  if (missedAtBase.length < missed.length) return 'ignored'
  return missed.length < canaries.length ? 'vouched' : 'unknown'
}

export async function makeCanaries({
  shell,
  base,
  difference,
  guard,
}: GuardInput & { base: string; guard: GuardedFiles }): Promise<Canary[]> {
  const tests: { path: string; text: string }[] = []
  const paths = (await pathsAt(shell.git, base)).filter(isTestFile)
  for (const path of paths.slice(0, MAX_TESTS_READ))
    if (!guard.allowed.includes(path)) tests.push({ path, text: await contentAt(shell, base, path) })
  const changed = difference.changes.map(({ path }) => path)
  return sortByRelation(tests, changed)
    .flatMap(({ path, text }) => withCanary(path, text, randomBytes(4).toString('hex')) ?? [])
    .slice(0, MAX_CANARIES)
}

/**
 * Of checks that fail only while a canary sleeps in the tests: does the remark itself offend them, at the base as well (a
 * formatter), or does this work look for canaries? The shell stands at head with the base's tests afterwards, as before.
 */
export async function offendsTheBaseToo(
  { shell, base, list, guard }: Pick<GuardInput, 'shell' | 'list'> & { base: string; guard: GuardedFiles },
  checks: readonly Check[],
  canaries: readonly Canary[],
): Promise<boolean> {
  const atBase = await openProofShell(shell.order, base, shell.report)
  await setUp(atBase, list)
  const fails = async (name: string): Promise<boolean> => {
    for (const check of checks)
      if ((await atBase.run(check.command, name, check.timeoutMs)).exitCode !== 0) return true
    return false
  }
  const isRedAnyway = await fails('base-plain')
  await atBase.put(new Map(canaries.map(({ path, asleep }) => [path, asleep])))
  const offends = !isRedAnyway && (await fails('base-asleep'))
  await openProofShell(shell.order, shell.order.head, shell.report)
  await shell.put(guard.files)
  await setUp(shell, list)
  return offends
}

async function setUp(shell: ProofShell, { setup }: ProofList): Promise<void> {
  for (const { command, timeoutMs } of setup) await shell.run(command, 'setup', timeoutMs)
}

/** The canaries that made no check fail. */
async function unnoticed(
  shell: ProofShell,
  checks: readonly Check[],
  canaries: readonly Canary[],
): Promise<Canary[]> {
  let left = [...canaries]
  // A runner may stop at the first failure: those it did not come to are asked again without the others.
  for (let round = 0; round < 2 && left.length > 0; round++) {
    const before = left.length
    await shell.put(
      new Map(canaries.map((canary) => [canary.path, left.includes(canary) ? canary.text : canary.plain])),
    )
    for (const check of checks) {
      const timeoutMs = Math.min(check.timeoutMs, MAX_CANARY_MS)
      const { exitCode, output } = await shell.run(check.command, `canary-${check.shown}`, timeoutMs)
      if (exitCode !== 0) left = left.filter(({ marker }) => !output.includes(marker))
      if (left.length === 0) return []
    }
    if (left.length === before) return left
  }
  return left
}
