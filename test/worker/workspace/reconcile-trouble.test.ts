// What the alarm makes of Orgo's refusals: which are the workspace's error, which are tried again and when, which are an outage.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { newVmRecord } from '../../../src/workspace/records/new-records.ts'
import { endOutside, playOutside } from '../support/outside.ts'
import type { Outside } from '../support/outside.ts'
import { coming, MACHINE_ID as ID, runningPlan, wanted, withAlarm } from '../support/own-alarm.ts'
import { planRecord } from '../support/own-store.ts'

const A = '00000000-0000-8000-8000-00000000000a'
const B = '00000000-0000-8000-8000-00000000000b'
let outside: Outside
beforeEach(() => {
  outside = playOutside()
})
afterEach(endOutside)

const calls = () => outside.orgoCalls.map(({ call }) => call)
const machine = () => outside.computers.push({ id: ID, name: 'v', status: 'running' })
const fault = (status: number, body: Record<string, unknown> = { error: 'x' }) =>
  (outside.orgoFault = () => Response.json(body, { status }))

describe('trouble that trying again does not mend', () => {
  it('is the workspace’s error and the reason of all its open plans', () =>
    withAlarm({ workspace: wanted({ retries: 3 }) }, async ({ core, clock, ring, workspace, plan }) => {
      core.store.insertPlan(runningPlan(A, clock.nowMs), 'x')
      core.store.insertPlan(
        planRecord(B, { status: 'paused', pausedReason: 'question', pausedAtMs: clock.nowMs }),
        'x',
      )
      fault(401)
      await ring()
      expect(workspace()).toMatchObject({
        status: 'error',
        retryAtMs: null,
        retries: 0,
        mendAtMs: clock.nowMs + 600_000,
      })
      expect(workspace()?.statusDetail).toContain('ORGO_API_KEY')
      expect(plan(A)).toMatchObject({ status: 'paused', pausedReason: 'orgo_refused' })
      expect(plan(A)?.statusDetail).toMatch(/ORGO_API_KEY.* Then call plan_resume\.$/)
      expect(plan(B)).toMatchObject({ pausedReason: 'question' })
    }))
  it('found by ourselves is one as well', () =>
    withAlarm(
      {
        workspace: coming({ vm: { ...newVmRecord('v'), id: ID, step: 'known', adopted: true } }),
        plans: [planRecord(A)],
      },
      async ({ ring, workspace, plan }) => {
        machine()
        outside.bash = () => ({ exit_code: 0, output: '{"holds":"other"}' })
        await ring()
        expect(workspace()?.statusDetail).toContain('already holds a ~/workspace')
        expect(workspace()).toMatchObject({ status: 'error' })
        expect(plan(A)).toMatchObject({ status: 'paused', pausedReason: 'orgo_refused' })
      },
    ))
})

it('a refusal that comes after the workspace was removed leaves it removed', () =>
  withAlarm({ workspace: wanted({}), plans: [planRecord(A)] }, async ({ core, ring, workspace }) => {
    outside.orgoFault = () => {
      core.store.changeWorkspace((record) => void (record.status = 'removed'))
      return Response.json({ error: 'x' }, { status: 401 })
    }
    await ring()
    expect(workspace()).toMatchObject({ status: 'removed', mendAtMs: null })
  }))

it('a look for what is due that fails does not stand for nothing due: the steps follow, behind the watchdog', () =>
  withAlarm({ workspace: wanted({}) }, async ({ core, clock, armed, ring }) => {
    core.store.insertPlan(runningPlan(A, clock.nowMs), 'x')
    for (let at = 0; at < 5; at++) await ring() // until nothing is due at once
    const { linesAreDue } = core.store
    core.store.linesAreDue = () => {
      core.store.linesAreDue = linesAreDue
      throw new Error('the look fails')
    }
    armed.length = 0
    await ring()
    expect(armed[0]).toBe(clock.nowMs + 60_000)
    expect(armed).toHaveLength(2)
  }))

describe('trouble that may pass', () => {
  it('is tried again twice as late each time, and said while the machine is awaited', () =>
    withAlarm({ workspace: coming() }, async ({ clock, ring, workspace }) => {
      // A create is sent once; a listing would be tried three times within its call.
      outside.orgoFault = (method) => {
        if (method !== 'POST') return null
        clock.nowMs += 700
        return Response.json({ error: 'x' }, { status: 503 })
      }
      await ring()
      expect(workspace()).toMatchObject({
        status: 'provisioning',
        retries: 1,
        retryAtMs: clock.nowMs + 2_000,
        outageMs: 2_700,
      })
      expect(workspace()?.statusDetail).toContain('whether it happened is not known')
    }))
  it('of a read counts as outage too', { timeout: 20_000 }, () =>
    withAlarm({ workspace: coming() }, async ({ ring, workspace }) => {
      fault(503)
      await ring()
      expect(workspace()).toMatchObject({ retries: 1, outageMs: 2_000 })
    }),
  )
  it('is not said of a workspace that is ready', () =>
    withAlarm(
      { workspace: wanted({ statusDetail: 'All well.' }) },
      async ({ clock, ring, workspace, paceMs }) => {
        machine()
        fault(503)
        await ring()
        expect(await paceMs()).toBe(0)
        expect(workspace()).toMatchObject({
          status: 'ready',
          statusDetail: 'All well.',
          retries: 1,
          retryAtMs: clock.nowMs + 2_000,
          outageMs: 2_000,
          vm: { step: 'ready' },
        })
      },
    ))
  it('of a machine that wakes is no outage, and waits as long as Orgo says', () =>
    withAlarm({ workspace: wanted() }, async ({ clock, ring, workspace }) => {
      machine()
      outside.orgoFault = () => {
        clock.nowMs += 700
        return Response.json({ error: 'x', code: 'computer_asleep', retry_after: 7 }, { status: 409 })
      }
      await ring()
      expect(workspace()).toMatchObject({
        retries: 1,
        outageMs: 0,
        retryAtMs: clock.nowMs + 7_000,
        vm: { step: 'ready' },
      })
    }))
  it('of our own making is tried again, and nothing is said of Orgo', () =>
    withAlarm(
      { workspace: coming({ vm: { ...newVmRecord('v'), id: ID, step: 'known' } }) },
      async ({ core, clock, ring, workspace }) => {
        machine()
        core.settings = () => ({ ...core.settingsNow(), orgoApiUrl: 'https://orgo.test/api', tokenKey: '' })
        await ring()
        expect(workspace()).toMatchObject({
          status: 'provisioning',
          retries: 1,
          retryAtMs: clock.nowMs + 2_000,
          outageMs: 0,
          statusDetail: 'Registered.',
        })
      },
    ))
})

describe('a bell that does not reach a ready machine', () => {
  const bellFails = (
    status: number,
    body: Record<string, unknown>,
    get: () => Response | null = () => null,
  ) => (outside.orgoFault = (method) => (method === 'POST' ? Response.json(body, { status }) : get()))
  const looks = () => calls().filter((call) => call === `GET /computers/${ID}`).length
  it.each([
    ['is not known', 404, { error: 'Computer not found' }],
    ['is not up', 400, { error: 'instance not available' }],
  ])('because it %s asks what it is, and climbs again', (_, status, body) =>
    withAlarm({ workspace: wanted() }, async ({ ring, workspace }) => {
      outside.computers.push({ id: ID, name: 'v', status: 'stopped' })
      bellFails(status, body)
      await ring()
      expect(workspace()).toMatchObject({ retries: 1, vm: { step: 'known', status: 'stopped', id: ID } })
    }),
  )
  it('and that is gone, or whose state nobody says, is climbed to as well', { timeout: 20_000 }, async () => {
    for (const status of [404, 503])
      await withAlarm({ workspace: wanted() }, async ({ ring, workspace }) => {
        bellFails(404, { error: 'Computer not found' }, () => Response.json({ error: 'x' }, { status }))
        await ring()
        expect(workspace()).toMatchObject({ vm: { step: 'known', status: 'running' } })
      })
  })
  it('for another reason leaves it ready', () =>
    withAlarm({ workspace: wanted() }, async ({ ring, workspace }) => {
      machine()
      bellFails(409, { error: 'not in the right state' })
      await ring()
      expect(workspace()).toMatchObject({ retries: 1, vm: { step: 'ready' } })
      expect(looks()).toBe(0)
    }))
  it('is not what a machine that still comes up is asked about', () =>
    withAlarm(
      { workspace: coming({ vm: { ...newVmRecord('v'), id: ID, step: 'booting', bootSentAtMs: 1 } }) },
      async ({ ring, workspace }) => {
        machine()
        bellFails(400, { error: 'instance not available' })
        await ring()
        expect(workspace()).toMatchObject({ retries: 1, vm: { step: 'booting' } })
        expect(looks()).toBe(1)
      },
    ))
})
