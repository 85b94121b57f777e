// How long an attempt has run: the time in which its VM was not heard is nobody's.
import { describe, expect, it } from 'vitest'
import { deadlineMs, expire } from '../../../src/workspace/records/decisions.ts'
import { silenceMs } from '../../../src/workspace/records/run-time.ts'
import { fullPlan } from '../support/full-records.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const BEGAN = 1_000
const LIMIT = BEGAN + 4 * HOUR
const running = (over: Parameters<typeof fullPlan>[0] = {}) =>
  fullPlan({ status: 'running', attemptStartedAtMs: BEGAN, silentMs: 0, runLimitMs: 4 * HOUR, ...over })

describe('an attempt whose VM is heard', () => {
  it('fails at its limit, not before, and says which', () => {
    for (const heardAtMs of [LIMIT, LIMIT - 30_000]) {
      expect(deadlineMs(running(), heardAtMs)).toBe(LIMIT)
      expect(expire(running(), heardAtMs, LIMIT - 1)).toBeNull()
      expect(expire(running(), heardAtMs, LIMIT)?.plan).toMatchObject({
        status: 'failed',
        finishedAtMs: LIMIT,
      })
      expect(expire(running(), heardAtMs, LIMIT)?.event.text).toContain('ran for 4 hours without')
    }
  })
  it('has the limit it began with', () => {
    const plan = running({ runLimitMs: HOUR / 2 })
    expect(deadlineMs(plan, BEGAN + HOUR / 2)).toBe(BEGAN + HOUR / 2)
    expect(expire(plan, BEGAN + HOUR / 2, BEGAN + HOUR / 2)?.plan.error).toContain('ran for 0.5 hours')
  })
  it('has all the time that was silent besides', () => {
    const plan = running({ silentMs: 7 * MINUTE })
    expect(deadlineMs(plan, LIMIT + 7 * MINUTE)).toBe(LIMIT + 7 * MINUTE)
    expect(expire(plan, LIMIT + 7 * MINUTE, LIMIT + 7 * MINUTE - 1)).toBeNull()
    expect(expire(plan, LIMIT + 7 * MINUTE, LIMIT + 7 * MINUTE)?.plan.status).toBe('failed')
  })
})

describe('an attempt whose VM is not heard', () => {
  const heardAtMs = LIMIT - 30_001
  it('does not reach its limit', () => {
    expect(expire(running(), heardAtMs, LIMIT)).toBeNull()
    expect(expire(running(), heardAtMs, LIMIT + HOUR)).toBeNull()
  })
  it('is paused after two hours of silence, not before', () => {
    const until = heardAtMs + 2 * HOUR
    expect(deadlineMs(running(), heardAtMs)).toBe(until)
    expect(expire(running(), heardAtMs, until - 1)).toBeNull()
    expect(expire(running(), heardAtMs, until)?.plan).toMatchObject({
      status: 'paused',
      pausedReason: 'vm_unavailable',
      pausedAtMs: until,
      statusDetail:
        'The VM was not heard for 2 hours. It continues by itself when Orgo works again, or at once with plan_resume.',
    })
  })
  it('on a machine that was never heard counts from its own beginning, as does one begun since', () => {
    for (const silent of [null, BEGAN - HOUR]) {
      expect(deadlineMs(running(), silent)).toBe(BEGAN + 2 * HOUR)
      expect(expire(running(), silent, BEGAN + 2 * HOUR - 1)).toBeNull()
      expect(expire(running(), silent, BEGAN + 2 * HOUR)?.plan.status).toBe('paused')
    }
  })
})

describe('silence', () => {
  it('counts from half a minute on, the first of which is as ever', () => {
    expect(silenceMs(running(), HOUR, HOUR + 30_000)).toBe(0)
    expect(silenceMs(running(), HOUR, HOUR + 30_001)).toBe(1)
    expect(silenceMs(running(), HOUR, HOUR - 1)).toBe(0)
  })
  it('before the attempt began is none of its', () => {
    expect(silenceMs(running(), 0, BEGAN + MINUTE)).toBe(MINUTE / 2)
    expect(silenceMs(running(), null, BEGAN + MINUTE)).toBe(MINUTE / 2)
    expect(silenceMs(running({ attemptStartedAtMs: null }), null, HOUR)).toBe(0)
  })
})
