// How long plans run while their VM is heard, and while it is not: the alarm and the sync together, on a clock in the test's hand.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { newSupervisorRecord } from '../../../src/workspace/records/new-records.ts'
import type { LeaseRecord, PlanRecord, WorkspaceRecord } from '../../../src/workspace/records/records.ts'
import { planStatus } from '../../../src/workspace/plans/plans.ts'
import { vmSync } from '../../../src/workspace/machine/sync.ts'
import { endOutside, playOutside } from '../support/outside.ts'
import type { Outside } from '../support/outside.ts'
import { runningPlan, withAlarm } from '../support/own-alarm.ts'
import type { OwnAlarm } from '../support/own-alarm.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const A = '00000000-0000-8000-8000-00000000000a'
const B = '00000000-0000-8000-8000-00000000000b'
let outside: Outside
beforeEach(() => {
  outside = playOutside()
})
afterEach(endOutside)

/** The supervisor's next sync, of a VM that runs this plan. */
async function heard({ core, clock }: OwnAlarm, id = A): Promise<unknown> {
  const { name, vm, supervisor } = core.store.workspace() ?? {}
  const answer = await vmSync(
    core,
    { kind: 'vm', workspace: name ?? '', generation: vm?.generation ?? 0 },
    {
      protocol: 1,
      nonce: supervisor?.pendingNonce ?? supervisor?.heardNonce ?? '',
      bootId: supervisor?.bootId ?? 'boot-1',
      counter: (supervisor?.counter ?? 0) + 1,
      agentSha256: 'x',
      canAddUsers: true,
      revision: 1,
      plans: [{ id, attempt: 1, status: 'running', activity: clock.nowMs, messagesTaken: 0, events: [] }],
      wantTexts: [],
      adopted: [],
    },
    'x',
  )
  expect(answer).toMatchObject({ ok: true })
  return answer
}

const seen = ({ core }: OwnAlarm) => planStatus(core, A, { waitMs: 0, after: 0, limit: 1 })

const known = { heardNonce: 'nonce-01', bootId: 'boot-1' }

describe('an attempt', () => {
  it('loses nothing of its hours to a silence of its VM, and nothing counts twice', () =>
    withAlarm({}, async (own) => {
      const { core, clock, ring, plan } = own
      const began = clock.nowMs - 3 * HOUR
      core.store.insertPlan(runningPlan(A, clock.nowMs, { attemptStartedAtMs: began }), 'x')
      core.store.changeWorkspace(({ supervisor }) =>
        Object.assign(supervisor, known, { lastHeardAtMs: clock.nowMs }),
      )
      // An hour and a half of outage: the four hours of the clock on the wall are over in it.
      clock.nowMs += 90 * MINUTE
      core.store.changeWorkspace((record) => void (record.retryAtMs = clock.nowMs + MINUTE))
      await ring()
      expect(plan(A)).toMatchObject({ status: 'running', silentMs: 0 })
      expect(await seen(own)).toMatchObject({ vmUnheardMs: 90 * MINUTE })
      await heard(own)
      expect(await seen(own)).not.toHaveProperty('vmUnheardMs')
      await heard(own)
      const silentMs = 90 * MINUTE - 30_000
      expect(plan(A)).toMatchObject({ status: 'running', silentMs })
      // Heard all along from here.
      clock.nowMs = began + 4 * HOUR + silentMs - 1
      core.store.changeWorkspace(({ supervisor }) => void (supervisor.lastHeardAtMs = clock.nowMs - 5_000))
      await heard(own)
      await ring()
      expect(plan(A)).toMatchObject({ status: 'running' })
      clock.nowMs += 1
      await ring()
      expect(plan(A)).toMatchObject({ status: 'failed', error: expect.stringContaining('ran for 4 hours') })
    }))
  it('on a machine that is heard for the first time had no time yet', () =>
    withAlarm({}, async (own) => {
      const { core, clock, plan } = own
      core.store.insertPlan(
        runningPlan(A, clock.nowMs, { attemptStartedAtMs: clock.nowMs - 3 * MINUTE }),
        'x',
      )
      core.store.changeWorkspace(({ supervisor }) =>
        Object.assign(supervisor, known, { lastHeardAtMs: null }),
      )
      await heard(own)
      expect(plan(A)).toMatchObject({ silentMs: 3 * MINUTE - 30_000 })
    }))
  it('runs as long as MAX_PLAN_HOURS said when it began, and the VM is told so', () =>
    withAlarm({}, async (own) => {
      const { core, clock, bindings, plan, ring } = own
      Object.assign(bindings, { MAX_PLAN_HOURS: '0.5' })
      core.store.insertPlan(
        runningPlan(A, clock.nowMs, { status: 'queued', base: 'main', attemptStartedAtMs: null }),
        'x',
      )
      core.store.changeWorkspace((record) => {
        record.retryAtMs = clock.nowMs + MINUTE
        record.vm.step = 'ready'
        Object.assign(record.supervisor, known)
      })
      await ring()
      expect(plan(A)).toMatchObject({ status: 'running', silentMs: 0, runLimitMs: HOUR / 2 })
      expect(await heard(own)).toMatchObject({ response: { plans: [{ id: A, workMs: HOUR / 2 }] } })
    }))
})

const push: LeaseRecord = {
  id: 'l',
  plan: A,
  attempt: 1,
  kind: 'git_push',
  state: 'open',
  deadlineMs: 9e15,
  worstCaseUsd: 0,
  commands: [],
}

it('a plan that waits for its machine is looked after as soon as that is heard again, and once', () =>
  withAlarm({}, async (own) => {
    const { core, clock, workspace } = own
    const laterMs = clock.nowMs + 6 * HOUR
    const wait = (unheardMs: number | null) =>
      core.store.changeWorkspace((record) => {
        record.mendAtMs = laterMs
        const lastHeardAtMs = unheardMs === null ? null : clock.nowMs - unheardMs
        Object.assign(record.supervisor, known, { lastHeardAtMs })
      })
    core.store.insertPlan(
      runningPlan(A, clock.nowMs, {
        status: 'paused',
        pausedReason: 'vm_unavailable',
        pausedAtMs: clock.nowMs,
      }),
      'x',
    )
    for (const [unheardMs, mendAtMs] of [
      [null, null],
      [30_001, null],
      [30_000, laterMs],
    ] as const) {
      wait(unheardMs)
      await heard(own)
      expect(workspace()?.mendAtMs).toBe(mendAtMs)
    }
  }))

describe('a machine unheard', () => {
  const unheard = (nowMs: number, forMs: number | null, over: Partial<WorkspaceRecord> = {}) => ({
    // No bell rings in these tests: only the pause is looked at.
    retryAtMs: nowMs + 15 * MINUTE,
    supervisor: { ...newSupervisorRecord(), lastHeardAtMs: forMs === null ? null : nowMs - forMs },
    ...over,
  })
  it('for two hours pauses the plans that ran all that time, not those begun since, and cuts no push', () =>
    withAlarm({}, async ({ core, clock, ring, workspace, plan }) => {
      core.store.changeWorkspace((record) => Object.assign(record, unheard(clock.nowMs, 2 * HOUR)))
      core.store.insertPlan(runningPlan(A, clock.nowMs, { attemptStartedAtMs: clock.nowMs - 2 * HOUR }), 'x')
      core.store.insertPlan(
        runningPlan(B, clock.nowMs, { attemptStartedAtMs: clock.nowMs - 2 * HOUR + 1 }),
        'x',
      )
      core.store.saveLease(push)
      await ring()
      expect(core.store.leases().map(({ state }) => state)).toEqual(['open'])
      expect(plan(A)).toMatchObject({
        status: 'paused',
        pausedReason: 'vm_unavailable',
        statusDetail:
          'The VM was not heard for 2 hours. It continues by itself when Orgo works again, or at once with plan_resume.',
        pausedAtMs: clock.nowMs,
      })
      expect(plan(B)).toMatchObject({ status: 'running' })
      expect(workspace()?.mendAtMs).toBe(clock.nowMs + 10 * MINUTE)
      // Nor is Orgo asked before that.
      expect(outside.orgoCalls).toEqual([])
    }))
  it.each<[string, (nowMs: number) => Partial<WorkspaceRecord>, (nowMs: number) => Partial<PlanRecord>]>([
    ['for a millisecond less', (nowMs) => unheard(nowMs, 2 * HOUR - 1), () => ({})],
    [
      'since a plan began, less than two hours ago',
      (nowMs) => unheard(nowMs, null),
      (nowMs) => ({ attemptStartedAtMs: nowMs - 2 * HOUR + 1 }),
    ],
    [
      'by a plan whose attempt has no beginning',
      (nowMs) => unheard(nowMs, 3 * HOUR),
      () => ({ attemptStartedAtMs: null }),
    ],
  ])('%s pauses nothing', (_, change, over) =>
    withAlarm({}, async ({ core, clock, ring, workspace, plan }) => {
      core.store.changeWorkspace((record) => Object.assign(record, change(clock.nowMs)))
      core.store.insertPlan(
        runningPlan(A, clock.nowMs, { attemptStartedAtMs: clock.nowMs - 3 * HOUR, ...over(clock.nowMs) }),
        'x',
      )
      await ring()
      expect(plan(A)).toMatchObject({ status: 'running' })
      expect(workspace()?.mendAtMs).toBeNull()
    }),
  )
})
