// What a VM may send of a proof: nothing of it, as older agents do; all of it; more than is kept; words of a newer agent.
import { describe, expect, it } from 'vitest'
import { AttemptEnd, CheckResult, wholeCheck } from '../../../src/shared/protocol.ts'
import { LookFirst, shortenTests, TestsReport } from '../../../src/shared/results.ts'

/** As an agent of the version before sends it. */
const OLD_CHECK = { command: 'npm test', exitCode: 1, seconds: 2, newFailure: true }
const OLD_END = {
  kind: 'completed',
  summary: 'Done.',
  outcome: 'unverified',
  reasons: ['check_failed'],
  proof: 'clean_checkout',
  work: { commits: [], diff: { files: 1, additions: 1, deletions: 0 }, checks: [OLD_CHECK] },
}
const TESTS = {
  passed: 3,
  failed: 0,
  skipped: 1,
  newlyPassing: ['adds'],
  newlyFailing: [],
  missing: [],
  changed: [{ path: 'port.test.js', why: 'The plan changes the port.' }],
}
const PLACE = { path: 'src/a.ts', line: 3, why: 'The largest change without a test.' }

describe('the end of an attempt', () => {
  it('of an older agent is taken as it is', () => {
    expect(AttemptEnd.parse(OLD_END)).toEqual(OLD_END)
  })

  it('carries tests, places and the states of checks', () => {
    const check = { ...OLD_CHECK, state: 'timed_out', base: { state: 'passed', exitCode: 0 }, flaky: true }
    const end = {
      ...OLD_END,
      reasons: ['check_timed_out', 'tests_missing'],
      work: { ...OLD_END.work, checks: [check, { ...check, base: null }] },
      tests: TESTS,
      lookFirst: [PLACE, { path: 'b', why: 'c' }],
    }
    expect(AttemptEnd.parse(end)).toEqual(end)
  })

  it('of a newer agent is taken without the reasons and states that this version does not know', () => {
    const check = { ...OLD_CHECK, state: 'dreamt', base: { state: 'dreamt', exitCode: 3 } }
    const end = {
      ...OLD_END,
      reasons: ['unheard_of', 'judge_rejected'],
      work: { ...OLD_END.work, checks: [check] },
    }
    expect(AttemptEnd.parse(end)).toMatchObject({
      reasons: ['judge_rejected'],
      work: { checks: [{ ...OLD_CHECK, state: undefined, base: undefined }] },
    })
  })
})

describe('a check of an older agent', () => {
  it.each([
    [0, 'passed'],
    [1, 'failed'],
    [124, 'failed'],
  ])('with exit code %s counts as %s, with nothing known of the base', (exitCode, state) => {
    expect(wholeCheck({ ...OLD_CHECK, exitCode })).toEqual({
      ...OLD_CHECK,
      exitCode,
      state,
      base: null,
      flaky: false,
    })
  })
})

describe('a check of this version', () => {
  it('keeps its own state, whatever its exit code', () => {
    const check = CheckResult.parse({ ...OLD_CHECK, exitCode: 127, state: 'tool_missing', flaky: true })
    expect(wholeCheck(check)).toMatchObject({ state: 'tool_missing', exitCode: 127, flaky: true })
  })
})

describe('tests by name', () => {
  const many = (count: number) => Array.from({ length: count }, (_, index) => `test ${index}`)

  it('keep 100 names of each list and count the others, also when they are read again', () => {
    const sent = {
      ...TESTS,
      newlyPassing: many(100),
      newlyFailing: many(101),
      missing: many(5_000),
      changed: many(150).map((path) => ({ path, why: path })),
    }
    const read = TestsReport.parse(sent)
    expect(read).toMatchObject({
      newlyPassing: many(100),
      newlyFailing: many(100),
      missing: many(100),
      leftOut: { newlyPassing: 0, newlyFailing: 1, missing: 4_900, changed: 50 },
    })
    expect(read.changed).toHaveLength(100)
    expect(TestsReport.parse(read)).toEqual(read)
    expect(shortenTests(read, 10).leftOut).toEqual({
      newlyPassing: 90,
      newlyFailing: 91,
      missing: 4_990,
      changed: 140,
    })
  })

  it('say nothing of names left out where none is', () => {
    expect(TestsReport.parse(TESTS)).toEqual(TESTS)
  })

  it('have names of at most 300 characters', () => {
    const { missing, changed } = TestsReport.parse({
      ...TESTS,
      missing: ['m'.repeat(300), 'm'.repeat(301)],
      changed: [{ path: 'p'.repeat(999), why: 'w'.repeat(999) }],
    })
    expect(missing).toEqual(['m'.repeat(300), `${'m'.repeat(299)}…`])
    expect([changed[0]?.path.length, changed[0]?.why.length]).toEqual([300, 300])
  })
})

it('the places to look at first are at most five, the first ones', () => {
  const places = Array.from({ length: 7 }, (_, index) => ({ ...PLACE, line: index + 1 }))
  expect(LookFirst.parse(places).map(({ line }) => line)).toEqual([1, 2, 3, 4, 5])
})
