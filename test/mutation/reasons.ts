// Why a mutant that nothing catches may live. A key is part of a mutant's own (operator | line | change, as a run prints it), never a
// line number; a reason whose mutant is caught, or gone, is itself a failure of the run.
export interface Reason {
  file: string
  keys: string[]
  reason: string
}

export const REASONS: Reason[] = [
  {
    file: 'decisions.ts',
    keys: [
      "term dropped | report.outcome === 'verified' && | report.outcome === 'verified' && report.proof === 'clean_checkout' && plan.pushedHead !== null -> report.outcome === 'verified' && report.proof === 'clean_checkout'",
    ],
    reason: 'equivalent: a head that was not reported is undefined, so a pushedHead of null equals none',
  },
  {
    file: 'decisions.ts',
    keys: ['boundary | return slots > 0 ?'],
    reason: 'equivalent: a slice up to 0 is empty too',
  },
  {
    file: 'grants.ts',
    keys: ['?? dropped | return nowMs - (plan.pausedAtMs ?? 0)'],
    reason: 'equivalent: null counts as 0 in a subtraction; the default is for the types',
  },
  {
    file: 'pace.ts',
    keys: [
      'number | const lastRing = supervisor.lastRingAtMs ?? 0',
      '?? dropped | const lastRing = supervisor.lastRingAtMs ?? 0',
      'number | times.push(Math.max(workspace.retryAtMs ?? 0, nowMs))',
      '?? dropped | times.push(Math.max(workspace.retryAtMs ?? 0, nowMs))',
      'number | else if (ring !== null) times.push(Math.max(workspace.retryAtMs ?? 0, ring))',
      '?? dropped | else if (ring !== null) times.push(Math.max(workspace.retryAtMs ?? 0, ring))',
    ],
    reason: 'equivalent: a moment in 1970, or null, is before now, and the later of the two counts',
  },
  {
    file: 'pace.ts',
    keys: [
      '?? dropped | if (!store.outboxIsEmpty()) times.push(workspace.outboxRetryAtMs ?? nowMs)',
      '?? dropped | if (store.watchedPlans().some(isWaitingForVm)) times.push(workspace.mendAtMs ?? nowMs)',
    ],
    reason: 'equivalent: null counts as 0 in Math.min, and what is overdue is set to now',
  },
]
