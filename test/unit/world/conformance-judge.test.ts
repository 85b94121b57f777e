// A baseline that lets through more than it names is worth nothing.
import { describe, expect, it } from 'vitest'
import { judge, missing } from '../../conformance/judge.ts'
import type { Check, Excluded } from '../../conformance/judge.ts'

const check = (fields: Partial<Check> = {}): Check => ({
  run: '2026-07-28',
  scenario: 'tools-call',
  id: 'a',
  status: 'FAILURE',
  message: 'There is no tool "x".',
  ...fields,
})
const entry: Excluded = { run: '2026-07-28', scenario: 'tools-call', id: 'a', reason: 'r', says: /no tool/ }

describe('the judge of a conformance run', () => {
  it('lets a named failure pass and counts what passed', () => {
    expect(judge([check(), check({ id: 'b', status: 'SUCCESS' })], [entry])).toEqual({
      rows: [{ run: '2026-07-28', scenario: 'tools-call', passed: 1, excluded: 1, failed: 0 }],
      problems: [],
    })
  })

  it.each<[string, Partial<Check>]>([
    ['check', { id: 'b' }],
    ['scenario', { scenario: 'tools-list' }],
    ['version', { run: '2025-11-25' }],
    ['words', { message: 'Internal error' }],
  ])('does not take a failure of another %s for it', (_what, fields) => {
    const { problems } = judge([check(fields)], [entry])
    expect(problems).toHaveLength(2)
    expect(problems[0]).toContain('failed')
    expect(problems[1]).toContain('Take it out of baseline.ts')
  })

  it('finds an entry stale when its check passes', () => {
    expect(judge([check({ status: 'SUCCESS' })], [entry]).problems).toEqual([
      expect.stringContaining('is in the baseline but did not fail so'),
    ])
  })

  it('misses a required scenario that did not run or passed nothing', () => {
    const required = [{ run: '2026-07-28', scenarios: ['tools-call', 'ping'] }]
    expect(missing(judge([check()], [entry]), required)).toHaveLength(2)
    expect(missing(judge([check({ status: 'SUCCESS' })], []), required)).toEqual([
      expect.stringContaining('ping'),
    ])
  })
})
