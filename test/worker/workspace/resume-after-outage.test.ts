// A plan paused because its machine could not be had goes on by itself once it can; whoever mended the key has nothing more to do.
import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createStore } from '../../../src/workspace/store/store.ts'
import type { PlanRecord, WorkspaceRecord } from '../../../src/workspace/records/records.ts'
import { endOutside, objectOf, playOutside } from '../support/outside.ts'
import type { Outside } from '../support/outside.ts'
import { ready, REMOTE, settle } from '../support/ready.ts'

const HOUR_MS = 3_600_000
let outside: Outside
beforeEach(() => {
  outside = playOutside()
})
afterEach(endOutside)

const refuseKey = () =>
  (outside.orgoFault = () => Response.json({ error: 'Invalid API key' }, { status: 401 }))

/** Changes what is kept, then rings. */
async function ring(
  name: string,
  change: (workspace: WorkspaceRecord) => void,
  changePlan: (plan: PlanRecord) => void = () => {},
): Promise<void> {
  const object = await objectOf(name)
  await runInDurableObject(object, async (_, state) => {
    const store = createStore(state.storage.sql)
    for (const plan of store.watchedPlans()) {
      changePlan(plan)
      store.savePlan(plan)
    }
    store.changeWorkspace(change)
    await state.storage.setAlarm(Date.now() + 60_000)
  })
  await runDurableObjectAlarm(object)
}
/** As if the time for it had come, and the last ring were long ago. */
const lookNow = (name: string) =>
  ring(name, (workspace) => {
    Object.assign(workspace, { mendAtMs: 0, retryAtMs: null })
    workspace.supervisor.lastRingAtMs = 0
  })

async function kept(name: string): Promise<{ workspace: WorkspaceRecord | null; alarmMs: number | null }> {
  return runInDurableObject(await objectOf(name), async (_, state) => ({
    workspace: createStore(state.storage.sql).workspace(),
    alarmMs: await state.storage.getAlarm(),
  }))
}

describe('a key that Orgo refuses', () => {
  it('pauses the plan, is looked at more and more seldom, and once it is mended the plan goes on', async () => {
    const { stub, vm } = await ready('mend', outside)
    refuseKey()
    const { plan } = await stub.submit('mend', { plan: 'x' })
    await settle('mend')
    const status = async () => (await stub.planStatus(plan.id, { waitMs: 0, after: 0, limit: 50 })).plan
    expect(await status()).toMatchObject({ status: 'paused', pausedReason: 'orgo_refused', attempt: 1 })
    expect(await stub.snapshot('mend')).toMatchObject({ status: 'error' })

    const gaps: number[] = []
    for (let look = 0; look < 4; look++) {
      outside.orgoCalls.length = 0
      await lookNow('mend')
      await settle('mend')
      expect(await status()).toMatchObject({ status: 'paused' })
      const { workspace, alarmMs } = await kept('mend')
      gaps.push(Math.round(((workspace?.mendAtMs ?? 0) - Date.now()) / 60_000))
      expect(alarmMs).toBeLessThanOrEqual(workspace?.mendAtMs ?? 0)
      expect(outside.orgoCalls.length).toBeLessThan(4)
    }
    expect(gaps).toEqual([20, 40, 80, 160])

    outside.orgoFault = () => null
    await lookNow('mend')
    await settle('mend')
    await vm.sync()
    await settle('mend')
    expect(await status()).toMatchObject({ status: 'running', attempt: 2, pausedReason: null })
    const { events } = await stub.planStatus(plan.id, { waitMs: 0, after: 0, limit: 50 })
    expect(events.map(({ text }) => text)).toContain(
      'The VM is available again: the plan continues by itself.',
    )
  })

  it('is tried again by a new registration, also when no plan waits', async () => {
    const { stub, vm } = await ready('anew', outside)
    const { plan } = await stub.submit('anew', { plan: 'x' })
    refuseKey()
    await settle('anew')
    await stub.cancel(plan.id)
    expect(await stub.snapshot('anew')).toMatchObject({ status: 'error' })
    outside.orgoFault = () => null
    outside.orgoCalls.length = 0
    await stub.register({ name: 'anew', gitRemote: REMOTE })
    await ring('anew', (workspace) => void (workspace.supervisor.lastRingAtMs = 0))
    expect(outside.orgoCalls.map(({ command }) => command)).toContainEqual(
      expect.stringContaining('doorbell'),
    )
    await vm.sync()
    expect(await stub.snapshot('anew')).toMatchObject({ status: 'ready' })
  })

  it('is not asked about while the machine itself goes on being heard and the key stays refused', async () => {
    const { stub, vm } = await ready('heard-on', outside)
    const { plan } = await stub.submit('heard-on', { plan: 'x' })
    await settle('heard-on')
    await vm.sync()
    refuseKey()
    await stub.message(plan.id, 'Mind the gap.')
    await ring('heard-on', (workspace) => void (workspace.supervisor.lastRingAtMs = 0))
    expect(await stub.snapshot('heard-on')).toMatchObject({ status: 'error' })
    outside.orgoCalls.length = 0
    for (let sync = 0; sync < 5; sync++) {
      await vm.sync()
      await settle('heard-on')
    }
    const { plan: seen } = await stub.planStatus(plan.id, { waitMs: 0, after: 0, limit: 50 })
    expect(seen).toMatchObject({ status: 'paused', attempt: 1 })
    expect(outside.orgoCalls.length).toBeLessThan(4)
  })
})

it('a machine unheard for two hours pauses its plan, which goes on by itself when Orgo has it', async () => {
  const { stub, vm } = await ready('unheard', outside)
  const { plan } = await stub.submit('unheard', { plan: 'x' })
  await settle('unheard')
  await vm.sync()
  const longAgo = Date.now() - 3 * HOUR_MS
  outside.orgoFault = () => Response.json({ error: 'x' }, { status: 503 })
  await ring(
    'unheard',
    (workspace) => void (workspace.supervisor.lastHeardAtMs = longAgo),
    (one) => void (one.attemptStartedAtMs = longAgo),
  )
  const status = async () => (await stub.planStatus(plan.id, { waitMs: 0, after: 0, limit: 50 })).plan
  expect(await status()).toMatchObject({ status: 'paused', pausedReason: 'vm_unavailable' })
  await lookNow('unheard')
  expect(await status()).toMatchObject({ status: 'paused' })
  outside.orgoFault = () => null
  await lookNow('unheard')
  await settle('unheard')
  expect(await status()).toMatchObject({ status: 'running', attempt: 2 })
})

it('a plan that waits for a person is left to that person, and nobody is woken for it', async () => {
  const { stub, vm } = await ready('asked', outside)
  const { plan } = await stub.submit('asked', { plan: 'x' })
  await settle('asked')
  await vm.sync()
  await ring(
    'asked',
    () => {},
    (one) =>
      Object.assign(one, { status: 'paused', pausedReason: 'question', pausedAtMs: Date.now(), onVm: false }),
  )
  outside.orgoCalls.length = 0
  await lookNow('asked')
  await settle('asked')
  const { plan: seen } = await stub.planStatus(plan.id, { waitMs: 0, after: 0, limit: 50 })
  expect(seen).toMatchObject({ status: 'paused', pausedReason: 'question', attempt: 1 })
  expect(outside.orgoCalls).toEqual([])
  // Its 30 days, and nothing sooner.
  expect((await kept('asked')).alarmMs).toBeGreaterThan(Date.now() + 29 * 24 * HOUR_MS)
})
