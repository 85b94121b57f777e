// The baseline as a plan sees it: how set-up and checks stood at the base. The supervisor measures it or has it already; the model is
// told of it in its first message.
import type { BaseChecks } from '../machine/plan-pipe.ts'
import type { PlanContext } from '../plan/plan-context.ts'

export const knownBaseline = ({ journal }: PlanContext): BaseChecks | null => {
  const known = journal.records().findLast((record) => record.kind === 'baseline')
  return known?.kind === 'baseline' ? (known.found ?? null) : null
}

/** Asks the supervisor for the baseline, unless that was done before or the work has begun. */
export async function takeBaseline(plan: PlanContext, baseHead: string | null): Promise<void> {
  const { journal } = plan
  const isBegun = journal.records().some(({ kind }) => kind === 'baseline' || kind === 'conversation')
  if (isBegun || baseHead === null) return
  journal.append({ kind: 'baseline', found: await plan.baseline(baseHead) })
}

/** Returns the text for the first message; empty when there is no baseline. */
export function describeBaseline(baseline: BaseChecks | null): string {
  const lines = (baseline?.checks ?? []).map(
    ({ command, state, exitCode, seconds, flaky }) =>
      `- ${command}: ${state === 'passed' ? `passes${flaky ? ' (at the second try)' : ''}` : `fails already (${state}, exit code ${exitCode})`}, ${seconds} s`,
  )
  if (lines.length === 0) return ''
  return [
    'When you call finish, these checks run in a clean checkout of your commit. Their results before your work:',
    ...lines,
    ...(baseline?.setup === null ? [] : ['There the set-up failed before your work as well.']),
  ].join('\n')
}
