// When the VM is needed, when its doorbell is due, and how long things may take: the store is played, the numbers are the product's.
import { describe, expect, it } from 'vitest'
import {
  provisioningDeadlineMs,
  retryDelayMs,
  ringDueMs,
  STREAM_SILENT_MS,
  vmNeeded,
} from '../../../src/workspace/core/next-wake.ts'
import { newVmRecord } from '../../../src/workspace/records/new-records.ts'
import type { PlanRecord, SupervisorRecord, WorkspaceRecord } from '../../../src/workspace/records/records.ts'
import { freshPlan, readyWorkspace } from '../support/full-records.ts'
import { ended, heard, onVm, storeOf } from '../support/pace-tables.ts'

const NOW = 10_000_000
const MINUTE = 60_000

describe('the VM is needed', () => {
  const needed = (over: Partial<WorkspaceRecord>, plans: PlanRecord[] = []) =>
    vmNeeded(storeOf({ plans }), readyWorkspace(over))
  const news = heard({ ringWanted: true })
  it.each<[string, boolean, Partial<WorkspaceRecord>, PlanRecord[]]>([
    ['by nobody after removal', false, { status: 'removed', supervisor: news }, [onVm]],
    ['by nobody in an error', false, { status: 'error', supervisor: news }, [onVm]],
    ['while it is provisioned', true, { status: 'provisioning' }, []],
    ['for news', true, { supervisor: news }, []],
    ['by nobody at rest', false, {}, []],
    ['by a plan it knows', true, {}, [onVm]],
    ['by a queued plan among others', true, {}, [ended(), freshPlan()]],
    ['by a running plan', true, {}, [freshPlan({ status: 'running' })]],
    ['by no paused plan', false, {}, [freshPlan({ status: 'paused' })]],
  ])('%s: %s', (_, expected, over, plans) => {
    expect(needed(over, plans)).toBe(expected)
  })
})

describe('the doorbell', () => {
  const due = (supervisor: Partial<SupervisorRecord>, over: Partial<WorkspaceRecord> = {}, plans = [onVm]) =>
    ringDueMs(storeOf({ plans }), readyWorkspace({ supervisor: heard(supervisor), ...over }), NOW)
  const news = { ringWanted: true }

  it('rings for news at once', () => {
    expect(due(news)).toBe(NOW)
    expect(due({ ...news, lastRingAtMs: NOW - 2_000 })).toBe(NOW)
  })
  it.each([
    [0, 2_000],
    [1, 2_000],
    [2, 4_000],
    [3, 8_000],
    [5, 32_000],
    [6, 45_000],
    [9, 45_000],
  ])('after %i unanswered rings waits %i ms between two', (unansweredRings, gapMs) => {
    expect(due({ ...news, lastRingAtMs: NOW, unansweredRings })).toBe(NOW + gapMs)
    expect(due({ lastHeardAtMs: NOW - 60_000, lastRingAtMs: NOW, unansweredRings })).toBe(NOW + gapMs)
  })
  it('rings a supervisor that was silent for 30 s, or never heard, while the VM has a plan', () => {
    expect(due({ lastHeardAtMs: NOW - 5_000 })).toBe(NOW + 25_000)
    expect(due({ lastHeardAtMs: NOW }, {}, [ended(), onVm])).toBe(NOW + 30_000)
    // Long past, and not from now on: else it would never be due.
    expect(due({})).toBe(30_000)
  })
  it('does not ring without a reason, nor at a machine that is not ready or not wanted', () => {
    expect(due({ lastHeardAtMs: NOW }, {}, [ended()])).toBeNull()
    expect(due(news, { status: 'removed' })).toBeNull()
    expect(due(news, { vm: { ...newVmRecord('v'), step: 'booting' } })).toBeNull()
  })
})

describe('the deadline of provisioning', () => {
  const coming = { status: 'provisioning' as const, provisioningSinceMs: 1_000 }
  it.each([
    ['30 minutes after its begin', {}, 1_000 + 30 * MINUTE],
    ['later by the outage', { outageMs: 7_000 }, 8_000 + 30 * MINUTE],
    ['later by two hours of outage at most', { outageMs: 9e9 }, 1_000 + 150 * MINUTE],
    ['none when it never began', { provisioningSinceMs: null }, null],
    ['none once it is ready', { status: 'ready' as const }, null],
  ])('is %s', (_, over, expected) => {
    expect(provisioningDeadlineMs(readyWorkspace({ ...coming, ...over }))).toBe(expected)
  })
})

it('a retry waits twice as long each time, 45 s at most', () => {
  expect([0, 1, 2, 5, 6, 20].map(retryDelayMs)).toEqual([1_000, 2_000, 4_000, 32_000, 45_000, 45_000])
})

it('a stream is taken for dead after 30 s', () => {
  expect(STREAM_SILENT_MS).toBe(30_000)
})
