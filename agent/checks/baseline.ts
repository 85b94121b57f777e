// Runs the checks once before any work, in the untouched checkout. The finish gate then rejects only new failures, and the model is
// told what failed before. A plan that continues from a checkpoint has no baseline; then only the proof can tell.
import { leavingNothing, runChecks } from './run-checks.ts'
import type { Check, CheckList } from './check-list.ts'
import { commitOf } from '../git/git.ts'
import type { JournalRecord } from '../plan/journal.ts'
import type { PlanContext } from '../plan/plan-context.ts'

export type Baseline = Extract<JournalRecord, { kind: 'baseline' }>['results']

/** A check that takes longer runs only in the proof, not at every call of finish. */
export const SLOW_SECONDS = 300

export const knownBaseline = ({ journal }: PlanContext): Baseline =>
  journal.records().findLast((record) => record.kind === 'baseline')?.results ?? []

/** Runs the checks, unless that was done before or the work has begun. */
export async function takeBaseline(
  plan: PlanContext,
  baseHead: string | null,
  list: CheckList,
): Promise<void> {
  const { journal, git } = plan
  const isBegun = journal.records().some(({ kind }) => kind === 'baseline' || kind === 'conversation')
  if (isBegun || baseHead === null || (await commitOf(git, 'HEAD')) !== baseHead) return
  const checks = list.checks.map((check) => ({
    ...check,
    timeoutMs: Math.min(check.timeoutMs, 2 * SLOW_SECONDS * 1_000),
  }))
  const runs = await leavingNothing(plan, () => runChecks(plan, checks, 'before the work'))
  journal.append({
    kind: 'baseline',
    results: runs.map(({ command, exitCode, seconds }) => ({ command, exitCode, seconds })),
  })
}

export const before = (baseline: Baseline, { shown }: Check): Baseline[number] | undefined =>
  baseline.find(({ command }) => command === shown)

/** Returns the text for the first message; empty when there is no baseline. */
export function describeBaseline(baseline: Baseline): string {
  const lines = baseline.map(
    ({ command, exitCode, seconds }) =>
      `- ${command}: ${exitCode === 0 ? 'passes' : `fails already (exit code ${exitCode})`}, ${seconds} s`,
  )
  return lines.length === 0
    ? ''
    : ['When you call finish, these checks run. Their results before your work:', ...lines].join('\n')
}
