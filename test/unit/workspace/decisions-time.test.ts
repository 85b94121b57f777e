// When a state ends by itself: a deadline is what the alarm is set for, and the same moment must be when the state moves on.
import { describe, expect, it } from 'vitest'
import { deadlineMs, expire, nextMergeCheckMs } from '../../../src/workspace/records/decisions.ts'
import { fullPlan } from '../support/full-records.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const BEGAN = 1_000

describe('a state with a limit', () => {
  it('of paused ends at its limit, not before', () => {
    const plan = fullPlan({ status: 'paused', pausedAtMs: BEGAN })
    const untilMs = BEGAN + 30 * DAY
    expect(deadlineMs(plan, null)).toBe(untilMs)
    expect(expire(plan, null, untilMs - 1)).toBeNull()
    expect(expire(plan, null, untilMs)?.plan).toMatchObject({ status: 'failed', finishedAtMs: untilMs })
    expect(expire(plan, null, untilMs)?.event.text).toContain('The plan was paused for 30 days')
  })
  it('has none before it began', () => {
    const never = Number.MAX_SAFE_INTEGER
    for (const plan of [
      fullPlan({ status: 'running', attemptStartedAtMs: null }),
      fullPlan({ status: 'paused', pausedAtMs: null }),
    ]) {
      expect(deadlineMs(plan, null)).toBeNull()
      expect(expire(plan, null, never)).toBeNull()
    }
  })
  it.each(['queued', 'completed', 'failed', 'cancelled'] as const)('is none of %s', (status) => {
    const plan = fullPlan({ status })
    expect(deadlineMs(plan, null)).toBeNull()
    expect(expire(plan, null, Number.MAX_SAFE_INTEGER)).toBeNull()
  })
})

describe('the confirmation of a cancel', () => {
  const cancelled = fullPlan({ status: 'cancelled', cancelledAtMs: BEGAN, stoppedOnVm: false })
  it('is waited for 10 minutes', () => {
    expect(deadlineMs(cancelled, null)).toBe(BEGAN + 10 * 60_000)
  })
  it('is not waited for once it came, and nothing else that ended waits for one', () => {
    expect(deadlineMs({ ...cancelled, stoppedOnVm: true }, null)).toBeNull()
    expect(deadlineMs({ ...cancelled, cancelledAtMs: null }, null)).toBeNull()
    expect(deadlineMs({ ...cancelled, status: 'completed' }, null)).toBeNull()
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
