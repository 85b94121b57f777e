// When a state ends by itself: a deadline is what the alarm is set for, and the same moment must be when the state moves on.
import { describe, expect, it } from 'vitest'
import { deadlineMs, expire, nextMergeCheckMs } from '../../src/workspace/decisions.ts'
import { fullPlan } from './support/full-records.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const BEGAN = 1_000

describe('a state with a limit', () => {
  it.each([
    ['running', { attemptStartedAtMs: BEGAN }, 4 * HOUR, 'The plan ran for 4 hours'],
    ['paused', { pausedAtMs: BEGAN }, 30 * DAY, 'The plan was paused for 30 days'],
  ] as const)('of %s ends at its limit, not before', (status, over, limitMs, error) => {
    const plan = fullPlan({ status, ...over })
    expect(deadlineMs(plan)).toBe(BEGAN + limitMs)
    expect(expire(plan, BEGAN + limitMs - 1)).toBeNull()
    expect(expire(plan, BEGAN + limitMs)?.plan).toMatchObject({
      status: 'failed',
      finishedAtMs: BEGAN + limitMs,
    })
    expect(expire(plan, BEGAN + limitMs)?.event.text).toContain(error)
  })
  it('has none before it began', () => {
    const never = Number.MAX_SAFE_INTEGER
    for (const plan of [
      fullPlan({ status: 'running', attemptStartedAtMs: null }),
      fullPlan({ status: 'paused', pausedAtMs: null }),
    ]) {
      expect(deadlineMs(plan)).toBeNull()
      expect(expire(plan, never)).toBeNull()
    }
  })
  it.each(['queued', 'completed', 'failed', 'cancelled'] as const)('is none of %s', (status) => {
    const plan = fullPlan({ status })
    expect(deadlineMs(plan)).toBeNull()
    expect(expire(plan, Number.MAX_SAFE_INTEGER)).toBeNull()
  })
})

describe('the confirmation of a cancel', () => {
  const cancelled = fullPlan({ status: 'cancelled', cancelledAtMs: BEGAN, stoppedOnVm: false })
  it('is waited for 10 minutes', () => {
    expect(deadlineMs(cancelled)).toBe(BEGAN + 10 * 60_000)
  })
  it('is not waited for once it came, and nothing else that ended waits for one', () => {
    expect(deadlineMs({ ...cancelled, stoppedOnVm: true })).toBeNull()
    expect(deadlineMs({ ...cancelled, cancelledAtMs: null })).toBeNull()
    expect(deadlineMs({ ...cancelled, status: 'completed' })).toBeNull()
  })
})

it.each([
  ['an hour later until it is 7 days old', 7 * DAY - 1, HOUR],
  ['a day later from then on', 7 * DAY, DAY],
  ['a day later until it is 90 days old', 90 * DAY - 1, DAY],
])('an open branch is looked at again %s', (_, ageMs, afterMs) => {
  expect(nextMergeCheckMs(BEGAN, BEGAN + ageMs)).toBe(BEGAN + ageMs + afterMs)
})

it('an open branch of 90 days is looked at no more', () => {
  expect(nextMergeCheckMs(BEGAN, BEGAN + 90 * DAY)).toBeNull()
})
