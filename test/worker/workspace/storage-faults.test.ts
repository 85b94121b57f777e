// D1 down, late or silent, and KV the same: what needs them says so in words, what does not goes on.
import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { createCore } from '../../../src/workspace/core/core.ts'
import { onAlarm } from '../../../src/workspace/reconcile.ts'
import { CANARIES } from '../setup/options.ts'
import { ask, authorizeUrl, connect, openBrowser, rpc } from '../support/oauth-client.ts'
import { endOutside, objectOf, playOutside } from '../support/outside.ts'
import { ready, settle } from '../support/ready.ts'

let clients = 0
beforeEach(() => void playOutside())
afterEach(async () => {
  vi.useRealTimers()
  await endOutside()
})

/** A binding each of whose calls does this; statements of D1 too. */
function broken(act: () => Promise<never>): object {
  const statement = { bind: () => statement, first: act, all: act, run: act }
  return {
    prepare: () => statement,
    batch: act,
    get: act,
    put: act,
    delete: act,
    list: act,
    getWithMetadata: act,
  }
}
const down = broken(() => Promise.reject(new Error('D1_ERROR: CANARY storage is overloaded')))
const silent = broken(() => new Promise<never>(() => {}))

/** The promise's value, with every time-out of the code at its end as soon as it is set. */
async function hurried<T>(promise: Promise<T>): Promise<T> {
  const state = { isOver: false }
  const done = promise.finally(() => void (state.isOver = true))
  done.catch(() => {})
  while (!state.isOver) await vi.advanceTimersByTimeAsync(5_000)
  return done
}
const fakeTimers = () => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })

const Result = z.object({
  result: z.object({ isError: z.boolean(), content: z.array(z.object({ text: z.string() })) }),
})
async function tool(name: string, args: object, changes: Record<string, unknown>) {
  const response = await rpc(CANARIES.OWNER_TOKEN, 'tools/call', { name, arguments: args }, { changes })
  const text = await response.text()
  expect(text).not.toContain('CANARY')
  return { status: response.status, text }
}
const refused = (text: string) => {
  const { result } = Result.parse(JSON.parse(text.replace(/^[\s\S]*?data: /, '')))
  return result.isError ? (result.content[0]?.text ?? '') : 'no refusal'
}

describe('D1', () => {
  it.each([
    ['down', down],
    ['silent', silent],
  ])('%s: lists are refused in words, register, submit, status and cancel need none', async (how, DB) => {
    const name = `d1-${how}`
    const { stub } = await ready(name, playOutside())
    if (DB === silent) fakeTimers()
    for (const list of ['workspace_list', 'plan_list'])
      expect(refused((await hurriedIf(DB === silent, tool(list, {}, { DB }))).text)).toContain(
        'history database (D1) did not answer',
      )
    vi.useRealTimers()
    const registered = await tool(
      'workspace_register',
      { name: `${name}-2`, git_remote: 'https://git.test/o/r' },
      { DB },
    )
    expect(registered.text).toContain('"status":"provisioning"')
    const { plan } = await stub.submit(name, { plan: 'x' })
    const submitted = await tool('plan_submit', { workspace_id: name, plan: 'y' }, { DB })
    expect(submitted.text).toContain('"status":"queued"')
    expect((await tool('plan_status', { plan_id: plan.id }, { DB })).text).toContain(plan.id)
    expect((await tool('plan_cancel', { plan_id: plan.id }, { DB })).text).toContain('"status":"cancelled"')
    await objectOf(`${name}-2`) // its alarm ends with the test
  })

  it('silent: the alarm does not wait for ever, starts plans before it, and tries again', async () => {
    const { stub } = await ready('d1-wait', playOutside())
    const { plan } = await stub.submit('d1-wait', { plan: 'x' })
    await runInDurableObject(await objectOf('d1-wait'), async (_, state) => {
      await state.storage.setAlarm(Date.now() + 60_000)
      fakeTimers()
      const core = createCore(state, Object.assign({ ...env }, { DB: silent }))
      await hurried(onAlarm(core))
      vi.useRealTimers()
      expect(core.store.plan(plan.id)?.status).toBe('running')
      expect(core.store.outboxIsEmpty()).toBe(false)
      expect(core.store.workspace()?.outboxRetries).toBe(1)
      expect((await state.storage.getAlarm()) ?? Infinity).toBeLessThan(Date.now() + 60_000)
    })
  })

  it('answering minutes late: its rows are there once, and the later state stays', async () => {
    const { stub } = await ready('d1-late', playOutside())
    const { plan } = await stub.submit('d1-late', { plan: 'x' })
    const late: (() => Promise<unknown>)[] = []
    const batch = (statements: D1PreparedStatement[]) => {
      late.push(() => env.DB.batch(statements))
      return new Promise<never>(() => {})
    }
    await runInDurableObject(await objectOf('d1-late'), async (_, state) => {
      await state.storage.setAlarm(Date.now() + 60_000)
      fakeTimers()
      const DB = { prepare: (query: string) => env.DB.prepare(query), batch }
      await hurried(onAlarm(createCore(state, Object.assign({ ...env }, { DB }))))
      vi.useRealTimers()
      createCore(state, env).store.changeWorkspace((workspace) => void (workspace.outboxRetryAtMs = null))
    })
    await stub.cancel(plan.id)
    await settle('d1-late')
    expect(late).toHaveLength(1)
    await late[0]?.()
    const { results } = await env.DB.prepare('SELECT seq FROM events WHERE plan = ? ORDER BY seq')
      .bind(plan.id)
      .all<{ seq: number }>()
    expect(results.map(({ seq }) => seq)).toEqual(results.map((_, n) => n + 1))
    const status = await env.DB.prepare('SELECT status FROM plans WHERE id = ?').bind(plan.id).first('status')
    expect(status).toBe('cancelled')
  })

  it('silent: doctor answers and names it', async () => {
    fakeTimers()
    const response = await hurried(
      ask('/doctor', { headers: { authorization: `Bearer ${CANARIES.OWNER_TOKEN}` } }, { DB: silent }),
    )
    expect(response.status).toBe(200)
    expect(await response.text()).toContain('The database of the history does not answer.')
  })
})

const hurriedIf = <T>(isHurried: boolean, promise: Promise<T>): Promise<T> =>
  isHurried ? hurried(promise) : promise

describe('KV', () => {
  it.each([
    ['down', down],
    ['silent', silent],
  ])('%s: the owner token works, an OAuth call is told to come again and keeps its token', async (_, kv) => {
    const browser = openBrowser(`kv-${clients++}`)
    await browser.signIn()
    const { clientId, tokens } = await connect(browser)
    const changes = { OAUTH_KV: kv }
    const list = (bearer: string, over = {}) => rpc(bearer, 'tools/list', {}, { changes: over })
    expect((await list(CANARIES.OWNER_TOKEN, changes)).status).toBe(200)
    if (kv === silent) fakeTimers()
    const told = await hurriedIf(kv === silent, list(tokens.access, changes))
    expect(told.status).toBe(503)
    expect(told.headers.get('retry-after')).toBe('30')
    expect(told.headers.get('www-authenticate')).toBeNull()
    const text = await told.text()
    expect(text).toContain('sign_in_unavailable')
    expect(text).not.toContain('CANARY')
    const form = new URLSearchParams({
      grant_type: 'refresh_token',
      client_id: clientId,
      refresh_token: tokens.refresh,
    })
    const refresh = await hurriedIf(
      kv === silent,
      ask('/oauth/token', { method: 'POST', body: form }, changes),
    )
    expect([refresh.status, refresh.headers.get('retry-after')]).toEqual([503, '30'])
    expect(await refresh.json()).toMatchObject({ error: 'temporarily_unavailable' })
    const registration = await hurriedIf(
      kv === silent,
      ask(
        '/oauth/register',
        {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ redirect_uris: ['https://client.test/callback'] }),
        },
        changes,
      ),
    )
    expect(registration.status).toBe(503)
    const lame = openBrowser(`kv-${clients++}`, changes)
    for (const [name, value] of browser.cookies) lame.cookies.set(name, value)
    const page = await hurriedIf(kv === silent, lame.get(await authorizeUrl(clientId)))
    expect(page.status).toBe(503)
    expect(await page.text()).toContain('Signing in does not work at the moment')
    vi.useRealTimers()
    // Nothing was lost by it.
    expect((await list(tokens.access)).status).toBe(200)
  })
})
