// The Account object over RPC, with its real storage: one create at a time, one pace, one budget.
import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, it, vi } from 'vitest'

let names = 0
const account = () => env.ACCOUNT.getByName(`account-${++names}`)
const NOV = Date.UTC(2026, 10, 30, 23, 59)
const DEC = Date.UTC(2026, 11, 1, 0, 1)
const DAY_MS = 24 * 60 * 60_000

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

const reserve = (stub: ReturnType<typeof account>, leaseId: string, worstCaseUsd: number, nowMs = NOV) =>
  stub.reserve({ leaseId, worstCaseUsd, nowMs, limitUsd: 10 })

describe('the monthly budget', () => {
  it('counts an open call at its worst case, so that calls in parallel cross it by one at most', async () => {
    const stub = account()
    const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => reserve(stub, `l${index}`, 3)))
    expect(answers.filter(({ ok }) => ok)).toHaveLength(4)
  })

  it('gives the difference back when a call is settled, once', async () => {
    const stub = account()
    await reserve(stub, 'a', 10)
    expect(await reserve(stub, 'b', 1)).toEqual({ ok: false })
    await stub.settle('a', 0.5)
    await stub.settle('a', 0.5)
    await stub.settle('never-reserved', 5)
    expect(await stub.spentThisMonth(NOV)).toBe(0.5)
    expect(await reserve(stub, 'b', 1)).toEqual({ ok: true })
  })

  it('books a call in the UTC month it began in', async () => {
    const stub = account()
    await reserve(stub, 'a', 10)
    expect(await reserve(stub, 'b', 1, DEC)).toEqual({ ok: true })
    await stub.settle('a', 9)
    expect([await stub.spentThisMonth(NOV), await stub.spentThisMonth(DEC)]).toEqual([9, 0])
  })

  it('charges a call that is never settled in full, and what settles later changes nothing', async () => {
    const stub = account()
    await reserve(stub, 'a', 4, NOV - 2 * DAY_MS)
    expect(await stub.spentThisMonth(NOV)).toBe(4)
    await stub.settle('a', 0)
    expect(await stub.spentThisMonth(NOV)).toBe(4)
  })

  it('takes a nonsense sum for the worst case', async () => {
    const stub = account()
    for (const [lease, usd] of [
      ['a', Number.NaN],
      ['b', -5],
    ] as const) {
      await reserve(stub, lease, 2)
      await stub.settle(lease, usd)
    }
    expect(await stub.spentThisMonth(NOV)).toBe(4)
  })
})
