// NOTIFY_URL: told once of each end and pause, signed, repeated a few times, never sent elsewhere.
import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { toHex, hmacSha256 } from '../../../src/lib/crypto.ts'
import { commit, createCore } from '../../../src/workspace/core/core.ts'
import type { Core } from '../../../src/workspace/core/core.ts'
import { cancel, fail, pause, reopen, start } from '../../../src/workspace/records/decisions.ts'
import { notifyKey, RETRY_AFTER_MS, sendNotifications } from '../../../src/workspace/outbox/notify.ts'
import { CANARIES } from '../setup/options.ts'
import { endOutside, objectOf, playOutside } from '../support/outside.ts'
import type { Outside } from '../support/outside.ts'
import { ready } from '../support/ready.ts'

const TARGET = 'https://notify.test/hook/CANARY-notify-0123456789'
let outside: Outside
let heard: Request[]
let bodies: string[]
let answer: () => Response | Promise<Response>
beforeEach(() => {
  outside = playOutside()
  heard = []
  bodies = []
  answer = () => new Response('ok')
  const known = vi.mocked(fetch).getMockImplementation()
  vi.mocked(fetch).mockImplementation(async (input, init) => {
    const request = new Request(input, init)
    if (new URL(request.url).host !== 'notify.test')
      return known?.(request) ?? Promise.reject(new Error('not played'))
    heard.push(request)
    // Read here: a body cannot leave the object that sent it.
    bodies.push(await request.clone().text())
    return answer()
  })
})
afterEach(endOutside)

/** The object with NOTIFY_URL set, and a plan in it. */
async function withPlan(
  name: string,
  act: (core: Core, planId: string) => Promise<void>,
  url = TARGET,
): Promise<void> {
  const { stub } = await ready(name, outside)
  const { plan } = await stub.submit(name, { plan: `Fix\u202e it ${CANARIES.ORGO_API_KEY}` })
  await runInDurableObject(await objectOf(name), async (_, state) => {
    await state.storage.deleteAlarm()
    const core = createCore(state, Object.assign(Object.create(null), env, { NOTIFY_URL: url }))
    await act(core, plan.id)
  })
}
const planOf = (core: Core, id: string) => {
  const plan = core.store.plan(id)
  if (plan === null) throw new Error('no plan')
  return plan
}

describe('a plan that pauses, fails or is cancelled', () => {
  it('is told of once each, signed, cleaned and without secrets', async () => {
    await withPlan('told', async (core, id) => {
      commit(core, start(planOf(core, id), 1, 2))
      commit(core, pause(planOf(core, id), 'question', 'Blue?', 2, `Blue?\u0007 ${CANARIES.OWNER_TOKEN}`))
      await sendNotifications(core)
      await sendNotifications(core)
      commit(core, reopen(planOf(core, id), 10, 'again'))
      commit(core, fail(planOf(core, id), 'broken', 3))
      commit(core, reopen(planOf(core, id), 10, 'again'))
      commit(core, cancel(planOf(core, id), 4))
      await sendNotifications(core)
      expect(core.store.nextNotificationMs()).toBeNull()
    })
    const told: { event: string; plan: { title: string; question: string } }[] = bodies.map((body) =>
      JSON.parse(body),
    )
    expect(told.map(({ event }) => event).toSorted()).toEqual([
      'plan.cancelled',
      'plan.failed',
      'plan.paused',
    ])
    expect(told[0]?.plan.question).toBe('Blue? [redacted: OWNER_TOKEN]')
    expect(told[0]?.plan.title).toBe('Fix  it [redacted: ORGO_API_KEY]')
    const key = await notifyKey(CANARIES.OWNER_TOKEN)
    const [first] = heard
    expect(first?.headers.get('x-runtime-signature-256')).toBe(
      `sha256=${toHex(await hmacSha256(key, bodies[0] ?? ''))}`,
    )
    expect(new Set(heard.map(({ headers }) => headers.get('x-runtime-delivery'))).size).toBe(3)
    expect([...(first?.headers.keys() ?? [])].toSorted()).toEqual([
      'content-type',
      'user-agent',
      'x-runtime-delivery',
      'x-runtime-signature-256',
    ])
  })

  it('is told of again under the same id when nobody took it, five times in all', async () => {
    answer = () => Promise.reject(new Error('connection refused'))
    const lines = vi.spyOn(console, 'log').mockImplementation(() => {})
    await withPlan('deaf', async (core, id) => {
      commit(core, cancel(planOf(core, id), 1))
      let now = Date.now()
      core.now = () => now
      const waits: number[] = []
      for (let due = core.store.nextNotificationMs(); due !== null; due = core.store.nextNotificationMs()) {
        waits.push(Math.max(0, due - now))
        now = Math.max(now, due)
        await sendNotifications(core)
      }
      expect(waits).toEqual([0, ...RETRY_AFTER_MS])
    })
    expect(heard).toHaveLength(5)
    expect(new Set(heard.map(({ headers }) => headers.get('x-runtime-delivery'))).size).toBe(1)
    const written = lines.mock.calls.flat().map(String).join('\n')
    expect(written).toContain('notify.given_up')
    expect(written).not.toContain('CANARY')
  })

  it('is told of at its own address only: a redirect is not followed', async () => {
    answer = () => new Response(null, { status: 307, headers: { location: 'https://elsewhere.test/' } })
    await withPlan('moved', async (core, id) => {
      commit(core, cancel(planOf(core, id), 1))
      await sendNotifications(core)
      expect(core.store.nextNotificationMs()).toBeGreaterThan(Date.now())
    })
    expect(heard.map(({ url, redirect }) => ({ url, redirect }))).toEqual([
      { url: TARGET, redirect: 'manual' },
    ])
  })

  it('leaves nothing to tell where NOTIFY_URL is not set, or unset meanwhile', async () => {
    await withPlan(
      'mute',
      async (core, id) => {
        commit(core, cancel(planOf(core, id), 1))
        expect(core.store.nextNotificationMs()).toBeNull()
        core.store.addNotification('x', '{}', 0)
        await sendNotifications(core)
        expect(core.store.nextNotificationMs()).toBeNull()
      },
      '',
    )
    expect(heard).toEqual([])
  })
})
