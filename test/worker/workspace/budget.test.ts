// The budget in the object: what is admitted, what is charged, and what a dead Worker leaves behind.
import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { ReturnMonthInput } from '../../../src/account/account.ts'
import { requireWorkspace } from '../../../src/workspace/core/core.ts'
import type { Core } from '../../../src/workspace/core/core.ts'
import { returnMonth } from '../../../src/workspace/leases/monthly-budget.ts'
import { expireLeases } from '../../../src/workspace/leases/leases.ts'
import { createCore } from '../../../src/workspace/core/core.ts'
import { STREAM_SILENT_MS } from '../../../src/workspace/core/next-wake.ts'
import { endOutside, objectOf, playOutside, workspaceStub } from '../support/outside.ts'
import type { Outside } from '../support/outside.ts'
import { planClaims, ready, settle } from '../support/ready.ts'

let outside: Outside
beforeEach(() => {
  outside = playOutside()
})
afterEach(async () => {
  vi.useRealTimers()
  await endOutside()
})

const TOKENS = { input: 1, output: 1, cacheRead: 0, cacheWrite: 0 }
const paid = (usd: number) => ({ kind: 'model' as const, usd, tokens: TOKENS })

async function running(name: string, budgetUsd: number) {
  const { stub, vm } = await ready(name, outside)
  const { plan } = await stub.submit(name, { plan: 'x', budgetUsd })
  await settle(name)
  await vm.sync()
  const claims = planClaims(name, plan.id)
  const authorize = (worstCaseUsd: number) => stub.authorize(claims, { kind: 'model', worstCaseUsd })
  const opened = async (worstCaseUsd: number) => {
    const right = await authorize(worstCaseUsd)
    if (!right.ok) throw new Error(right.reason)
    return right
  }
  const seen = async () => (await stub.planStatus(plan.id, { waitMs: 0, after: 0, limit: 50 })).plan
  return { stub, plan, claims, authorize, opened, seen }
}

describe('twenty parallel calls at 95 % of the budget', () => {
  it('are admitted until one may cross it, so that whatever they cost the budget is exceeded by one call at most', async () => {
    const { stub, opened, authorize, seen } = await running('parallel', 10)
    const first = await opened(9.5)
    await stub.settle(first.leaseId, paid(9.5))
    const rights = await Promise.all(Array.from({ length: 20 }, () => authorize(0.2)))
    const admitted = rights.flatMap((right) => (right.ok ? [right.leaseId] : []))
    expect(admitted).toHaveLength(3) // 9.5 + 0.2 + 0.2 is still below 10: the third crosses it
    expect(rights.filter((right) => !right.ok && right.reason === 'budget_exceeded')).not.toHaveLength(0)
    await Promise.all(admitted.map((leaseId) => stub.settle(leaseId, { kind: 'unknown' })))
    // Not 10.099999999999998, which these make.
    expect((await seen()).spentUsd).toBe(10.1)
    expect(await seen()).toMatchObject({ status: 'paused', pausedReason: 'budget' })
  })
})

describe('a model call whose Worker died', () => {
  const later = (name: string, ms: number) =>
    objectOf(name).then((object) =>
      runInDurableObject(object, async (_, state) => {
        // A core of its own: the object came back with an empty memory, as after a restart.
        const core = createCore(state, env)
        await expireLeases(core)
        vi.useFakeTimers({ now: Date.now() + ms, toFake: ['Date'] })
        await expireLeases(core)
        vi.useRealTimers()
      }),
    )

  it('is charged in full half a minute after it was last heard of, and not earlier', async () => {
    const { stub, opened, seen } = await running('died', 10)
    const right = await opened(3)
    await later('died', STREAM_SILENT_MS - 1_000)
    expect((await seen()).spentUsd).toBe(0)
    await later('died', STREAM_SILENT_MS)
    expect((await seen()).spentUsd).toBe(3)
    expect(await stub.leaseLives(right.leaseId)).toBe(false)
    await stub.settle(right.leaseId, paid(1)) // too late, and no discount
    expect((await seen()).spentUsd).toBe(3)
  })

  it('is charged the upper bound its stream had shown by then, and frees the rest before', async () => {
    const { stub, opened, authorize, seen } = await running('lowered', 10)
    const right = await opened(20)
    expect((await authorize(1)).ok).toBe(false)
    expect(await stub.leaseLives(right.leaseId, 0.5)).toBe(true)
    expect(await stub.leaseLives(right.leaseId, 7)).toBe(true) // never raised again
    await later('lowered', STREAM_SILENT_MS)
    expect((await seen()).spentUsd).toBe(0.5)
  })

  it('that is still asked about lives on', async () => {
    const { stub, opened } = await running('alive', 10)
    const right = await opened(3)
    await runInDurableObject(await objectOf('alive'), async (workspace) => {
      vi.useFakeTimers({ now: Date.now() + STREAM_SILENT_MS - 1_000, toFake: ['Date'] })
      await workspace.leaseLives(right.leaseId)
      vi.useFakeTimers({ now: Date.now() + STREAM_SILENT_MS - 1_000, toFake: ['Date'] })
      await workspace.alarm()
      vi.useRealTimers()
    })
    expect(await stub.leaseLives(right.leaseId)).toBe(true)
  })
})

describe('after a call that was never answered', () => {
  it('the gateway is told to probe first, until a call was answered again', async () => {
    const { stub, opened } = await running('silent', 10)
    const first = await opened(1)
    expect(first.probeFirst).toBeUndefined()
    await stub.settle(first.leaseId, { kind: 'unknown' })
    const second = await opened(1)
    expect(second.probeFirst).toBe(true)
    await stub.settle(second.leaseId, { kind: 'refused_upstream', detail: 'not sent' })
    const third = await opened(1)
    expect(third.probeFirst).toBe(true)
    await stub.settle(third.leaseId, paid(0.1))
    expect((await opened(1)).probeFirst).toBeUndefined()
  })
})

describe('the monthly budget', () => {
  const noGrants = () =>
    runInDurableObject(env.ACCOUNT.getByName('account'), (_, state) =>
      state.storage.sql.exec('DELETE FROM month_grants'),
    )

  it('is asked for once for many calls, and what was not needed is given back when nothing runs any more', async () => {
    const { stub, plan, opened } = await running('ahead', 100)
    const granted = () =>
      runInDurableObject(
        env.ACCOUNT.getByName('account'),
        (_, state) =>
          state.storage.sql
            .exec<{ usd: number }>("SELECT usd FROM month_grants WHERE workspace = 'ahead'")
            .toArray()[0]?.usd,
      )
    const call = async (usd: number) => {
      const right = await opened(0.3)
      const meanwhile = await granted()
      await stub.settle(right.leaseId, paid(usd))
      return meanwhile
    }
    const grants = [await call(0.1), await call(0.1), await call(0.1), await call(0.9), await call(0.2)]
    expect(grants).toEqual([1.3, 1.3, 1.3, 1.3, 2.5])
    await stub.cancel(plan.id)
    await settle('ahead')
    expect(await granted()).toBeCloseTo(1.4, 9)
  })

  it('is given up here before the Account is told, and told again when the answer was lost', async () => {
    const { stub, plan, opened } = await running('given-back', 100)
    const right = await opened(0.3)
    await stub.settle(right.leaseId, paid(0.1))
    const told: { fromUsd: number; grantedHereUsd: number }[] = []
    const object = await objectOf('given-back')
    await runInDurableObject(object, async (_, state) => {
      const real = env.ACCOUNT.getByName('account')
      const lossy = {
        async returnMonth(input: ReturnMonthInput) {
          const { grantedUsd } = requireWorkspace(core).month
          told.push({ fromUsd: input.fromUsd, grantedHereUsd: grantedUsd })
          await real.returnMonth(input)
          if (told.length === 1) throw new Error('the answer is lost')
        },
      }
      // Only the one call is made of it.
      const account = { getByName: () => lossy } as unknown as Env['ACCOUNT']
      const core: Core = createCore(state, { ...env, ACCOUNT: account })
      const open = core.store.plan(plan.id)
      if (open !== null) core.store.savePlan({ ...open, status: 'paused' })
      await expect(returnMonth(core)).rejects.toThrow('lost')
      await returnMonth(core)
      await returnMonth(core) // nothing is left to return
    })
    expect(told).toEqual([
      { fromUsd: 1.3, grantedHereUsd: 0.1 },
      { fromUsd: 1.3, grantedHereUsd: 0.1 },
    ])
  })

  it('has room for no more than one call beyond it, also for calls that ask at the same moment', async () => {
    const { authorize } = await running('at-once', 1_000)
    await noGrants()
    await env.ACCOUNT.getByName('account').grantMonth({
      workspace: 'somebody',
      usedUsd: 190,
      worstCaseUsd: 0,
      nowMs: Date.now(),
      limitUsd: 200,
    })
    const rights = await Promise.all(Array.from({ length: 10 }, () => authorize(4)))
    expect(rights.filter(({ ok }) => ok)).toHaveLength(3) // 191 + 4 + 4 is still below 200: the third crosses it
    await noGrants()
  })

  it('pauses a plan of any workspace by its own name, and what was spent elsewhere counts', async () => {
    const one = await running('month-one', 1_000)
    const two = await running('month-two', 1_000)
    const right = await one.opened(1)
    await one.stub.settle(right.leaseId, paid(500)) // MONTHLY_BUDGET_USD is 200
    expect(await two.authorize(1)).toMatchObject({ ok: false, reason: 'monthly_budget_exceeded' })
    expect(await two.seen()).toMatchObject({ status: 'paused', pausedReason: 'monthly_budget' })
    // Asked again by a process that did not stop: the same words, so that it pauses for the same reason.
    expect(await two.authorize(1)).toMatchObject({ ok: false, reason: 'monthly_budget_exceeded' })
    await noGrants()
    expect((await (await workspaceStub('month-two')).snapshot('month-two')).status).toBe('ready')
  })
})
