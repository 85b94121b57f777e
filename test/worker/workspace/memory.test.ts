// What the object keeps in memory between writes, and what is left of it when the object is gone: nothing lost, nothing taken twice.
import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createCore } from '../../../src/workspace/core/core.ts'
import { LINES_WAIT_MS } from '../../../src/workspace/store/outbox-rows.ts'
import { nextWakeMs } from '../../../src/workspace/core/next-wake.ts'
import { vmSync } from '../../../src/workspace/machine/sync.ts'
import type { SyncRequest } from '../../../src/shared/protocol.ts'
import { endOutside, objectOf, playOutside } from '../support/outside.ts'
import type { Outside } from '../support/outside.ts'
import { ready, settle } from '../support/ready.ts'

let outside: Outside
beforeEach(() => {
  outside = playOutside()
})
afterEach(async () => {
  vi.useRealTimers()
  await endOutside()
})

const line = (n: number, data: Record<string, string | number> = {}) => ({
  n,
  atMs: 1,
  type: 'step',
  text: `${n}`,
  data,
})

describe("the lines of a plan's attempt", () => {
  const withPlan = async (name: string) => {
    const { stub } = await ready(name, outside)
    const { plan } = await stub.submit(name, { plan: 'x' })
    return { object: await objectOf(name), id: plan.id }
  }

  it('are taken once, also by an object that has just come up', async () => {
    const { object, id } = await withPlan('lines')
    const kept = await runInDurableObject(object, (_, state) => {
      const taken = [line(1), line(2), line(3)]
      const counts = [0, 1, 2].map(() => {
        const { store } = createCore(state, env)
        expect(store.takeVmEvents(id, 1, taken, Date.now())).toBe(3)
        expect(store.takeVmEvents(id, 2, taken.slice(0, 2), Date.now())).toBe(2)
        expect([store.lastVmEvent(id, 1), store.lastVmEvent(id, 2), store.lastVmEvent(id, 3)]).toEqual([
          3, 2, 0,
        ])
        return store.events(id, 0, 1_000).filter(({ type }) => type === 'step').length
      })
      return counts
    })
    expect(kept).toEqual([5, 5, 5])
  })

  it('cannot be told to be others than they are by the data they carry', async () => {
    const { object, id } = await withPlan('forged')
    const data = await runInDurableObject(object, (_, state) => {
      const { store } = createCore(state, env)
      store.takeVmEvents(id, 1, [line(1, { attempt: 9, n: 77, seen: 'yes' })], Date.now())
      return store.events(id, 0, 1_000).find(({ type }) => type === 'step')?.data
    })
    expect(data).toEqual({ attempt: 1, n: 1, seen: 'yes' })
  })

  it('past the cap are counted and not kept, also by an object that has just come up', async () => {
    const { object, id } = await withPlan('capped')
    const kept = await runInDurableObject(object, (_, state) => {
      const lines = Array.from({ length: 1_010 }, (_line, index) => line(index + 1))
      createCore(state, env).store.takeVmEvents(id, 1, lines, Date.now())
      const { store } = createCore(state, env)
      expect(store.takeVmEvents(id, 1, [...lines, line(1_011)], Date.now())).toBe(1_011)
      const types = store.events(id, 0, 10_000).map(({ type }) => type)
      return [
        types.filter((type) => type === 'step').length,
        types.filter((type) => type === 'events_dropped').length,
      ]
    })
    expect(kept).toEqual([1_000, 1])
  })
})

describe('signs of life', () => {
  it('cost no row between two that are kept, and a new object rings at most once more for what it has not heard', async () => {
    const { vm } = await ready('quiet', outside)
    const nonce = vm.heard()
    await runInDurableObject(await objectOf('quiet'), async (_, state) => {
      let counter = 10
      let now = Date.now()
      const claims = { kind: 'vm' as const, workspace: 'quiet', generation: 2 }
      const core = createCore(state, env)
      const row = () => state.storage.sql.exec('SELECT record FROM workspace').one()['record']
      const sync = (over: Partial<SyncRequest> = {}) => {
        now += 5_000
        vi.useFakeTimers({ now, toFake: ['Date'] })
        const request = {
          protocol: 1,
          nonce,
          bootId: 'boot-1',
          counter: ++counter,
          agentSha256: 'x',
          ...over,
        }
        return vmSync(
          core,
          claims,
          { canAddUsers: true, revision: 1, plans: [], wantTexts: [], adopted: [], ...request },
          'x',
        )
      }
      await sync()
      const before = row()
      for (let n = 0; n < 10; n++) expect(await sync()).toMatchObject({ ok: true })
      expect(row()).toBe(before)
      await sync({ freeDiskMb: 77 })
      expect(row()).not.toBe(before)
      expect(row()).toContain('"freeDiskMb":77')
      // Heard in memory: a counter that does not grow is a clone's.
      expect(await sync({ counter: 12 })).toMatchObject({ ok: false, reason: 'stale_nonce' })
      const heardAtMs = core.store.workspace()?.supervisor.lastHeardAtMs ?? 0
      const reborn = createCore(state, env)
      expect(heardAtMs - (reborn.store.workspace()?.supervisor.lastHeardAtMs ?? 0)).toBeLessThan(60_000)
      expect(nextWakeMs(reborn.store, now)).not.toBe(Infinity)
    })
  })
})

describe('what a running plan spends', () => {
  it('is in D1 with its next line, and at once when it is over', async () => {
    const { stub, vm } = await ready('spends', outside)
    const { plan } = await stub.submit('spends', { plan: 'x' })
    await settle('spends')
    await vm.sync()
    await settle('spends')
    const there = async () => {
      const found = await env.DB.prepare('SELECT snapshot FROM plans WHERE id = ?')
        .bind(plan.id)
        .first<string>('snapshot')
      const snapshot: { spentUsd: number } = JSON.parse(found ?? '{}')
      return snapshot.spentUsd
    }
    const claims = {
      kind: 'plan' as const,
      workspace: 'spends',
      plan: plan.id,
      attempt: 1,
      expiresAtMs: Date.now() + 1e6,
    }
    const right = await stub.authorize(claims, { kind: 'model', worstCaseUsd: 1 })
    if (!right.ok) throw new Error(right.reason)
    const tokens = { input: 1, output: 1, cacheRead: 0, cacheWrite: 0 }
    await stub.settle(right.leaseId, { kind: 'model', usd: 0.5, tokens })
    await settle('spends')
    expect(await there()).toBe(0)
    await vm.sync({
      plans: [
        { id: plan.id, attempt: 1, status: 'running', activity: 1, messagesTaken: 0, events: [line(1)] },
      ],
    })
    await runInDurableObject(await objectOf('spends'), (workspace) => {
      vi.useFakeTimers({ now: Date.now() + LINES_WAIT_MS, toFake: ['Date'] })
      return workspace.alarm()
    })
    vi.useRealTimers()
    expect(await there()).toBe(0.5)
    const second = await stub.authorize(claims, { kind: 'model', worstCaseUsd: 1 })
    if (!second.ok) throw new Error(second.reason)
    await stub.cancel(plan.id)
    await stub.settle(second.leaseId, { kind: 'unknown' })
    await settle('spends')
    expect(await there()).toBe(1.5)
  })
})
