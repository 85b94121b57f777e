// The model gateway: what goes upstream, what comes back, and what it is settled as however it ends.
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { createFake, PLAN } from '../support/gateway-fake.ts'
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

const event = (data: object & { type: string }) => `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`
const START = event({
  type: 'message_start',
  message: { usage: { input_tokens: 1_000, output_tokens: 1 } },
} as never)
const TEXT = event({ type: 'content_block_delta', delta: { type: 'text_delta', text: 'hello' } } as never)
const DELTA = event({
  type: 'message_delta',
  delta: { stop_reason: 'end_turn' },
  usage: { output_tokens: 100 },
} as never)
const STOP = event({ type: 'message_stop' })

/** 1,000 tokens at $2 a million, and all 1,000 that were asked for at $10. */
const AT_MOST = {
  kind: 'model',
  usd: 0.012,
  tokens: { input: 1_000, output: 1, cacheRead: 0, cacheWrite: 0 },
}

/** An upstream stream a test feeds by hand. */
function scripted() {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>(undefined, undefined, {
    highWaterMark: 100,
  })
  const writer = writable.getWriter()
  const aborted = Promise.withResolvers<void>()
  fake.upstream = async (request) => {
    request.signal.addEventListener('abort', () => aborted.resolve())
    writer.closed.catch(() => aborted.resolve())
    return new Response(readable, { headers: { 'content-type': 'text/event-stream', 'x-secret': 'no' } })
  }
  return {
    say: (text: string) => writer.write(new TextEncoder().encode(text)),
    end: () => writer.close(),
    cut: () => writer.abort(new Error('cut')),
    aborted: aborted.promise,
  }
}

describe('a streamed call', () => {
  it('goes upstream byte for byte, with the real key and nothing of the VM', async () => {
    const upstream = scripted()
    const body = `{ "model":"claude-sonnet-5-5",\n"max_tokens": 1000, "messages":[{"role":"user","content":"\\u00e9"}] }`
    const response = await call(body, {
      cookie: 'a=b',
      'x-forwarded-for': '1.2.3.4',
      'anthropic-beta': 'task-budgets-2026-03-13',
    })
    await upstream.end()
    await response.text()
    const [request] = fake.sent
    expect(await request?.text()).toBe(body)
    expect(request?.url).toBe('https://model.test/v1/messages')
    expect(Object.fromEntries(request?.headers ?? [])).toEqual({
      accept: 'application/json, text/event-stream',
      'accept-encoding': 'identity',
      'anthropic-beta': 'task-budgets-2026-03-13',
      'anthropic-version': '2026-10-21',
      authorization: `Bearer ${CANARIES.ANTHROPIC_API_KEY}`,
      'content-type': 'application/json',
      'user-agent': 'agent-execution-runtime',
      'x-api-key': CANARIES.ANTHROPIC_API_KEY,
    })
  })

  it('comes back at once, event by event, and is settled before it ends', async () => {
    const upstream = scripted()
    const response = await call()
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
    await upstream.say(START)
    expect((await reader?.read())?.value).toBe(START)
    await upstream.say(TEXT)
    expect((await reader?.read())?.value).toBe(TEXT)
    expect(fake.settled).toEqual([])
    await upstream.say(DELTA + STOP)
    await upstream.end()
    expect((await reader?.read())?.value).toBe(DELTA + STOP)
    expect((await reader?.read())?.done).toBe(true)
    // 1,000 tokens at $2 and 100 at $10 a million.
    expect(fake.settled).toEqual([
      { kind: 'model', usd: 0.003, tokens: { input: 1_000, output: 100, cacheRead: 0, cacheWrite: 0 } },
    ])
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    expect(response.headers.get('x-secret')).toBeNull()
    expect(response.headers.get('plan-budget-used')).toBe('0.2500')
  })

  it('reserves the worst case before it is sent', async () => {
    const upstream = scripted()
    void upstream.end()
    await (await call()).text()
    const [intent] = fake.intents
    expect(intent).toMatchObject({ kind: 'model' })
    expect(intent?.kind === 'model' ? intent.worstCaseUsd : 0).toBeGreaterThan(1_000 * 10e-6)
  })

  it.each([
    ['before it said anything', '', { kind: 'unknown' }],
    ['after its first figures', START + TEXT, AT_MOST],
    ['inside its final event', START + TEXT + DELTA.slice(0, 60), AT_MOST],
  ])(
    'that the upstream cuts %s is settled by what it can have come to at most',
    async (_name, said, settled) => {
      const upstream = scripted()
      const response = await call()
      const read = response.text().catch(() => 'broken')
      if (said !== '') await upstream.say(said)
      await upstream.cut()
      await read
      await fake.idle()
      expect(fake.settled).toEqual([settled])
    },
  )

  it('that is cut after its final figures is settled by them', async () => {
    const upstream = scripted()
    const response = await call()
    const read = response.text().catch(() => 'broken')
    await upstream.say(START + DELTA)
    await upstream.cut()
    await read
    await fake.idle()
    expect(fake.settled).toMatchObject([{ kind: 'model', usd: 0.003 }])
  })

  it('tells the object its upper bound once its input is known', async () => {
    const upstream = scripted()
    const response = await call()
    const read = response.text()
    await upstream.say(START)
    await vi.waitFor(() => expect(fake.lowered).toEqual([AT_MOST.usd]), 10_000)
    await upstream.say(DELTA + STOP)
    await upstream.end()
    await read
  })

  it('stops upstream when the client hangs up, and is charged what it can have come to', async () => {
    const upstream = scripted()
    const response = await call()
    const reader = response.body?.getReader()
    await upstream.say(START)
    await reader?.read()
    await reader?.cancel()
    await upstream.aborted
    await fake.idle()
    expect(fake.settled).toEqual([AT_MOST])
  })

  it('whose client hangs up before the first event is read on until its input is known, and not further', async () => {
    const upstream = scripted()
    const response = await call()
    await response.body?.cancel()
    await upstream.say(START)
    await upstream.aborted
    await fake.idle()
    expect(fake.settled).toEqual([AT_MOST])
  })

  it('is cut within about a second of its right ending, with an error the SDK raises', async () => {
    const upstream = scripted()
    const response = await call()
    await upstream.say(START)
    const text = response.text()
    fake.lives = false
    expect(await text).toContain('"type":"token_revoked"')
    await upstream.aborted
    expect(fake.settled).toEqual([AT_MOST])
  })
})

describe('a call that is not streamed', () => {
  it('is settled by the usage in its message', async () => {
    const usage = { input_tokens: 10, output_tokens: 20, cache_read_input_tokens: 1_000_000 }
    fake.upstream = async () => Response.json({ type: 'message', usage })
    const response = await call({ ...BODY, stream: false })
    expect(await response.json()).toEqual({ type: 'message', usage })
    expect(fake.settled).toMatchObject([
      { kind: 'model', tokens: { input: 10, output: 20, cacheRead: 1_000_000 } },
    ])
  })
})

describe('the log', () => {
  it('has one line for a call, without any token or key', async () => {
    const lines = vi.spyOn(console, 'log').mockImplementation(() => {})
    const upstream = scripted()
    const response = await call()
    const read = response.text()
    await upstream.say(START + DELTA + STOP)
    await upstream.end()
    await read
    await fake.idle()
    const written = lines.mock.calls.map(([line]) => String(line))
    lines.mockRestore()
    expect(written).toHaveLength(1)
    expect(JSON.parse(written[0] ?? '')).toMatchObject({
      event: 'gateway.model',
      workspace: 'demo',
      attempt: 1,
      status: 200,
      outcome: 'passed',
      usd: 0.003,
    })
    expect(written[0]).not.toMatch(/CANARY|aer_plan/)
  })
})
