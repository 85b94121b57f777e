// Compares the checks of a head with those of its base and says what the work broke. Pure.
import type { CheckResult } from '../../src/shared/protocol.ts'
import type { TestsReport } from '../../src/shared/results.ts'
import type { OutcomeReason } from '../../src/shared/words.ts'
import { isTestFile } from '../checks/test-files.ts'
import { clipText } from '../machine/output.ts'
import { compareTests } from '../results/compare-tests.ts'
import type { TestComparison } from '../results/compare-tests.ts'
import type { TestResults, TestState } from '../results/test-results.ts'
import type { Baseline, BaselineCheck } from './baseline.ts'
import { namesOf } from './baseline.ts'
import type { CheckRun } from './check-runs.ts'

export interface Compared {
  run: CheckRun
  before: BaselineCheck | undefined
  tests: TestComparison | null
  /** What the work broke; null when it broke nothing. `reason` also says why a red check is not the work's fault. */
  broken: string | null
  reason: OutcomeReason | null
}

const MAX_NAMES = 20
const REASON_OF = {
  passed: null,
  failed: 'check_failed',
  timed_out: 'check_timed_out',
  tool_missing: 'tool_missing',
  killed: 'check_killed',
} as const

/**
 * `changed` are the test files that run in the work's version because the judge allowed it; their tests may be gone or have other
 * names. 'all' stands for a run of the head as it was pushed.
 */
export function compareRun(
  run: CheckRun,
  baseline: Baseline | null,
  changed: readonly string[] | 'all' = [],
): Compared {
  const before = baseline?.checks.find(({ command }) => command === run.check.shown)
  const old = before === undefined ? null : namesOf(before)
  const tests = run.tests === null ? null : compareTests(old, run.tests)
  const found = { run, before, tests }
  const fault = (reason: OutcomeReason, broken: string): Compared => ({ ...found, broken, reason })
  const failing = [...(run.tests ?? [])].flatMap(([name, state]) => (state === 'failed' ? [name] : []))
  // A test that failed at the base may still fail, but a red check with it does not turn green.
  const isKnown = (name: string) =>
    old?.get(name) === 'failed' && (run.state !== 'passed' || before?.state === 'passed')
  // Where the base named no tests, or its tests were changed, a new name in a red check may be an old failure.
  const mayBeOld = (name: string) =>
    run.state !== 'passed' && (old === null || (changed.length > 0 && !old.has(name)))
  const broke = failing.filter((name) => !isKnown(name) && !mayBeOld(name))
  const gone =
    changed === 'all' ? [] : goneTests(tests, old, run.tests).filter((name) => mustRun(name, changed))
  if (run.state === 'passed') {
    if (broke.length > 0) return fault('check_failed', `${run.tail}\n${listed('These tests fail', broke)}`)
    if (gone.length > 0)
      return fault(
        'tests_missing',
        listed(`\`${run.check.shown}\` passes, but tests that ran before did not run`, gone),
      )
    return { ...found, broken: null, reason: null }
  }
  if (before === undefined || before.state === 'passed')
    return fault(REASON_OF[run.state] ?? 'check_failed', run.tail)
  if (broke.length > 0) return fault('check_failed', `${run.tail}\n${listed('These tests fail', broke)}`)
  if (gone.length > 0)
    return fault(
      'tests_missing',
      `${run.tail}\n${listed('These tests ran before and did not run now', gone)}`,
    )
  const reason = run.state === 'failed' ? 'baseline_red' : REASON_OF[run.state]
  return { ...found, broken: null, reason }
}

/**
 * Returns the tests of the base that now did not run or were skipped. Some names change from run to run, with a date or a port in
 * them: a file of which at least as many tests pass as at the base lacks none.
 */
function goneTests(tests: TestComparison | null, old: TestResults | null, now: TestResults | null): string[] {
  if (old === null) return []
  const lost = [...old].flatMap(([name, state]) =>
    state !== 'skipped' && isTest(name, state) && now?.has(name) !== true ? [name] : [],
  )
  const passed = (results: TestResults | null, file: string) =>
    [...(results ?? [])].filter(([name, state]) => state === 'passed' && fileOf(name) === file).length
  const short = new Set(
    [...new Set(lost.map(fileOf))].filter((file) => passed(now, file) < Math.max(1, passed(old, file))),
  )
  return [...lost.filter((name) => short.has(fileOf(name))), ...(tests?.newlySkipped ?? [])]
}

/** A name tells its file only where a runner says so. Where tests were changed, a test of no known file may be one of them. */
const mustRun = (name: string, changed: readonly string[]): boolean =>
  changed.length === 0 || (isTestFile(fileOf(name)) && !changed.includes(fileOf(name)))

/** A file that could not be loaded is told as one failed test with the file's name, and is gone once it can be loaded. */
const isTest = (name: string, state: TestState): boolean => state === 'passed' || name.includes(' > ')
const fileOf = (name: string): string => (name.includes(' > ') ? (name.split(' > ')[0] ?? '') : '')

const listed = (what: string, names: readonly string[]): string =>
  `${what}:\n${names
    .slice(0, MAX_NAMES)
    .map((name) => `- ${name}`)
    .join('\n')}${names.length > MAX_NAMES ? `\n- and ${names.length - MAX_NAMES} more` : ''}`

export const toCheckResults = (compared: readonly Compared[]): CheckResult[] =>
  compared.map(({ run, before, broken }) => ({
    command: clipText(run.check.shown, 2_000),
    exitCode: run.exitCode,
    seconds: run.seconds,
    newFailure: broken !== null,
    state: run.state,
    base: before === undefined ? null : { state: before.state, exitCode: before.exitCode },
    flaky: run.flaky,
  }))

/** Adds up what the runners told; null when none named its tests. */
export function summarize(
  compared: readonly Compared[],
  changed: TestsReport['changed'],
): TestsReport | null {
  const told = compared.flatMap(({ tests }) => (tests === null ? [] : [tests]))
  if (told.length === 0) return null
  const sum = (pick: (one: TestComparison) => number) => told.reduce((total, one) => total + pick(one), 0)
  const join = (pick: (one: TestComparison) => readonly string[]) =>
    told.flatMap((one) => pick(one)).slice(0, 100)
  return {
    passed: sum(({ passed }) => passed),
    failed: sum(({ failed }) => failed),
    skipped: sum(({ skipped }) => skipped),
    newlyPassing: join(({ newlyPassing }) => newlyPassing),
    newlyFailing: join(({ newlyFailing }) => newlyFailing),
    missing: join(({ missing, newlySkipped }) => [...missing, ...newlySkipped]),
    changed,
  }
}
