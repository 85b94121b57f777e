import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { ModelStandIn } from '../../world/model/server.ts'
import {
  connect,
  newPlanId,
  openModel,
  runPlan,
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

const user = (content: unknown) => ({ role: 'user', content })
const assistant = (content: unknown) => ({ role: 'assistant', content })
const call = (id: string) => ({ type: 'tool_use', id, name: 'bash', input: {} })
const result = (id: string) => ({ type: 'tool_result', tool_use_id: id, content: 'ok' })
const text = (words: string, extra = {}) => ({ type: 'text', text: words, ...extra })
const breakpoint = (ttl?: string) => ({
  cache_control: { type: 'ephemeral', ...(ttl === undefined ? {} : { ttl }) },
})
const good = { ...settings, tools, messages: [user('Hi')] }
const history = (...rest: unknown[]) => ({
  ...good,
  messages: [user('Hi'), assistant([call('a'), call('b')]), ...rest],
})

describe('the rules of the API', () => {
  it.each<[string, unknown, RegExp]>([
    [
      'a call without a result',
      history(user([result('a')])),
      /without `tool_result` blocks immediately after: b/,
    ],
    ['a call answered by words', history(user('go on')), /without `tool_result`/],
    [
      'two results for one call',
      history(user([result('a'), result('a'), result('b')])),
      /single result.*: a/,
    ],
    [
      'a result for a call nobody made',
      history(user([result('a'), result('b'), result('c')])),
      /unexpected `tool_use_id`.*: c/,
    ],
    ['a result without any call', { ...good, messages: [user([result('a')])] }, /unexpected `tool_use_id`/],
    ['results in another order', history(user([result('b'), result('a')])), /order/],
    [
      'words before the results',
      history(user([text('so'), result('a'), result('b')])),
      /before any other content/,
    ],
    [
      'an id used twice',
      history(user([result('a'), result('b')]), assistant([call('a')]), user([result('a')])),
      /unique: a/,
    ],
    ['two user turns in a row', { ...good, messages: [user('a'), user('b')] }, /alternate/],
    ['an assistant first', { ...good, messages: [assistant('a'), user('b')] }, /first message/],
    ['no message', { ...good, messages: [] }, /at least one/],
    ['a prefill', { ...good, messages: [user('a'), assistant('{')] }, /prefill/],
    ['empty text', { ...good, messages: [user([text('')])] }, /messages\.0\.content\.0.*non-empty/],
    ['blank content', { ...good, messages: [user('  \n')] }, /non-empty/],
    ['no content', { ...good, messages: [user([])] }, /non-empty content/],
    [
      'five breakpoints',
      { ...good, messages: [user([1, 2, 3, 4, 5].map((n) => text(`${n}`, breakpoint())))] },
      /maximum of 4.*Found 5/,
    ],
    [
      'a fifth breakpoint at the top and inside a result',
      {
        ...history(user([{ ...result('a'), content: [text('x', breakpoint())] }, result('b')])),
        system: [text('s', breakpoint())],
        tools: [
          { ...tools[0], ...breakpoint() },
          { name: 'x', ...breakpoint() },
        ],
        ...breakpoint(),
      },
      /Found 5/,
    ],
    [
      'an hour after five minutes',
      { ...good, system: [text('s', breakpoint('5m'))], messages: [user([text('m', breakpoint('1h'))])] },
      /ttl='1h'/,
    ],
    ['a forced tool', { ...good, tool_choice: { type: 'tool', name: 'bash' } }, /forced/],
    ['any tool forced', { ...good, tool_choice: { type: 'any' } }, /forced/],
    ['thinking switched off', { ...good, thinking: { type: 'disabled' } }, /disabled/],
    ['a thinking budget', { ...good, thinking: { type: 'enabled', budget_tokens: 2_000 } }, /enabled/],
    ['no max_tokens', { ...good, max_tokens: undefined }, /max_tokens/],
    ['more tokens than the model has', { ...good, max_tokens: 128_001 }, /128001 > 128000/],
    ['a field it does not know', { ...good, budget: 1 }, /budget/],
    ['a field that is not imitated', { ...good, container: 'c' }, /container/],
    ['an effort it does not know', { ...good, output_config: { effort: 'huge' } }, /effort/],
    [
      'a signature of somebody else',
      {
        ...good,
        messages: [user('a'), assistant([{ type: 'thinking', thinking: '', signature: 'x' }]), user('b')],
      },
      /signature/,
    ],
    ['no JSON', '{', /not valid JSON/],
  ])('refuse %s', async (_, body, message) => {
    const before = model.violations().length
    expect(await send(model, body)).toMatchObject({
      status: 400,
      body: {
        type: 'error',
        error: { type: 'invalid_request_error', message: expect.stringMatching(message) },
      },
    })
    expect(model.violations().slice(before)).toEqual([expect.stringMatching(message)])
  })

  it('refuse an unknown model as not found', async () => {
    expect(await send(model, { ...good, model: 'claude-none' })).toMatchObject({
      status: 404,
      body: { error: { type: 'not_found_error', message: 'model: claude-none' } },
    })
    expect(model.violations().at(-1)).toContain('claude-none')
  })

  it('let what is allowed through: four breakpoints, thinking off on an older model, a system note in between', async () => {
    const before = model.violations()
    const four = { ...good, messages: [user([1, 2, 3, 4].map((n) => text(`${n}`, breakpoint())))] }
    const older = { ...good, model: 'claude-opus-5', thinking: { type: 'disabled' } }
    const noted = {
      ...good,
      messages: [user('a'), { role: 'system', content: 'note' }, assistant('b'), user('c')],
    }
    for (const body of [good, four, older, noted]) expect((await send(model, body)).status).toBe(200)
    expect(model.violations()).toEqual(before)
  })

  it('refuse threads with the code that makes the SDK send whole histories, and hold it against nobody', async () => {
    const before = model.violations()
    const answer = await send(model, { ...good, thread: { type: 'create' } })
    expect(answer).toMatchObject({
      status: 400,
      body: { error: { details: { error_code: 'thread_unsupported_request' } } },
    })
    const thread = connect(model).beta.messages.thread({
      ...settings,
      unsupportedRequestBehavior: 'continue_unthreaded',
      messages: [{ role: 'user', content: 'Hi' }],
    })
    expect((await thread.send()).stop_reason).toBe('end_turn')
    expect(model.violations()).toEqual(before)
  })
})

describe('a conversation', () => {
  const plan = `T\n${sh('one')}${sh('two')}${sh('three')}`
  type Body = Record<string, unknown> & { messages: Array<{ role: string; content: unknown }> }

  async function begin(): Promise<Body> {
    const id = newPlanId()
    await runPlan(connect(model), { id, plan, maxTurns: 3 })
    const body = model.calls().findLast((one) => one.plan === id)?.body
    return BodyShape.parse(body)
  }

  it('may be sent again as it was, with breakpoints moved', async () => {
    const body = await begin()
    const moved = {
      ...body,
      cache_control: { type: 'ephemeral' },
      system: [text('You are Ralph Wiggum.', breakpoint())],
    }
    expect((await send(model, body)).status).toBe(200)
    // The same text as a block is another system to the byte: the harness must keep one form.
    expect((await send(model, moved)).status).toBe(400)
    expect((await send(model, { ...moved, system: body['system'] })).status).toBe(200)
  })

  it.each<[string, (body: Body) => unknown, RegExp]>([
    ['the system prompt', (body) => ({ ...body, system: 'You are somebody else.' }), /changed: system\)/],
    ['a tool', (body) => ({ ...body, tools }), /changed: tools\)/],
    [
      'the first message',
      (body) => edit(body, 0, 'user', 'Something else'),
      /messages\.1\.content\.0.*messages before messages\.1/,
    ],
    ['a result', (body) => edit(body, 2, 'user', clip(body.messages[2]?.content)), /messages\.3\.content\.0/],
    [
      'the words of its thinking',
      (body) => edit(body, 1, 'assistant', rethink(body.messages[1]?.content)),
      /messages\.1\.content\.0: Invalid `signature`/,
    ],
    [
      'a thinking block away',
      (body) => edit(body, 1, 'assistant', dropThinking(body.messages[1]?.content)),
      /Expected `thinking`/,
    ],
  ])('is refused when it changes %s', async (_, change, message) => {
    const body = await begin()
    const answer = await send(model, change(body))
    expect(answer).toMatchObject({
      status: 400,
      body: { error: { message: expect.stringMatching(message) } },
    })
    expect(model.violations().at(-1)).toMatch(message)
  })

  it('may change when the caller gives the binding up', async () => {
    const body = await begin()
    const thinking = { type: 'adaptive', block_binding: { prefix_mismatch_behavior: 'drop_block' } }
    expect((await send(model, { ...body, system: 'Other', thinking })).status).toBe(200)
  })

  it('starts each answer with thinking, whose words are empty unless asked for', async () => {
    const ask = async (thinking: unknown) => (await send(model, { ...good, thinking })).text
    expect(await ask({ type: 'adaptive' })).toMatch(
      /"content":\[\{"type":"thinking","thinking":"","signature":"[^"]{40,}"/,
    )
    expect(await ask({ type: 'adaptive', display: 'updates' })).toContain('"thinking":"Looking')
    expect((await send(model, { ...good, model: 'claude-opus-5', thinking: undefined })).text).not.toContain(
      '"thinking"',
    )
  })
})

const BodyShape = z.looseObject({
  messages: z.array(z.looseObject({ role: z.string(), content: z.unknown() })),
})
const Parts = z.array(z.looseObject({ type: z.string() }))

function edit(body: { messages: unknown[] }, at: number, role: string, content: unknown): unknown {
  return { ...body, messages: body.messages.with(at, { role, content }) }
}
const clip = (content: unknown) => Parts.parse(content).map((part) => ({ ...part, content: '(clipped)' }))
const dropThinking = (content: unknown) => Parts.parse(content).filter((part) => part.type !== 'thinking')
const rethink = (content: unknown) =>
  Parts.parse(content).map((part) => (part.type === 'thinking' ? { ...part, thinking: 'Else.' } : part))
