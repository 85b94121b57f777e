// The baseline: how set-up and checks stand at the base commit, test by test where the runner tells. It is measured in the same kind
// of place as a proof and kept for all later plans on the same base.
import { z } from 'zod'
import { ObjectId } from '../../src/shared/protocol.ts'
import { CheckState } from '../../src/shared/words.ts'
import type { BaseChecks } from '../machine/plan-pipe.ts'
import type { TestResults } from '../results/test-results.ts'
import type { CheckRun } from './check-runs.ts'

const BaselineCheck = z.object({
  /** The check as a person knows it. */
  command: z.string(),
  state: CheckState,
  exitCode: z.int(),
  seconds: z.number(),
  flaky: z.boolean(),
  tests: z.record(z.string(), z.enum(['passed', 'failed', 'skipped'])).nullable(),
})
export type BaselineCheck = z.infer<typeof BaselineCheck>

export const Baseline = z.object({
  base: ObjectId,
  /** What failed in the set-up; null when it went well. */
  setup: z.string().nullable(),
  checks: z.array(BaselineCheck),
})
export type Baseline = z.infer<typeof Baseline>

export function toBaseline(base: string, setup: string | null, runs: readonly CheckRun[]): Baseline {
  return {
    base,
    setup,
    checks: runs.map(({ check, state, exitCode, seconds, flaky, tests }) => ({
      command: check.shown,
      state,
      exitCode,
      seconds,
      flaky,
      tests: tests === null ? null : Object.fromEntries(tests),
    })),
  }
}

/** Returns what a plan is told: without the names of the tests. */
export const toBaseChecks = ({ setup, checks }: Baseline): BaseChecks => ({
  setup,
  checks: checks.slice(0, 50).map(({ tests: _tests, ...check }) => check),
})

export const namesOf = ({ tests }: BaselineCheck): TestResults | null =>
  tests === null ? null : new Map(Object.entries(tests))
