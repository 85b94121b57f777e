// What the alarm does when a time is up, to the millisecond: the clock is the test's, the tables are real.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { newSupervisorRecord, newVmRecord } from '../../../src/workspace/records/new-records.ts'
import type { LeaseRecord, PlanRecord, WorkspaceRecord } from '../../../src/workspace/records/records.ts'
import { endOutside, playOutside } from '../support/outside.ts'
import type { Outside } from '../support/outside.ts'
import { runningPlan, withAlarm } from '../support/own-alarm.ts'
import type { OwnAlarm } from '../support/own-alarm.ts'
import { planRecord } from '../support/own-store.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const A = '00000000-0000-8000-8000-00000000000a'
const B = '00000000-0000-8000-8000-00000000000b'
const push = (state: LeaseRecord['state']): LeaseRecord => ({
  id: 'l',
  plan: A,
  attempt: 1,
  kind: 'git_push',
  state,
  deadlineMs: 9e15,
  worstCaseUsd: 0,
  commands: [],
})
let outside: Outside
beforeEach(() => {
  outside = playOutside()
})
afterEach(endOutside)

describe('the alarm', () => {
  it('arms a watchdog before it does anything, and its next wake last', () =>
    withAlarm({}, async ({ armed, clock, core, ring }) => {
      const mergeCheckAtMs = clock.nowMs + 24 * HOUR
      core.store.insertPlan(planRecord(A, { status: 'completed', mergeCheckAtMs }), 'x')
      await ring()
      expect(armed).toEqual([clock.nowMs + MINUTE, mergeCheckAtMs])
    }))
  it('that finds nothing due notices all the same that the clock was ahead', () =>
    withAlarm({}, async ({ clock, core, ring }) => {
      core.store.insertPlan(
        planRecord(A, { status: 'completed', mergeCheckAtMs: clock.nowMs + 24 * HOUR }),
        'x',
      )
      await ring()
      core.store.addNotification('n', '{}', clock.nowMs + 2 * HOUR)
      await ring()
      expect(core.store.nextNotificationMs()).not.toBe(clock.nowMs + 2 * HOUR)
    }))
  it('that finds nothing due sets its next wake alone, and changes nothing', () =>
    withAlarm({}, async ({ armed, clock, core, ring, workspace, plan }) => {
      core.store.insertPlan(runningPlan(A, clock.nowMs), 'x')
      await ring()
      const before = [workspace(), plan(A)]
      armed.length = 0
      clock.nowMs += 29_999
      await ring()
      expect(armed).toEqual([clock.nowMs + 1])
      expect([workspace(), plan(A)]).toEqual(before)
      clock.nowMs += 1
      await ring()
      expect(armed[1]).toBe(clock.nowMs + MINUTE)
      expect(armed).toHaveLength(3)
    }))
  it.each<[string, number, (own: OwnAlarm) => void]>([
    [
      'lines of plans that were told of 45 s ago',
      2,
      ({ core, clock }) => {
        core.store.noteTold(clock.nowMs - 45_000)
        core.store.appendEvent(A, { atMs: 1, type: 'tool', text: 'x' })
      },
    ],
    [
      'no lines of plans that were told of since',
      1,
      ({ core, clock }) => {
        core.store.noteTold(clock.nowMs - 45_000 + 1)
        core.store.appendEvent(A, { atMs: 1, type: 'tool', text: 'x' })
      },
    ],
    [
      'a queued plan whose branch is not known',
      2,
      ({ core, clock }) => {
        core.store.changeWorkspace((record) => void (record.branch = null))
        core.store.insertPlan(planRecord(B, { base: '' }), 'x')
        for (const row of core.store.outbox(9)) core.store.told(row)
        core.store.noteTold(clock.nowMs)
      },
    ],
    ['a push of unknown outcome', 2, ({ core }) => core.store.saveLease(push('unknown'))],
    ['no push that is under way', 1, ({ core }) => core.store.saveLease(push('open'))],
  ])('takes its steps for %s', (_, armings, prepare) =>
    withAlarm({}, async (own) => {
      outside.gitStatus = 503
      prepare(own)
      await own.ring()
      expect(own.armed).toHaveLength(armings)
    }),
  )
  it('is set no more where nothing was ever registered', () =>
    withAlarm({ empty: true }, async ({ armed, ring }) => {
      await ring()
      expect(armed).toEqual([null])
    }))
  it('goes on with its other steps after one that failed', () =>
    withAlarm({ plans: [planRecord(A)] }, async ({ core, armed, ring, eventTypes }) => {
      core.orgo = () => {
        throw new Error('ORGO_API_KEY is not set')
      }
      await ring()
      expect(eventTypes(A)).toEqual(['running'])
      expect(core.store.outboxIsEmpty()).toBe(true)
      expect(armed).toHaveLength(2)
    }))
})

describe('a running plan', () => {
  const began = (nowMs: number) => runningPlan(A, nowMs, { attemptStartedAtMs: nowMs - 4 * HOUR })
  const withLease = (
    of: (nowMs: number) => PlanRecord,
    look: (own: { states: string[]; plan: PlanRecord | null }) => void,
    lateMs = 0,
  ) =>
    withAlarm({}, async ({ core, clock, ring, plan }) => {
      core.store.insertPlan(of(clock.nowMs + lateMs), 'x')
      core.store.saveLease(push('open'))
      const rang = ring()
      // The gateway's part: it hears of the cut and settles.
      await new Promise((resolve) => setTimeout(resolve, 5))
      const states = core.store.leases().map(({ state }) => state)
      core.store.dropLease('l')
      core.wakeWaiters()
      await rang
      look({ states, plan: plan(A) })
    })
  it('of 4 hours fails, and its streams are cut', () =>
    withLease(began, ({ states, plan }) => {
      expect(plan).toMatchObject({ status: 'failed' })
      expect(states).toEqual(['revoked'])
    }))
  it('of a millisecond less runs on, and so do its streams', () =>
    withLease(
      began,
      ({ states, plan }) => {
        expect(plan).toMatchObject({ status: 'running' })
        expect(states).toEqual(['open'])
      },
      1,
    ))
})

describe('a cancel that the VM does not confirm', () => {
  const cancelled = (nowMs: number, over: Partial<PlanRecord> = {}) =>
    planRecord(A, {
      status: 'cancelled',
      onVm: true,
      cancelledAtMs: nowMs - 10 * MINUTE,
      finishedAtMs: nowMs - 10 * MINUTE,
      ...over,
    })
  it('is taken as done after 10 minutes, which the history says', () =>
    withAlarm({}, async ({ core, clock, ring, plan }) => {
      const before = cancelled(clock.nowMs)
      core.store.insertPlan(before, 'x')
      await ring()
      expect(plan(A)).toEqual({
        ...before,
        stoppedOnVm: true,
        statusDetail:
          'Rights revoked. The VM did not confirm in 10 minutes that the process ended; nothing that process does can be pushed or spent.',
      })
      expect(core.store.events(A, 0, 9)).toEqual([
        {
          seq: 1,
          atMs: clock.nowMs,
          type: 'unconfirmed',
          text: 'The VM did not confirm the stop in 10 minutes.',
        },
      ])
    }))
  it.each<[string, (nowMs: number) => PlanRecord]>([
    ['a millisecond before', (nowMs) => cancelled(nowMs + 1)],
    ['once it is confirmed', (nowMs) => cancelled(nowMs, { stoppedOnVm: true })],
    ['without a moment of the cancel', (nowMs) => cancelled(nowMs, { cancelledAtMs: null })],
    ['of a plan that ended otherwise', (nowMs) => cancelled(nowMs, { status: 'completed' })],
  ])('is left alone %s', (_, of) =>
    withAlarm({}, async ({ core, clock, ring, plan }) => {
      core.store.insertPlan(of(clock.nowMs), 'x')
      await ring()
      expect(plan(A)).toEqual(of(clock.nowMs))
      expect(core.store.newestEvent(A)).toBe(0)
    }),
  )
})

describe('provisioning', () => {
  const coming = (sinceMs: number): Partial<WorkspaceRecord> => ({
    status: 'provisioning',
    statusDetail: 'Preparing the VM: clone.',
    provisioningSinceMs: sinceMs,
    retries: 3,
    vm: { ...newVmRecord('v'), id: 'vm-1', step: 'booting' },
    supervisor: newSupervisorRecord(),
  })
  const queued = planRecord(A, { base: 'main' })
  it('of 30 minutes is an error that pauses what waits for it, and is looked at again in 10', () =>
    withAlarm({ plans: [queued] }, async ({ core, clock, ring, workspace, plan, eventTypes }) => {
      core.store.changeWorkspace((record) =>
        Object.assign(record, coming(clock.nowMs - 30 * MINUTE), { retryAtMs: clock.nowMs + 1 }),
      )
      const { revision } = core.store.workspace() ?? { revision: NaN }
      await ring()
      const said = 'The VM was not ready after 30 minutes. Last: Preparing the VM: clone.'
      expect(workspace()).toMatchObject({
        status: 'error',
        statusDetail: said,
        retryAtMs: null,
        retries: 0,
        mendAtMs: clock.nowMs + 10 * MINUTE,
        revision: revision + 2,
      })
      expect(plan(A)).toMatchObject({
        status: 'paused',
        pausedReason: 'vm_unavailable',
        statusDetail: `${said} Then call plan_resume.`,
      })
      expect(eventTypes(A)).toEqual(['paused'])
      expect(outside.orgoCalls).toEqual([])
    }))
  it('of a millisecond less goes on', () =>
    withAlarm({ plans: [queued] }, async ({ core, clock, ring, workspace, plan }) => {
      core.store.changeWorkspace((record) =>
        Object.assign(record, coming(clock.nowMs - 30 * MINUTE + 1), { retryAtMs: clock.nowMs + 1 }),
      )
      await ring()
      expect(workspace()).toMatchObject({ status: 'provisioning', retries: 3, mendAtMs: null })
      expect(plan(A)).toEqual(queued)
    }))
})
