import { describe, expect, it } from 'vitest'
import type { AttemptEnd } from '../../../src/shared/protocol.ts'
import {
  cancel,
  end,
  expire,
  fail,
  moveToNewVm,
  nextMergeCheckMs,
  pause,
  plansToStart,
  reopen,
  start,
} from '../../../src/workspace/records/decisions.ts'
import { newPlanRecord } from '../../../src/workspace/records/new-records.ts'
import type { PlanRecord } from '../../../src/workspace/records/records.ts'
import type { PlanStatus } from '../../../src/shared/words.ts'

const HEAD = 'a'.repeat(40)
const work = { head: HEAD, commits: [], diff: { files: 1, additions: 1, deletions: 0 }, checks: [] }
const completed: AttemptEnd = {
  kind: 'completed',
  summary: 'done',
  outcome: 'verified',
  reasons: [],
  proof: 'clean_checkout',
  work,
}

function plan(over: Partial<PlanRecord> = {}): PlanRecord {
  const fresh = newPlanRecord({
    id: '00000000-0000-8000-8000-000000000000',
    title: 't',
    planChars: 1,
    textSha256: '',
    branch: 'agent/x',
    base: 'main',
    declaredChecks: [],
    openPr: false,
    budgetUsd: 10,
    model: 'm',
    effort: 'high',
    onQuestion: 'pause',
    createdAtMs: 0,
  })
  return { ...fresh, ...over }
}

describe('the allowed transitions', () => {
  const actions: Record<string, (from: PlanRecord) => PlanStatus | undefined> = {
    start: (from) => start(from, 1, 2)?.plan.status,
    complete: (from) => end(from, from.attempt, completed, 1)?.plan.status,
    pause: (from) => pause(from, 'question', 'why', 1)?.plan.status,
    fail: (from) => fail(from, 'broke', 1)?.plan.status,
    cancel: (from) => cancel(from, 1)?.plan.status,
    reopen: (from) => reopen(from, 10, 'again')?.plan.status,
  }
  const table: Record<PlanStatus, Partial<Record<keyof typeof actions, PlanStatus>>> = {
    queued: { start: 'running', pause: 'paused', fail: 'failed', cancel: 'cancelled' },
    running: { complete: 'completed', pause: 'paused', fail: 'failed', cancel: 'cancelled' },
    paused: { fail: 'failed', cancel: 'cancelled', reopen: 'queued' },
    completed: { reopen: 'queued' },
    failed: { reopen: 'queued' },
    cancelled: { reopen: 'queued' },
  }
  for (const [from, allowed] of Object.entries(table))
    for (const [name, action] of Object.entries(actions))
      it(`${name} on a ${from} plan ${allowed[name] === undefined ? 'changes nothing' : `makes it ${allowed[name]}`}`, () => {
        expect(action(plan({ status: from as PlanStatus }))).toBe(allowed[name])
      })
})

describe('what a VM claims', () => {
  const running = plan({ status: 'running', pushedHead: HEAD })
  it('is verified only with proof from a clean checkout of the head the gateway saw', () => {
    expect(end(running, 1, completed, 1)?.plan.outcome).toBe('verified')
  })
  it.each([
    ['another head than the one pushed', { ...running, pushedHead: 'b'.repeat(40) }, completed],
    ['nothing pushed', { ...running, pushedHead: null }, completed],
    ['proof in place only', running, { ...completed, proof: 'in_place' as const }],
    ['no proof', running, { ...completed, proof: 'none' as const }],
  ])('is unverified with %s', (_, from, report) => {
    expect(end(from, 1, report, 1)?.plan).toMatchObject({
      status: 'completed',
      outcome: 'unverified',
      outcomeReasons: ['proof_missing'],
    })
  })
  it('of an earlier attempt changes nothing', () => {
    expect(end(plan({ status: 'running', attempt: 2 }), 1, completed, 1)).toBeNull()
  })
  it('after a cancel changes nothing', () => {
    expect(end(plan({ status: 'cancelled' }), 1, completed, 1)).toBeNull()
  })
})

describe('time', () => {
  it('fails a plan that ran for 4 hours and keeps its work', () => {
    const hours = 4 * 3_600_000
    const late = expire(plan({ status: 'running', attemptStartedAtMs: 0, pushedHead: HEAD }), hours, hours)
    expect(late?.plan).toMatchObject({ status: 'failed', pushedHead: HEAD })
    expect(expire(plan({ status: 'running', attemptStartedAtMs: 1 }), hours, hours)).toBeNull()
  })
  it('fails a plan that was paused for 30 days', () => {
    expect(expire(plan({ status: 'paused', pausedAtMs: 0 }), null, 30 * 86_400_000)?.plan.status).toBe(
      'failed',
    )
  })
  it('looks at an open branch hourly for 7 days, daily to 90, then no more', () => {
    const day = 86_400_000
    expect(nextMergeCheckMs(0, 6 * day)).toBe(6 * day + 3_600_000)
    expect(nextMergeCheckMs(0, 8 * day)).toBe(9 * day)
    expect(nextMergeCheckMs(0, 90 * day)).toBeNull()
  })
})

describe('slots', () => {
  const queued = [plan({ id: 'a' }), plan({ id: 'b' }), plan({ id: 'c' })]
  it('go to the oldest plans first, up to max_parallel', () => {
    expect(plansToStart(queued, 0, 2, true).map((found) => found.id)).toEqual(['a', 'b'])
    expect(plansToStart(queued, 2, 2, true)).toEqual([])
  })
  it('are one on a VM that cannot add users', () => {
    expect(plansToStart(queued, 0, 2, false)).toHaveLength(1)
    expect(plansToStart(queued, 1, 2, false)).toHaveLength(0)
  })
})

it('a replaced VM keeps the plan running with the next attempt', () => {
  expect(moveToNewVm(plan({ status: 'running', attempt: 1 }), 5)?.plan).toMatchObject({
    status: 'running',
    attempt: 2,
  })
})

it('a merged plan is never reopened', () => {
  expect(reopen(plan({ status: 'completed', mergeStatus: 'merged' }), 10, 'again')).toBeNull()
})
