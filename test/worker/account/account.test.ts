// The Account object over RPC, with its real storage: one create at a time, one pace, one budget.
import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, it, vi } from 'vitest'

let names = 0
const account = () => env.ACCOUNT.getByName(`account-${++names}`)
const NOV = Date.UTC(2026, 10, 30, 23, 59)
const DEC = Date.UTC(2026, 11, 1, 0, 1)

afterEach(() => {
  vi.useRealTimers()
})

describe('the right to create', () => {
  it('is held by one workspace at a time and passed on when released', async () => {
    const stub = account()
    const answers = await Promise.all(['a', 'b', 'c'].map((holder) => stub.acquireCreate(holder)))
    expect(answers.map(({ granted }) => granted)).toEqual([true, false, false])
    expect(answers[1]?.retryAfterMs).toBeGreaterThan(0)
    await stub.releaseCreate('b')
    expect(await stub.acquireCreate('c')).toMatchObject({ granted: false })
    await stub.releaseCreate('a')
    expect(await stub.acquireCreate('c')).toEqual({ granted: true, retryAfterMs: 0 })
  })

  it('may be asked for again by its holder, and expires after three minutes', async () => {
    const stub = account()
    await stub.acquireCreate('a')
    expect(await stub.acquireCreate('a')).toMatchObject({ granted: true })
    const tryAt = (ms: number) =>
      runInDurableObject(stub, (object) => {
        vi.useFakeTimers({ now: ms, toFake: ['Date'] })
        return object.acquireCreate('b').granted
      })
    const start = Date.now()
    expect(await tryAt(start + 2 * 60_000)).toBe(false)
    expect(await tryAt(start + 3 * 60_000 + 1_000)).toBe(true)
  })
})

describe('the pace after a 429', () => {
  it('is free at first, waits as long as Orgo says, and no shorter because of a second answer', async () => {
    const stub = account()
    expect(await stub.canCall()).toBe(0)
    await stub.noteRateLimit(30_000)
    await stub.noteRateLimit(1_000)
    expect(await stub.canCall()).toBeGreaterThan(25_000)
  })

  it('doubles from one second to sixty where Orgo names no time, and calms down', async () => {
    const waits = await runInDurableObject(account(), (object) => {
      let now = Date.UTC(2026, 10, 1)
      const waited: number[] = []
      const strike = () => {
        vi.useFakeTimers({ now, toFake: ['Date'] })
        object.noteRateLimit(null)
        waited.push(object.canCall())
        now += object.canCall()
      }
      for (let i = 0; i < 8; i++) strike()
      now += 10 * 60_000
      strike()
      return waited
    })
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 1_000])
  })
})

interface Asked {
  usedUsd?: number
  worstCaseUsd?: number
  nowMs?: number
  limitUsd?: number
}
const ask = (stub: ReturnType<typeof account>, workspace: string, asked: Asked) =>
  stub.grantMonth({ workspace, usedUsd: 0, worstCaseUsd: 0, nowMs: NOV, limitUsd: 10, ...asked })

describe('the monthly budget', () => {
  it('is crossed by one call at most, however many workspaces ask at once', async () => {
    const stub = account()
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => ask(stub, `w${index}`, { worstCaseUsd: 3 })),
    )
    expect(answers.filter(({ ok }) => ok)).toHaveLength(4)
    expect(await stub.grantedThisMonth(NOV)).toBeLessThan(10 + 3)
  })

  it('grants a little more than was asked for, never beyond the limit', async () => {
    const stub = account()
    expect(await ask(stub, 'a', { worstCaseUsd: 3 })).toEqual({ ok: true, grantedUsd: 3.05 })
    expect(await ask(stub, 'b', { worstCaseUsd: 6.94 })).toEqual({ ok: true, grantedUsd: 6.95 })
    expect(await ask(stub, 'c', { worstCaseUsd: 1 })).toEqual({ ok: false, grantedUsd: 0 })
    expect((await ask(account(), 'a', { worstCaseUsd: 3, limitUsd: 10_000 })).grantedUsd).toBe(4)
  })

  it('counts a workspace once, however often it asks, and a late question lowers nothing', async () => {
    const stub = account()
    await ask(stub, 'a', { usedUsd: 4, worstCaseUsd: 1 })
    await ask(stub, 'a', { usedUsd: 4, worstCaseUsd: 1 })
    const late = await ask(stub, 'a', { usedUsd: 1, worstCaseUsd: 1 })
    expect(await stub.grantedThisMonth(NOV)).toBeCloseTo(5.05, 6)
    // Told what it has, not what it asked for.
    expect(late.grantedUsd).toBe(await stub.grantedThisMonth(NOV))
  })

  it('takes back what a workspace does not need, and only from the grant that is meant', async () => {
    const stub = account()
    await ask(stub, 'a', { usedUsd: 9, worstCaseUsd: 1 })
    expect(await ask(stub, 'b', { worstCaseUsd: 1 })).toEqual({ ok: false, grantedUsd: 0 })
    const back = { workspace: 'a', month: '2026-11', toUsd: 2 }
    await stub.returnMonth({ ...back, fromUsd: 9 })
    expect(await stub.grantedThisMonth(NOV)).toBe(10)
    // The same need asked for again is another grant: what was sent before it and comes after it takes nothing.
    const { grantedUsd } = await ask(stub, 'a', { usedUsd: 9, worstCaseUsd: 1 })
    await stub.returnMonth({ ...back, fromUsd: 10 })
    expect(await stub.grantedThisMonth(NOV)).toBe(grantedUsd)
    await stub.returnMonth({ ...back, fromUsd: grantedUsd })
    expect(await stub.grantedThisMonth(NOV)).toBe(2)
    expect(await ask(stub, 'b', { worstCaseUsd: 1 })).toMatchObject({ ok: true })
  })

  it('begins anew with each UTC month', async () => {
    const stub = account()
    await ask(stub, 'a', { usedUsd: 9, worstCaseUsd: 1 })
    expect(await ask(stub, 'b', { worstCaseUsd: 1, nowMs: DEC })).toMatchObject({ ok: true })
    expect(await stub.grantedThisMonth(DEC)).toBeLessThan(2)
  })

  it('refuses a sum that is none', async () => {
    expect(await ask(account(), 'a', { worstCaseUsd: Number.NaN })).toEqual({ ok: false, grantedUsd: 0 })
  })
})
