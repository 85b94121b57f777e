import { APIError, AnthropicError } from '@anthropic-ai/sdk'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ModelStandIn } from '../../world/model/server.ts'
import {
  connect,
  firstMessage,
  newPlanId,
  openModel,
  runPlan,
  script,
  send,
  settings,
  sh,
  tools,
} from '../support/model-support.ts'

let model: ModelStandIn
beforeAll(async () => {
  model = await openModel()
})
afterAll(() => model.close())

/** One request for a plan with these model blocks before one command; raw, so nothing retries. */
function opening(...blocks: unknown[]) {
  const plan = `T${blocks.map(script).join('')}${sh('one')}`
  const id = newPlanId()
  return { id, plan, body: { ...settings, tools, messages: [firstMessage(id, plan)] } }
}
const callsOf = (id: string) => model.calls().filter((call) => call.plan === id)

describe('fail', () => {
  it('answers as often as it says and is then over, so that the SDK retries through it', async () => {
    const { id, plan } = opening({ fail: { status: 529, times: 2, retry_after: 0 } })
    const run = await runPlan(connect(model, 2), { id, plan })
    expect(run.called.map((call) => call.name)).toEqual(['bash', 'finish'])
    expect(callsOf(id).map((call) => call.status)).toEqual([529, 529, 200, 200, 200])
    expect(model.violations()).toEqual([])
  })

  it.each([
    [402, 'billing_error'],
    [429, 'rate_limit_error'],
    [500, 'api_error'],
    [529, 'overloaded_error'],
  ])('answers %i as %s', async (status, type) => {
    const { body } = opening({ fail: { status } })
    const answer = await send(model, body)
    expect(answer).toMatchObject({ status, body: { type: 'error', error: { type } } })
    expect((await send(model, body)).status).toBe(200)
  })

  it('says when to come back', async () => {
    const { body } = opening({ fail: { status: 429, retry_after: 7 } })
    expect((await send(model, body)).headers.get('retry-after')).toBe('7')
  })

  it('costs nothing', async () => {
    const { id, body } = opening({ fail: { status: 500 } })
    await send(model, body)
    expect(callsOf(id)).toMatchObject([{ status: 500, usage: null, usd: 0 }])
  })
})

describe('a stream that goes wrong', () => {
  it('is cut after the number of blocks it says, once, and billed for what was sent', async () => {
    const { id, plan, body } = opening({ say: 'Hello there.' }, { cut_after_blocks: 2 })
    const streamed: string[] = []
    const stream = connect(model).beta.messages.stream({
      ...settings,
      tools: [{ name: 'bash', input_schema: { type: 'object' } }],
      messages: [firstMessage(id, plan)],
    })
    stream.on('streamEvent', (event) => {
      if (event.type === 'content_block_stop') streamed.push(event.type)
    })
    await expect(stream.finalMessage()).rejects.toThrow(AnthropicError)
    expect(streamed).toHaveLength(2)
    const again = await send(model, { ...body, stream: true })
    expect(again.text).toContain('Hello there.')
    expect(again.text).toContain('message_stop')
    const [cut, whole] = callsOf(id)
    expect([cut?.ended, whole?.ended]).toEqual(['cut', 'full'])
    expect(cut?.usage?.output_tokens).toBeLessThan(whole?.usage?.output_tokens ?? 0)
    expect(cut?.usd).toBeGreaterThan(0)
  })

  it.each([
    [true, 0],
    [true, 99],
    [false, 0],
  ])('is cut at its very start and at its very end too (stream: %s, blocks: %i)', async (stream, blocks) => {
    const { id, body } = opening({ cut_after_blocks: blocks })
    await expect(send(model, { ...body, stream })).rejects.toThrow('')
    expect(callsOf(id)).toMatchObject([{ ended: 'cut' }])
  })

  it('falls silent in the middle for as long as it says, then goes on', async () => {
    const { body } = opening({ stall_ms: 300 })
    const startedMs = performance.now()
    const answer = await send(model, { ...body, stream: true })
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(295)
    expect(answer.text).toContain('message_stop')
  })

  it('lets a client that gives up in the silence try again without it', async () => {
    const { id, plan } = opening({ stall_ms: 60_000 })
    const client = connect(model)
    const params = { ...settings, messages: [firstMessage(id, plan)], tools: [...toolList] }
    const stream = client.beta.messages.stream(params)
    // The tool's block opens, then nothing comes any more.
    await new Promise<void>((resolve) =>
      stream.on(
        'streamEvent',
        (event) => event.type === 'content_block_start' && event.index === 1 && resolve(),
      ),
    )
    const ended = stream.finalMessage()
    stream.abort()
    await expect(ended).rejects.toThrow(APIError)
    await expect.poll(() => callsOf(id)[0]?.ended).toBe('client_gone')
    const message = await client.beta.messages.stream(params).finalMessage()
    expect(message.stop_reason).toBe('tool_use')
  })
})

describe('sleep_ms', () => {
  it('waits before the answer, once for its place', async () => {
    const { id, body } = opening({ sleep_ms: 2_000 })
    await send(model, body)
    await send(model, body)
    const [slow, fast] = callsOf(id).map((call) => call.durationMs)
    expect(slow).toBeGreaterThanOrEqual(1_995)
    expect(fast).toBeLessThan(1_995)
  })

  it('shows the call while it waits and ends when the client hangs up', async () => {
    const { id, body } = opening({ sleep_ms: 60_000 })
    const hangUp = new AbortController()
    const asked = fetch(`${model.url}/v1/messages`, {
      method: 'POST',
      headers: { authorization: 'Bearer model-key-for-tests', 'anthropic-version': '2026-10-21' },
      body: JSON.stringify(body),
      signal: hangUp.signal,
    })
    await expect.poll(() => callsOf(id)).toMatchObject([{ status: null, ended: null }])
    hangUp.abort()
    await expect(asked).rejects.toThrow('')
    await expect.poll(() => callsOf(id)).toMatchObject([{ ended: 'client_gone', usd: 0 }])
  })

  it('does not hold up the end of the stand-in', async () => {
    const own = await openModel()
    const { body } = opening({ sleep_ms: 60_000 })
    const asked = send(own, body).then(
      () => 'answered',
      () => 'cut off',
    )
    await expect.poll(() => own.calls()).toHaveLength(1)
    await own.close()
    expect(await asked).toBe('cut off')
  })
})

describe('stop', () => {
  it.each(['end_turn', 'max_tokens', 'refusal'] as const)(
    'ends one answer with %s and no tool call, then the script goes on',
    async (stop) => {
      const { id, plan } = opening({ stop })
      const first = await runPlan(connect(model), { id, plan })
      expect(first).toMatchObject({ called: [], stopReasons: [stop] })
      const second = await runPlan(connect(model), { id, plan })
      expect(second.called.map((call) => call.name)).toEqual(['bash', 'finish'])
    },
  )
})

describe('usage', () => {
  it('is what the script says, in the stream as in the books', async () => {
    const usage = { input_tokens: 1_000, output_tokens: 2_000, cache_read_input_tokens: 10_000 }
    const { id, plan } = opening({ usage })
    const message = await connect(model)
      .beta.messages.stream({ ...settings, tools: [...toolList], messages: [firstMessage(id, plan)] })
      .finalMessage()
    expect(message.usage).toMatchObject(usage)
    // Opus 5.5: (1,000 × 4 + 2,000 × 20 + 10,000 × 0.20) / 1e6
    expect(callsOf(id)[0]?.usd).toBeCloseTo(0.046, 9)
  })

  it.each([
    ['a write it does not split, as 5 minutes', { cache_creation_input_tokens: 1_000_000 }, 5],
    ['a write of an hour', { cache_creation: { ephemeral_1h_input_tokens: 1_000_000 } }, 8],
    [
      'a compaction, which the totals leave out',
      { iterations: [{ type: 'compaction', input_tokens: 1_000_000 }] },
      4,
    ],
    ['web searches', { server_tool_use: { web_search_requests: 100 } }, 1],
  ])('bills %s', async (_, usage, usd) => {
    const { id, body } = opening({ usage })
    await send(model, body)
    expect(callsOf(id)[0]?.usd).toBeCloseTo(usd, 9)
  })

  it('bills the whole request higher when a Haiku prompt is longer than 100,000 tokens', async () => {
    const short = opening({ usage: { input_tokens: 100_000 } })
    const long = opening({ usage: { input_tokens: 100_001 } })
    for (const { body } of [short, long]) await send(model, { ...body, model: 'claude-haiku-5-5' })
    expect(callsOf(short.id)[0]?.usd).toBeCloseTo(0.01, 9)
    expect(callsOf(long.id)[0]?.usd).toBeCloseTo(0.0500005, 9)
  })
})

const toolList = [{ name: 'bash', input_schema: { type: 'object' as const } }]
