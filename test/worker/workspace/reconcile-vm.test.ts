// When the alarm calls Orgo, how far it climbs in one go, and what becomes of the machine of a removed workspace.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { newSupervisorRecord, newVmRecord } from '../../../src/workspace/records/new-records.ts'
import { CANARIES } from '../setup/options.ts'
import { endOutside, playOutside } from '../support/outside.ts'
import type { Outside } from '../support/outside.ts'
import { coming, MACHINE_ID as ID, runningPlan, wanted, withAlarm } from '../support/own-alarm.ts'
import type { OwnAlarm } from '../support/own-alarm.ts'
import { planRecord } from '../support/own-store.ts'

const A = '00000000-0000-8000-8000-00000000000a'
const HOUR = 3_600_000
const DAY = 24 * HOUR
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
describe('Orgo is called', () => {
  it('not at all when nothing is needed, nor is the Account', () =>
    withAlarm({}, async ({ bindings, ring }) => {
      const asked = vi.fn<() => void>()
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
        (record) => void (record.supervisor.lastHeardAtMs = clock.nowMs - 30_000 + 1),
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
      // The next bell is due.
      clock.nowMs += 2_000
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
  const removed = wanted({ status: 'removed' })
  const leftover = (dueAtMs: number, untilMs: number) => ({
    name: 'v',
    id: ID,
    orgoWorkspaceId: null,
    dueAtMs,
    untilMs,
  })
  /** As workspace_remove leaves it: to be deleted, due at once. */
  const leave = ({ core, clock }: OwnAlarm, untilMs = clock.nowMs + 30 * DAY) =>
    core.store.changeWorkspace((record) => (record.leftovers = [leftover(clock.nowMs, untilMs)]))
  it('is deleted, and forgotten', () =>
    withAlarm({ workspace: removed }, async (own) => {
      const { ring, workspace } = own
      leave(own)
      machine()
      await ring()
      expect(calls()).toEqual([`DELETE /computers/${ID}`])
      expect(workspace()).toMatchObject({
        leftovers: [],
        statusDetail: 'Removed.',
        vm: { id: null, url: null, status: 'deleted', step: 'none' },
      })
    }))
  it('is tried again in 30 s when Orgo fails, and the owner is told', () =>
    withAlarm({ workspace: removed }, async (own) => {
      const { armed, clock, ring, workspace } = own
      leave(own)
      fault(503)
      await ring()
      expect(workspace()).toMatchObject({ retries: 0, retryAtMs: null, vm: { id: ID } })
      expect(workspace()?.leftovers).toEqual([leftover(clock.nowMs + 30_000, clock.nowMs + 30 * DAY)])
      expect(workspace()?.statusDetail).toBe(
        'Removed. Its VM could not be deleted yet: Deleting the computer failed (503); whether it happened is not known.',
      )
      expect(armed.at(-1)).toBe(clock.nowMs + 30_000)
    }))
  it('that Orgo does not let go is said in words, not given up, and no plan is touched', () =>
    withAlarm(
      { workspace: { ...removed, vm: { ...newVmRecord('v'), id: ID } }, plans: [planRecord(A)] },
      async (own) => {
        const { clock, ring, workspace, plan } = own
        leave(own)
        fault(401)
        await ring()
        expect(workspace()).toMatchObject({ status: 'removed', mendAtMs: null })
        expect(workspace()?.leftovers).toEqual([leftover(clock.nowMs + 30_000, clock.nowMs + 30 * DAY)])
        expect(workspace()?.statusDetail).toMatch(
          /^Removed\. Its VM could not be deleted yet: Orgo refused ORGO_API_KEY/,
        )
        expect(plan(A)).toEqual(planRecord(A))
      },
    ))
  it.each([
    ['every 30 s for an hour', HOUR, 30_000],
    ['every hour after that', HOUR + 1, HOUR],
  ])('is tried %s', (_, ageMs, nextInMs) =>
    withAlarm({ workspace: removed }, async (own) => {
      const { clock, ring, workspace } = own
      const untilMs = clock.nowMs - ageMs + 30 * DAY
      leave(own, untilMs)
      fault(503)
      await ring()
      expect(workspace()?.leftovers).toEqual([leftover(clock.nowMs + nextInMs, untilMs)])
    }),
  )
  it('is given up after 30 days', () =>
    withAlarm({ workspace: removed }, async (own) => {
      const { armed, clock, ring, workspace } = own
      leave(own, clock.nowMs)
      fault(503)
      await ring()
      expect(workspace()).toMatchObject({ leftovers: [], vm: { id: ID } })
      expect(armed.at(-1)).toBeNull()
    }))
})
