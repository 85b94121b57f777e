// What the alarm makes of Orgo's answers: which are tried again and when, which are the workspace's error, which are an outage.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { newSupervisorRecord, newVmRecord } from '../../src/workspace/records.ts'
import type { WorkspaceRecord } from '../../src/workspace/records.ts'
import { CANARIES } from './setup/options.ts'
import { endOutside, playOutside } from './support/outside.ts'
import type { Outside } from './support/outside.ts'
import { runningPlan, withAlarm } from './support/own-alarm.ts'
import { planRecord } from './support/own-store.ts'

const A = '00000000-0000-8000-8000-00000000000a'
const B = '00000000-0000-8000-8000-00000000000b'
const ID = '11111111-1111-8111-8111-111111111111'
let outside: Outside
beforeEach(() => {
  outside = playOutside()
})
afterEach(endOutside)

const calls = () => outside.orgoCalls.map(({ call }) => call)
const bells = () => outside.orgoCalls.filter(({ command }) => command.includes('doorbell')).length
const machine = () => outside.computers.push({ id: ID, name: 'v', status: 'running' })
/** Every call but the named ones is answered so. */
const fault = (status: number, body: Record<string, unknown> = { error: 'x' }, headers: HeadersInit = {}) =>
  (outside.orgoFault = () => Response.json(body, { status, headers }))
const news = { ...newSupervisorRecord(), ringWanted: true, lastHeardAtMs: 1 }
/** A ready machine that is to be rung. */
const wanted = (over: Partial<WorkspaceRecord> = {}): Partial<WorkspaceRecord> => ({
  vm: { ...newVmRecord('v'), id: ID, step: 'ready', status: 'running' },
  supervisor: news,
  ...over,
})
/** No machine yet. */
const coming = (over: Partial<WorkspaceRecord> = {}): Partial<WorkspaceRecord> => ({
  status: 'provisioning',
  statusDetail: 'Registered.',
  vm: newVmRecord('v'),
  supervisor: newSupervisorRecord(),
  ...over,
})

describe('Orgo is called', () => {
  it('not at all when nothing is needed, nor is the Account', () =>
    withAlarm({}, async ({ bindings, ring }) => {
      const asked = vi.fn()
      // Platform seam: whoever asks for the Account here is told nothing.
      bindings.ACCOUNT = { getByName: asked } as unknown as Env['ACCOUNT']
      await ring()
      expect(calls()).toEqual([])
      expect(asked).not.toHaveBeenCalled()
    }))
  it('with our key', () =>
    withAlarm({ workspace: wanted() }, async ({ ring }) => {
      machine()
      await ring()
      const [input, init] = vi.mocked(fetch).mock.calls[0] ?? []
      const { headers } = new Request(input ?? 'https://none.test', init)
      expect(headers.get('authorization')).toBe(`Bearer ${CANARIES.ORGO_API_KEY}`)
    }))
  it.each([
    ['not before the retry', 1, 0],
    ['at the retry', 0, 1],
    ['after it', -1, 1],
  ])('%s', (_, inMs, rings) =>
    withAlarm({ workspace: wanted() }, async ({ core, clock, ring }) => {
      machine()
      core.store.changeWorkspace((record) => void (record.retryAtMs = clock.nowMs + inMs))
      await ring()
      expect(bells()).toBe(rings)
    }),
  )
  it('for a bell that is due, not for one that is due later', () =>
    withAlarm({}, async ({ core, clock, ring }) => {
      machine()
      core.store.changeWorkspace((record) =>
        Object.assign(record, wanted({ supervisor: newSupervisorRecord() })),
      )
      core.store.insertPlan(runningPlan(A, clock.nowMs), 'x')
      core.store.changeWorkspace(
        (record) => void (record.supervisor.lastHeardAtMs = clock.nowMs - 20_000 + 1),
      )
      await ring()
      expect(calls()).toEqual([])
      clock.nowMs += 1
      await ring()
      expect(bells()).toBe(1)
    }))
  it('for no bell when a plan runs that the VM was not told of yet', () =>
    withAlarm({ workspace: wanted({ supervisor: newSupervisorRecord() }) }, async ({ core, clock, ring }) => {
      core.store.insertPlan(runningPlan(A, clock.nowMs, { onVm: false }), 'x')
      await ring()
      expect(calls()).toEqual([])
    }))
  it('rung by rung in one alarm, until a rung has to wait', () =>
    withAlarm({ workspace: coming() }, async ({ clock, ring, workspace }) => {
      await ring()
      expect(calls()).toContain('POST /computers')
      expect(calls().some((call) => call.endsWith('/bash'))).toBe(true)
      expect(workspace()).toMatchObject({
        retryAtMs: clock.nowMs + 3_000,
        retries: 0,
        vm: { step: 'booting' },
      })
      expect(outside.computers).toHaveLength(1)
    }))
  it('no more once the workspace is removed while it answers', () =>
    withAlarm({ workspace: coming() }, async ({ core, ring }) => {
      outside.orgoFault = () => {
        core.store.changeWorkspace((record) => void (record.status = 'removed'))
        return null
      }
      await ring()
      expect(calls().filter((call) => call === 'GET /workspaces')).toHaveLength(1)
      expect(outside.computers).toEqual([])
    }))
  it('by nobody before its time after a 429, with and without a time of its own', () =>
    withAlarm({ workspace: wanted() }, async ({ clock, ring, workspace, core, paceMs }) => {
      machine()
      fault(429, { error: 'slow down' }, { 'retry-after': '40' })
      await ring()
      expect(await paceMs()).toBeGreaterThan(35_000)
      expect(await paceMs()).toBeLessThanOrEqual(40_000)
      expect(workspace()).toMatchObject({ retries: 1, outageMs: 0, retryAtMs: clock.nowMs + 40_000 })
      outside.orgoFault = () => null
      outside.orgoCalls.length = 0
      core.store.changeWorkspace((record) => void (record.retryAtMs = null))
      await ring()
      expect(calls()).toEqual([])
      const { retryAtMs, retries } = workspace() ?? { retryAtMs: 0, retries: 0 }
      expect(retries).toBe(2)
      expect((retryAtMs ?? 0) - clock.nowMs).toBeGreaterThan(30_000)
      expect((retryAtMs ?? 0) - clock.nowMs).toBeLessThanOrEqual(40_000)
    }))
  it('after a 429 without a time again within seconds', () =>
    withAlarm({ workspace: wanted() }, async ({ ring, paceMs }) => {
      machine()
      fault(429)
      await ring()
      expect(await paceMs()).toBeGreaterThan(0)
      expect(await paceMs()).toBeLessThanOrEqual(1_000)
    }))
})

describe('the machine of a removed workspace', () => {
  const removed = wanted({ status: 'removed', deleteVm: true })
  it('is deleted, and forgotten', () =>
    withAlarm({ workspace: removed }, async ({ ring, workspace }) => {
      machine()
      await ring()
      expect(calls()).toEqual([`DELETE /computers/${ID}`])
      expect(workspace()).toMatchObject({ deleteVm: false, vm: { id: null, step: 'none' } })
    }))
  it('that was never made needs no call', () =>
    withAlarm({ workspace: { ...removed, vm: newVmRecord('v') } }, async ({ ring, workspace }) => {
      await ring()
      expect(calls()).toEqual([])
      expect(workspace()?.deleteVm).toBe(false)
    }))
  it('is tried again when Orgo fails', () =>
    withAlarm({ workspace: removed }, async ({ clock, ring, workspace }) => {
      fault(503)
      await ring()
      expect(workspace()).toMatchObject({ deleteVm: true, retries: 1, retryAtMs: clock.nowMs + 2_000 })
    }))
  it('that Orgo does not let go is given up, in words, and no plan is touched', () =>
    withAlarm(
      { workspace: { ...removed, vm: { ...newVmRecord('v'), id: ID } }, plans: [planRecord(A)] },
      async ({ ring, workspace, plan }) => {
        fault(401)
        await ring()
        expect(workspace()).toMatchObject({ status: 'removed', deleteVm: false, mendAtMs: null })
        expect(workspace()?.statusDetail).toMatch(
          /^Removed\. The VM could not be deleted: Orgo refused ORGO_API_KEY/,
        )
        expect(plan(A)).toMatchObject({ status: 'queued' })
      },
    ))
})

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
