// Mistakes put into the engine's source on purpose, one at a time, to see that the simulator finds each: what it cannot find proves
// nothing. Applied while a file is loaded (vitest.config.ts); src itself is never touched.
export interface Mutant {
  name: string
  file: string
  from: string
  to: string
}

export const MUTANTS: Mutant[] = [
  {
    name: 'no compare-and-set on (attempt, status)',
    file: 'src/workspace/decisions.ts',
    from: "if (plan.status !== 'running' || attempt !== plan.attempt || report.kind === 'stopped') return null",
    to: "if (report.kind === 'stopped') return null",
  },
  {
    name: 'outbox rows deleted before D1 has them',
    file: 'src/workspace/outbox.ts',
    from: 'await appendHistory(core.env.DB, toHistory(core, rows))',
    to: 'const told = toHistory(core, rows); core.store.clearOutbox(rows.map((row) => row.id)); await appendHistory(core.env.DB, told)',
  },
  {
    name: 'no watchdog before the work',
    file: 'src/workspace/reconcile.ts',
    from: 'await core.setAlarm(startedAtMs + WATCHDOG_MS)',
    to: '',
  },
  {
    name: 'old attempts are not fenced',
    file: 'src/workspace/grants.ts',
    from: "if (attempt !== plan.attempt) return 'attempt_superseded'",
    to: '',
  },
  {
    name: 'a create of unknown outcome is tried again at once',
    file: 'src/workspace/vm-ladder.ts',
    from: 'if (vm.createSentAtMs !== null && now - vm.createSentAtMs < LIST_AFTER_CREATE_MS) return 15_000',
    to: '',
  },
  {
    name: 'a cancel leaves the rights',
    file: 'src/workspace/grants.ts',
    from: "if (plan.status === 'cancelled') return 'plan_cancelled'",
    to: "if (plan.status === 'cancelled') return null",
  },
]

/** The source with the mutant's change; throws where the line it changes is no more. */
export function mutate(name: string, id: string, code: string): string | null {
  const mutant = MUTANTS.find((one) => one.name === name)
  if (mutant === undefined || !id.endsWith(mutant.file)) return null
  if (!code.includes(mutant.from))
    throw new Error(`mutant "${name}": its line is not in ${mutant.file} any more`)
  return code.replace(mutant.from, mutant.to)
}
