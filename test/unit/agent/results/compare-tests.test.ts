// Tests of the base and of the head, compared by name, and the names themselves.
import { describe, expect, it } from 'vitest'
import { compareTests } from '../../../../agent/results/compare-tests.ts'
import { ResultCollector } from '../../../../agent/results/test-results.ts'
import type { TestState } from '../../../../agent/results/test-results.ts'

const results = (states: Record<string, TestState>) => new Map(Object.entries(states))

describe('compareTests', () => {
  const base = results({
    kept: 'passed',
    gone: 'passed',
    'gone red': 'failed',
    off: 'passed',
    mended: 'failed',
    broken: 'passed',
    was: 'skipped',
  })

  it('names what is missing, newly skipped, newly failing and newly passing, sorted', () => {
    const head = results({
      'z new': 'passed',
      kept: 'passed',
      off: 'skipped',
      mended: 'passed',
      broken: 'failed',
      was: 'skipped',
      'new and off': 'skipped',
      'a new': 'failed',
    })
    expect(compareTests(base, head)).toEqual({
      passed: 3,
      failed: 2,
      skipped: 3,
      newlyPassing: ['mended', 'z new'],
      newlyFailing: ['a new', 'broken'],
      missing: ['gone'],
      newlySkipped: ['off'],
    })
  })

  it('compares nothing without the base', () => {
    const none = { newlyPassing: [], newlyFailing: [], missing: [], newlySkipped: [] }
    expect(compareTests(null, results({ a: 'passed', b: 'failed' }))).toEqual({
      passed: 1,
      failed: 1,
      skipped: 0,
      ...none,
    })
    expect(compareTests(null, null)).toEqual({ passed: 0, failed: 0, skipped: 0, ...none })
  })

  it('misses every passed test of the base when the head named none', () => {
    expect(compareTests(base, null).missing).toEqual(['broken', 'gone', 'kept', 'off'])
  })
})

describe('the names of tests', () => {
  const collect = (add: (collector: ResultCollector) => void) => {
    const collector = new ResultCollector('/check/out/')
    add(collector)
    return collector.results()
  }

  it('are unique, relative to the checkout, on one line and without control characters', () => {
    const named = collect((all) => {
      all.add(['/check/out/a.js', 'one'], 'passed')
      all.add(['/check/out/a.js', 'one'], 'failed')
      all.add(['/check/out/a.js', 'one (2)'], 'passed')
      all.add(['', 'two\nlines\u001b[31m\u202e'], 'skipped')
      all.add([''], 'passed')
    })
    expect([...(named ?? [])]).toEqual([
      ['a.js > one', 'passed'],
      ['a.js > one (2)', 'failed'],
      ['a.js > one (2) (2)', 'passed'],
      ['two lines', 'skipped'],
    ])
  })

  it('have at most 300 characters, and stay apart when they are cut', () => {
    const named = collect((all) => {
      all.add([`${'x'.repeat(400)}1`], 'passed')
      all.add([`${'x'.repeat(400)}2`], 'failed')
    })
    expect([...(named?.keys() ?? [])].map(({ length }) => length)).toEqual([300, 304])
  })

  it('are no results when there is none or more than 20,000', () => {
    const many = (count: number) =>
      collect((all) => {
        for (let at = 0; at < count; at += 1) all.add([`test ${at}`], 'passed')
      })
    expect(many(0)).toBeNull()
    expect(many(20_000)?.size).toBe(20_000)
    expect(many(20_001)).toBeNull()
  })
})
