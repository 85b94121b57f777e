// Compares the tests of the head with those of the base, by name. Pure.
import type { TestResults, TestState } from './test-results.ts'

/** The counts are those of the head. The lists hold names, sorted. */
export interface TestComparison {
  passed: number
  failed: number
  skipped: number
  /** Tests that pass and did not pass at the base, or were not there. */
  newlyPassing: string[]
  /** Tests that fail and did not fail at the base, or were not there. */
  newlyFailing: string[]
  /** Tests that passed at the base and are not there now. */
  missing: string[]
  /** Tests that passed or failed at the base and are skipped now. */
  newlySkipped: string[]
}

/**
 * Without results of the base there is nothing to compare, so the lists are empty. Without results of the head every test that
 * passed at the base is missing: a run that ended before its tests began names none. Do not compare runs that were not asked.
 */
export function compareTests(base: TestResults | null, head: TestResults | null): TestComparison {
  const now = head ?? new Map<string, TestState>()
  const count = (state: TestState) => [...now.values()].filter((other) => other === state).length
  const became = (state: TestState) =>
    base === null
      ? []
      : [...now].filter(([name, is]) => is === state && base.get(name) !== state).map(([name]) => name)
  return {
    passed: count('passed'),
    failed: count('failed'),
    skipped: count('skipped'),
    newlyPassing: became('passed').toSorted(),
    newlyFailing: became('failed').toSorted(),
    missing: [...(base ?? [])]
      .filter(([name, was]) => was === 'passed' && !now.has(name))
      .map(([name]) => name)
      .toSorted(),
    newlySkipped: became('skipped')
      .filter((name) => base?.has(name))
      .toSorted(),
  }
}
