// The way to D1 at its limits: what is long does not stand in the way of what comes after it.
import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createCore } from '../../../src/workspace/core/core.ts'
import { drainOutbox } from '../../../src/workspace/outbox/drain-outbox.ts'
import { endOutside, objectOf, playOutside } from '../support/outside.ts'
import type { Outside } from '../support/outside.ts'
import { ready, settle, work } from '../support/ready.ts'

let outside: Outside
beforeEach(() => {
  outside = playOutside()
})
afterEach(endOutside)

/** Refuses what D1 refuses: a string of more than 2,000,000 bytes. */
function strict(db: D1Database, sent: number[]): D1Database {
  const prepare = (query: string) => ({
    bind: (text: string) => {
      const bytes = new TextEncoder().encode(text).byteLength
      sent.push(bytes)
      if (bytes > 2_000_000) throw new Error('D1_ERROR: string or blob too big: SQLITE_TOOBIG')
      return db.prepare(query).bind(text)
    },
  })
  return Object.assign(Object.create(db), { prepare, batch: (all: D1PreparedStatement[]) => db.batch(all) })
}

describe('the outbox', { timeout: 30_000 }, () => {
  it('tells D1 of long lines and long plans in as many batches as it takes', async () => {
    const { stub } = await ready('long', outside)
    const ids: string[] = []
    for (let n = 0; n < 3; n++) ids.push((await stub.submit('long', { plan: `plan ${n}` })).plan.id)
    await settle('long')
    const sent: number[] = []
    await runInDurableObject(await objectOf('long'), async (_, state) => {
      const core = createCore(state, { ...env, DB: strict(env.DB, sent) })
      for (const id of ids) {
        const lines = Array.from({ length: 100 }, (_line, index) => ({
          n: index + 1,
          atMs: 1,
          type: 'say',
          text: '漢'.repeat(500),
          data: { long: 'x'.repeat(index === 50 ? 3_000_000 : 15_000) },
        }))
        core.store.takeVmEvents(id, 1, lines, 1)
        const plan = core.store.plan(id)
        const check = { command: '漢'.repeat(2_000), exitCode: 0, seconds: 1, newFailure: false }
        if (plan !== null)
          core.store.savePlan({ ...plan, ...work, checks: Array.from({ length: 50 }, () => check) })
      }
      for (let alarm = 0; alarm < 3; alarm++) await drainOutbox(core)
      expect(core.store.outboxIsEmpty()).toBe(true)
      expect(core.store.workspace()?.outboxRetries).toBe(0)
      const { results } = await env.DB.prepare('SELECT plan, COUNT(*) AS n FROM events GROUP BY plan').all()
      for (const id of ids) expect(results).toContainEqual({ plan: id, n: core.store.newestEvent(id) })
    })
    expect(Math.max(...sent)).toBeGreaterThan(400_000)
    const { events } = await stub.planStatus(ids[0] ?? '', { waitMs: 0, after: 0, limit: 200 })
    const line = (n: number) => events.find(({ data }) => data?.['n'] === n)?.data
    expect(line(50)).toMatchObject({ long: expect.stringMatching(/^x{15000}$/) })
    expect(line(51)).toEqual({ data_left_out: '3000011 characters', attempt: 1, n: 51 })
  })
})
