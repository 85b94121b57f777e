// How the checks stand before any work: the gate asks for no new failures, and the model hears what was red already. Taken once, in
// the untouched checkout; a plan that goes on elsewhere from a checkpoint has none, and leaves the question to the proof.
import { leavingNothing, runChecks } from './run-checks.ts'
import type { Check, CheckList } from './check-list.ts'
import { commitOf } from '../git/git.ts'
import type { JournalRecord } from '../plan/journal.ts'
import type { PlanContext } from '../plan/plan-context.ts'

export type Baseline = Extract<JournalRecord, { kind: 'baseline' }>['results']

/** A check that takes longer runs in the proof only, not at every request to finish. */
export const SLOW_SECONDS = 300

export const knownBaseline = ({ journal }: PlanContext): Baseline =>
  journal.records().findLast((record) => record.kind === 'baseline')?.results ?? []

/** Runs the checks unless that was done before or work has begun. */
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

/** For the first message; empty when there is nothing to say. */
export function describeBaseline(baseline: Baseline): string {
  const lines = baseline.map(
    ({ command, exitCode, seconds }) =>
      `- ${command}: ${exitCode === 0 ? 'passes' : `fails already (exit code ${exitCode})`}, ${seconds} s`,
  )
  return lines.length === 0
    ? ''
    : ['When you finish, these run; here is how they stand before your work:', ...lines].join('\n')
}
