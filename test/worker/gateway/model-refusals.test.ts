// The model gateway: what is refused and how it is said, and the calls that cost nothing.
import { beforeEach, describe, expect, it } from 'vitest'
import { createFake, PLAN, VM } from '../support/gateway-fake.ts'
import { CANARIES } from '../setup/options.ts'

let fake: ReturnType<typeof createFake>
beforeEach(() => {
  fake = createFake()
})

const BODY = {
  model: 'claude-sonnet-5-5',
  max_tokens: 1_000,
  stream: true,
  messages: [{ role: 'user', content: 'hi' }],
}
const call = (body: object | string = BODY, headers: Record<string, string> = {}) =>
  fake.call('/vm/model/v1/messages', PLAN, {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
    headers: { 'anthropic-version': '2026-10-21', ...headers },
  })
const errorOf = async (response: Response) =>
  (await response.json<{ type: string; error: { type: string; message: string; details?: object } }>()).error

describe('a refusal', () => {
  it.each([
    ['budget_exceeded', 402, 'budget_exceeded'],
    ['monthly_budget_exceeded', 402, 'monthly_budget_exceeded'],
    ['plan_cancelled', 401, 'token_revoked'],
    ['attempt_superseded', 401, 'token_revoked'],
    ['plan_paused', 401, 'token_revoked'],
    ['workspace_removed', 410, 'token_revoked'],
  ] as const)('for %s is a %i the SDK does not repeat', async (reason, status, type) => {
    fake.denied = reason
    const response = await call()
    expect(response.status).toBe(status)
    expect(response.headers.get('x-should-retry')).toBe('false')
    expect((await errorOf(response)).type).toBe(type)
    expect(fake.sent).toEqual([])
  })

  it('of a field, a beta or a thread names it, and nothing is reserved or sent', async () => {
    expect((await errorOf(await call({ ...BODY, container: 'x' }))).message).toContain('container')
    const beta = await call(BODY, { 'anthropic-beta': 'files-api-2025-04-14' })
    expect((await errorOf(beta)).message).toContain('files-api-2025-04-14')
    const thread = await call({ ...BODY, thread: { type: 'create' } })
    expect(thread.status).toBe(400)
    expect((await errorOf(thread)).details).toEqual({ error_code: 'thread_unsupported_request' })
    expect([fake.intents, fake.sent]).toEqual([[], []])
  })

  it('meets other tokens, routes and too large a body', async () => {
    expect((await fake.call('/vm/model/v1/messages', VM, { method: 'POST', body: '{}' })).status).toBe(403)
    for (const path of [
      '/vm/model/v1/files',
      '/vm/model/v1/messages/batches',
      '/vm/model/v1/models/../files',
    ])
      expect((await fake.call(path, PLAN, { method: 'GET' })).status).toBe(404)
    expect((await call(`"${'x'.repeat(20_000_000)}"`)).status).toBe(413)
    expect(fake.sent).toEqual([])
  })

  it.each([
    [529, 'overloaded_error', 529, 'overloaded_error'],
    [429, 'rate_limit_error', 429, 'rate_limit_error'],
    [401, 'authentication_error', 401, 'authentication_error'],
    [400, 'made_up_error', 400, 'api_error'],
    [302, 'api_error', 502, 'api_error'],
    [418, 'api_error', 502, 'api_error'],
  ])(
    'of the upstream (%i %s) comes back as %i %s in our words, and costs nothing',
    async (status, type, ours, ourType) => {
      fake.upstream = async () =>
        Response.json(
          { type: 'error', error: { type, message: `key ${CANARIES.ANTHROPIC_API_KEY}` } },
          { status, headers: { 'retry-after': '7', location: 'https://elsewhere.test/' } },
        )
      const response = await call()
      expect([response.status, response.headers.get('retry-after')]).toEqual([ours, '7'])
      const error = await errorOf(response)
      expect(error.type).toBe(ourType)
      expect(JSON.stringify(error)).not.toContain('CANARY')
      expect(fake.settled).toMatchObject([{ kind: 'refused_upstream' }])
    },
  )

  it.each([500, 502, 504, 520, 524])(
    'by a proxy on the way with %i is charged in full, because the request may have been heard behind it',
    async (status) => {
      fake.upstream = async () => new Response('<html>bad gateway</html>', { status })
      expect((await call()).status).toBe(status > 504 ? 502 : status)
      expect(fake.settled).toEqual([{ kind: 'unknown' }])
    },
  )

  it.each([503, 521, 522, 523, 525, 526, 530])(
    'by a proxy that reached nobody (%i) costs nothing',
    async (status) => {
      fake.upstream = async () => new Response('<html>no</html>', { status })
      await call()
      expect(fake.settled).toMatchObject([{ kind: 'refused_upstream' }])
    },
  )

  it('to connect is charged in full, because it may have been heard', async () => {
    fake.upstream = async () => {
      throw new Error('connection lost')
    }
    expect((await call()).status).toBe(502)
    expect(fake.settled).toEqual([{ kind: 'unknown' }])
  })
})

describe('after a call that was never answered', () => {
  beforeEach(() => {
    fake.probeFirst = true
  })

  it.each([
    ['cannot be reached', async () => Promise.reject(new Error('connection lost'))],
    ['answers through a proxy only', async () => new Response('bad gateway', { status: 502 })],
  ])(
    'nothing paid is sent while the API %s, so that an outage does not use the budget up',
    async (_how, upstream) => {
      fake.upstream = upstream
      expect((await call()).status).toBe(502)
      expect(fake.sent.map(({ method, url }) => `${method} ${url}`)).toEqual([
        'GET https://model.test/v1/models/claude-sonnet-5-5',
      ])
      expect(fake.settled).toEqual([{ kind: 'refused_upstream', detail: 'not sent' }])
    },
  )

  it('the next one is sent as soon as the API answers', async () => {
    fake.upstream = async (request) =>
      request.method === 'GET'
        ? Response.json({ id: 'm' })
        : Response.json({ type: 'message', usage: { input_tokens: 1, output_tokens: 1 } })
    const response = await call({ ...BODY, stream: false })
    expect(response.status).toBe(200)
    await response.text()
    await fake.idle()
    expect(fake.settled).toMatchObject([{ kind: 'model' }])
  })
})

describe('free calls', () => {
  it('count tokens and read models with the real key and without a reservation', async () => {
    fake.upstream = async () => Response.json({ input_tokens: 3 })
    const { model, messages } = BODY
    const counted = await fake.call('/vm/model/v1/messages/count_tokens', PLAN, {
      method: 'POST',
      body: JSON.stringify({ model, messages }),
    })
    expect(await counted.json()).toEqual({ input_tokens: 3 })
    await fake.call('/vm/model/v1/models/claude-opus-5-5?x=1', PLAN)
    await fake.call('/vm/model/v1/models?limit=5&evil=%0a', PLAN)
    expect(fake.sent.map(({ url }) => url.replace('https://model.test', ''))).toEqual([
      '/v1/messages/count_tokens',
      '/v1/models/claude-opus-5-5',
      '/v1/models?limit=5',
    ])
    expect(fake.intents.map(({ kind }) => kind)).toEqual(['model_free', 'model_free', 'model_free'])
  })
})
