// What each transition writes, field by field, and what it leaves alone: the whole record is compared, and the words of its history.
import { describe, expect, it } from 'vitest'
import type { AttemptEnd } from '../../../src/shared/protocol.ts'
import {
  cancel,
  end,
  fail,
  moveToNewVm,
  pause,
  plansToStart,
  reopen,
  start,
} from '../../../src/workspace/records/decisions.ts'
import { freshPlan, fullPlan, HEAD } from '../support/full-records.ts'

const NOW = 5_000
const work = {
  head: HEAD,
  baseHead: 'f'.repeat(40),
  commits: [{ sha: HEAD, subject: 'feat: new' }],
  diff: { files: 1, additions: 2, deletions: 3 },
  checks: [{ command: 'npm test', exitCode: 0, seconds: 2, newFailure: false }],
}
const proven: AttemptEnd = {
  kind: 'completed',
  summary: 'Done.',
  outcome: 'verified',
  reasons: ['no_checks'],
  proof: 'clean_checkout',
  work,
}

describe('a start', () => {
  const queued = fullPlan({ status: 'queued' })
  it('begins the attempt and clears what the last one said of itself', () => {
    expect(start(queued, NOW, 6_000)).toEqual({
      plan: {
        ...queued,
        status: 'running',
        statusDetail: null,
        phase: 'preparing',
        startedAtMs: 15,
        attemptStartedAtMs: NOW,
        silentMs: 0,
        runLimitMs: 6_000,
        lastActivityAtMs: NOW,
        stoppedOnVm: false,
        onVm: true,
      },
      event: { type: 'running', text: 'Attempt 3 started.', data: { attempt: 3 } },
    })
  })
  it('of the first attempt is when the plan started, and puts it on the VM', () => {
    expect(start(freshPlan(), NOW, 6_000)?.plan).toMatchObject({ startedAtMs: NOW, onVm: true })
  })
})

describe('the end of an attempt', () => {
  const running = fullPlan()
  const worked = { ...running, ...work, tests: null, lookFirst: [] }
  it('with proof of the pushed head is verified, whatever reasons came along', () => {
    expect(end(running, 3, proven, NOW)).toEqual({
      plan: {
        ...worked,
        status: 'completed',
        statusDetail: null,
        phase: null,
        outcome: 'verified',
        outcomeReasons: [],
        proof: 'clean_checkout',
        summary: 'Done.',
        finishedAtMs: NOW,
        stoppedOnVm: true,
      },
      event: { type: 'completed', text: 'Completed and verified.', data: { attempt: 3 } },
    })
  })
  it('is unverified for its one reason', () => {
    const report: AttemptEnd = { ...proven, outcome: 'unverified', reasons: ['check_failed'] }
    expect(end(running, 3, report, NOW)?.plan.outcomeReasons).toEqual(['check_failed'])
  })
  it('is unverified for the reasons it gives, however well it is proven', () => {
    const report: AttemptEnd = { ...proven, outcome: 'unverified', reasons: ['check_failed', 'no_checks'] }
    expect(end(running, 3, report, NOW)).toMatchObject({
      plan: { outcome: 'unverified', outcomeReasons: ['check_failed', 'no_checks'] },
      event: { text: 'Completed, unverified: check_failed, no_checks.' },
    })
  })
  it.each([null, 'e'.repeat(40)])(
    'is a claim when the gateway saw %s pushed and no head is reported, and keeps the heads it had',
    (pushedHead) => {
      const report: AttemptEnd = { ...proven, work: { ...work, head: undefined, baseHead: undefined } }
      const change = end({ ...running, pushedHead }, 3, report, NOW)
      expect(change?.plan).toMatchObject({
        outcome: 'unverified',
        head: running.head,
        baseHead: running.baseHead,
      })
    },
  )
  it('was on the VM no more, though nothing was running there before', () => {
    expect(end({ ...running, stoppedOnVm: false }, 3, proven, NOW)?.plan.stoppedOnVm).toBe(true)
  })
  it('with a question pauses, keeps the work, and says whose words these are', () => {
    const report: AttemptEnd = {
      kind: 'paused',
      reason: 'question',
      detail: 'A question.',
      question: 'Blue?',
      work,
    }
    expect(end(running, 3, report, NOW)).toEqual({
      plan: {
        ...worked,
        status: 'paused',
        phase: null,
        pausedReason: 'question',
        statusDetail: 'A question.',
        question: 'Blue?',
        pausedAtMs: NOW,
      },
      event: {
        type: 'paused',
        text: 'A question.',
        data: { reason: 'question', question: 'Blue?', told_by: 'vm' },
      },
    })
  })
  it('with an error fails, keeps the work, and says whose words these are', () => {
    expect(end(running, 3, { kind: 'failed', error: 'It broke.', work }, NOW)).toEqual({
      plan: {
        ...worked,
        status: 'failed',
        statusDetail: null,
        phase: null,
        error: 'It broke.',
        finishedAtMs: NOW,
      },
      event: { type: 'failed', text: 'It broke.', data: { told_by: 'vm' } },
    })
  })
  it('that only says it stopped changes nothing', () => {
    expect(end(running, 3, { kind: 'stopped', work }, NOW)).toBeNull()
  })
})

it('a pause without a question leaves none of an earlier one', () => {
  const running = fullPlan()
  expect(pause(running, 'vm_unavailable', 'No VM.', NOW)).toStrictEqual({
    plan: {
      ...running,
      status: 'paused',
      phase: null,
      pausedReason: 'vm_unavailable',
      statusDetail: 'No VM.',
      question: null,
      pausedAtMs: NOW,
    },
    event: { type: 'paused', text: 'No VM.', data: { reason: 'vm_unavailable' } },
  })
})

it('a failure keeps everything but its state', () => {
  const running = fullPlan()
  expect(fail(running, 'It broke.', NOW)).toEqual({
    plan: {
      ...running,
      status: 'failed',
      statusDetail: null,
      phase: null,
      error: 'It broke.',
      finishedAtMs: NOW,
    },
    event: { type: 'failed', text: 'It broke.' },
  })
})

describe('a cancel', () => {
  it.each([
    [true, false, 'Rights revoked; the VM is being told to stop.'],
    [false, true, 'Cancelled before it started.'],
  ])('of a plan whose being on the VM is %s is confirmed: %s', (onVm, stoppedOnVm, text) => {
    const plan = fullPlan({ onVm, stoppedOnVm: !stoppedOnVm })
    expect(cancel(plan, NOW)).toEqual({
      plan: {
        ...plan,
        status: 'cancelled',
        phase: null,
        statusDetail: text,
        question: null,
        finishedAtMs: NOW,
        cancelledAtMs: NOW,
        stoppedOnVm,
      },
      event: { type: 'cancelled', text },
    })
  })
})

it('a plan taken up again is the same plan with a clean slate and the next attempt', () => {
  const failed = fullPlan({ status: 'failed' })
  expect(reopen(failed, 25, 'Resumed.')).toEqual({
    plan: {
      ...failed,
      status: 'queued',
      attempt: 4,
      budgetUsd: 25,
      statusDetail: null,
      phase: null,
      pausedReason: null,
      question: null,
      error: null,
      outcome: null,
      outcomeReasons: [],
      proof: null,
      pausedAtMs: null,
      finishedAtMs: null,
      cancelledAtMs: null,
      stoppedOnVm: false,
    },
    event: { type: 'queued', text: 'Resumed.', data: { attempt: 4 } },
  })
})

describe('a lost VM', () => {
  it('moves a running plan on with the next attempt and a new clock', () => {
    const running = fullPlan()
    expect(moveToNewVm(running, NOW)).toEqual({
      plan: {
        ...running,
        attempt: 4,
        phase: 'preparing',
        attemptStartedAtMs: NOW,
        silentMs: 0,
        stoppedOnVm: false,
      },
      event: {
        type: 'vm_replaced',
        text: 'The VM was lost. Attempt 4 continues from the last checkpoint.',
        data: { attempt: 4 },
      },
    })
  })
  it.each([
    [null, null, 'begins anew: there was no checkpoint yet.'],
    [HEAD, null, 'continues from the last checkpoint.'],
    [null, HEAD, 'continues from the last checkpoint.'],
  ])('with checkpoint %s and branch %s says where the plan goes on', (checkpointHead, pushedHead, words) => {
    const text = moveToNewVm(fullPlan({ checkpointHead, pushedHead }), NOW)?.event.text
    expect(text).toBe(`The VM was lost. Attempt 4 ${words}`)
  })
  it('changes nothing for a plan that does not run', () => {
    expect(moveToNewVm(fullPlan({ status: 'paused' }), NOW)).toBeNull()
  })
})

it('more plans running than there are slots start none', () => {
  const queued = ['a', 'b', 'c'].map((id) => freshPlan({ id }))
  expect(plansToStart(queued, 3, 2, true)).toEqual([])
})
