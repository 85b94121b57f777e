// What a proof says of a check at the head beside the same check at the base.
import { describe, expect, test } from 'vitest'
import type { Check } from '../../../../agent/checks/check-list.ts'
import type { Baseline } from '../../../../agent/proof/baseline.ts'
import type { CheckRun } from '../../../../agent/proof/check-runs.ts'
import { compareRun, summarize } from '../../../../agent/proof/compare.ts'
import type { TestState } from '../../../../agent/results/test-results.ts'
import type { CheckState } from '../../../../src/shared/words.ts'

type Named = Record<string, TestState> | null

const CHECK: Check = {
  command: 'npm test',
  shown: 'npm test',
  timeoutMs: 1,
  files: [],
  kind: 'tests',
  from: 'base',
}
const EXIT: Record<CheckState, number> = {
  passed: 0,
  failed: 1,
  timed_out: 124,
  tool_missing: 127,
  killed: 137,
}

const head = (state: CheckState, tests: Named = null): CheckRun => ({
  check: CHECK,
  state,
  exitCode: EXIT[state],
  seconds: 1,
  flaky: false,
  tests: tests === null ? null : new Map(Object.entries(tests)),
  tail: '$ npm test',
})
const base = (state: CheckState, tests: Named = null): Baseline => ({
  base: 'a'.repeat(40),
  setup: null,
  checks: [{ command: 'npm test', state, exitCode: EXIT[state], seconds: 1, flaky: false, tests }],
})

const A = 'a.test.js > adds'
const B = 'a.test.js > doubles'

describe('a check of a head', () => {
  type Row = [what: string, before: Baseline | null, now: CheckRun, reason: string | null, broken: boolean]
  const ROWS: Row[] = [
    ['green as before', base('passed'), head('passed'), null, false],
    [
      'green where it was red',
      base('failed', { [A]: 'failed' }),
      head('passed', { [A]: 'passed' }),
      null,
      false,
    ],
    ['red as before, without names', base('failed'), head('failed'), 'baseline_red', false],
    ['red without a base', null, head('failed'), 'check_failed', true],
    ['red where it was green', base('passed'), head('failed'), 'check_failed', true],
    ['hanging where it was green', base('passed'), head('timed_out'), 'check_timed_out', true],
    ['killed where it was green', base('passed'), head('killed'), 'check_killed', true],
    ['without its program, as before', base('tool_missing'), head('tool_missing'), 'tool_missing', false],
    ['without its program, which was there', base('passed'), head('tool_missing'), 'tool_missing', true],
    [
      'red as before, with one more test failing',
      base('failed', { [A]: 'passed', [B]: 'failed' }),
      head('failed', { [A]: 'failed', [B]: 'failed' }),
      'check_failed',
      true,
    ],
    [
      'red as before, where only now tests have names',
      base('failed'),
      head('failed', { [A]: 'failed' }),
      'baseline_red',
      false,
    ],
    [
      'red as before, in the same test',
      base('failed', { [A]: 'passed', [B]: 'failed' }),
      head('failed', { [A]: 'passed', [B]: 'failed' }),
      'baseline_red',
      false,
    ],
    [
      'green although the test that was red still fails',
      base('failed', { [A]: 'passed', [B]: 'failed' }),
      head('passed', { [A]: 'passed', [B]: 'failed' }),
      'check_failed',
      true,
    ],
    [
      'green with a test that may fail, as before',
      base('passed', { [A]: 'passed', [B]: 'failed' }),
      head('passed', { [A]: 'passed', [B]: 'failed' }),
      null,
      false,
    ],
    [
      'green although a test of the base is gone',
      base('passed', { [A]: 'passed', [B]: 'passed' }),
      head('passed', { [A]: 'passed' }),
      'tests_missing',
      true,
    ],
    [
      'green although the test that was red did not come to its end',
      base('failed', { [A]: 'failed', [B]: 'failed' }),
      head('passed', {}),
      'tests_missing',
      true,
    ],
    [
      'green with a test skipped',
      base('failed', { [A]: 'passed', [B]: 'failed' }),
      head('passed', { [A]: 'passed', [B]: 'skipped' }),
      'tests_missing',
      true,
    ],
    [
      'green without any name',
      base('passed', { [A]: 'passed' }),
      head('passed', null),
      'tests_missing',
      true,
    ],
    [
      'green, where other tests of another file stand for those that are gone',
      base('passed', { [A]: 'passed', [B]: 'passed' }),
      head('passed', { [A]: 'passed', 'new.test.js > one': 'passed', 'new.test.js > two': 'passed' }),
      'tests_missing',
      true,
    ],
    [
      'green with names that hold a date',
      base('passed', { 'a.test.js > at 10:01': 'passed' }),
      head('passed', { 'a.test.js > at 10:02': 'passed' }),
      null,
      false,
    ],
    [
      'green, where the file could not even be loaded before',
      base('failed', { 'a.test.js': 'failed' }),
      head('passed', { [A]: 'passed' }),
      null,
      false,
    ],
  ]
  test.each(ROWS)('%s', (_, before, now, reason, broken) => {
    const found = compareRun(now, before)
    expect([found.reason, found.broken !== null]).toEqual([reason, broken])
  })

  const C = 'c.test.js > counts'

  test('must still run the tests of other files when the judge allowed one file to change', () => {
    const before = base('failed', { [A]: 'failed', [C]: 'passed' })
    const found = compareRun(head('passed', { 'a.test.js > renamed': 'passed' }), before, ['a.test.js'])
    expect([found.reason, found.broken?.includes(C)]).toEqual(['tests_missing', true])
  })

  test('must not break what passed before when the judge allowed another file to change', () => {
    const before = base('failed', { [A]: 'failed', [B]: 'failed', [C]: 'passed' })
    const now = head('failed', { 'a.test.js > renamed': 'passed', [B]: 'failed', [C]: 'failed' })
    expect(compareRun(now, before, ['a.test.js']).reason).toBe('check_failed')
  })

  test('may miss tests once the judge has allowed them to change', () => {
    const found = compareRun(
      head('passed', { 'a.test.js > renamed': 'passed' }),
      base('passed', { [A]: 'passed', [B]: 'passed' }),
      ['a.test.js'],
    )
    expect(found.broken).toBeNull()
  })
})

test('the summary adds up what the runners told, and is missing where none did', () => {
  const told = compareRun(
    head('passed', { [A]: 'passed', [B]: 'passed' }),
    base('failed', { [A]: 'passed', [B]: 'failed' }),
  )
  expect(summarize([told, told], [])).toMatchObject({
    passed: 4,
    failed: 0,
    newlyPassing: [B, B],
    missing: [],
  })
  expect(summarize([compareRun(head('passed'), base('passed'))], [])).toBeNull()
})
