import Anthropic, { AuthenticationError, NotFoundError } from '@anthropic-ai/sdk'
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ModelStandIn } from '../../world/model/server.ts'
import {
  connect,
  firstMessage,
  KEY,
  MODEL,
  newPlanId,
  openModel,
  runPlan,
  script,
  send,
  sh,
} from '../support/model-support.ts'

let model: ModelStandIn
beforeAll(async () => {
  model = await openModel()
})
afterAll(() => model.close())

describe('a judge', () => {
  const verdict = {
    type: 'object',
    properties: { complete: { type: 'boolean' }, missing: { type: 'array' }, note: { type: 'string' } },
  }

  it('hears that all is complete, in the shape it asked for', async () => {
    expect(await judge('Is it done?', verdict)).toEqual({ complete: true, missing: [], note: '' })
    expect(await judge('Is it done?', { type: 'object' })).toEqual({ complete: true, missing: [] })
  })

  it('hears what the plan scripts, one answer each, the last one from then on', async () => {
    const id = newPlanId()
    const plan = `T${script({ judge: { complete: false, missing: ['tests'] } })}${script({ judge: {} })}`
    const ask = () => judge(`<plan id="${id}">${plan}</plan> and its diff`, verdict)
    expect(await ask()).toEqual({ complete: false, missing: ['tests'], note: '' })
    expect(await ask()).toEqual({ complete: true, missing: [], note: '' })
    expect(await ask()).toEqual({ complete: true, missing: [], note: '' })
  })

  it('hears the same in every reading of one difference', async () => {
    const id = newPlanId()
    const plan = `T${script({ judge: { complete: false, missing: ['tests'] } })}${script({ judge: {} })}`
    const ask = (last: string) =>
      judge([`<plan id="${id}">${plan}</plan> This is reading 1 of 1.`, last], { type: 'object' })
    for (const reading of ['1 of 3', '2 of 3', '3 of 3'])
      expect(await ask(`This is reading ${reading}. Go on.`)).toEqual({ complete: false, missing: ['tests'] })
    expect(await ask('This is reading 1 of 2. Go on.')).toEqual({ complete: true, missing: [] })
    expect(await ask('This is reading 2 of 2. Go on.')).toEqual({ complete: true, missing: [] })
  })

  it('is known to belong to a plan by the text of one that is at work', async () => {
    const id = newPlanId()
    const plan = `A very special plan${script({ judge: { complete: false } })}`
    await runPlan(connect(model), { id, plan })
    expect(await judge(`Plan:\n${plan}\nDiff: none`, verdict)).toMatchObject({ complete: false })
    expect(model.calls().at(-1)).toMatchObject({ about: 'judge', plan: id })
  })
})

describe('a judge of changed tests', () => {
  const answers = {
    type: 'object',
    properties: {
      files: {
        type: 'array',
        items: {
          type: 'object',
          properties: { path: { type: 'string' }, why: { type: 'string' }, allowed: { type: 'boolean' } },
        },
      },
    },
  }
  const asks = (plan: string) => {
    const id = newPlanId()
    return (...paths: string[]) =>
      judge(
        `<plan id="${id}">${plan}</plan>\n+["forged"]\nMay these files change?\n${JSON.stringify(paths)}`,
        answers,
      )
  }
  const no = (path: string) => ({ path, allowed: false, why: 'The plan does not ask for it.' })
  const yes = (path: string) => ({ path, allowed: true, why: 'The script of the plan allows it.' })

  it('hears no for every path of the list at the end, unless the plan scripts yes or some paths', async () => {
    expect(await asks('T')('a', 'b')).toEqual({ files: [no('a'), no('b')] })
    expect(await asks(`T${script({ judge_tests: 'yes' })}`)('a', 'b')).toEqual({
      files: [yes('a'), yes('b')],
    })
    expect(await asks(`T${script({ judge_tests: ['b'] })}`)('a', 'b')).toEqual({ files: [no('a'), yes('b')] })
  })

  it('hears one scripted answer each, whatever was asked about the work meanwhile', async () => {
    const id = newPlanId()
    const plan = `<plan id="${id}">T${['no', 'yes', 'no'].map((word) => script({ judge_tests: word })).join('')}</plan>`
    const ask = () => judge(`${plan}\n["a"]`, answers)
    expect(await ask()).toEqual({ files: [no('a')] })
    expect(await judge(`${plan}\nDone?`, { type: 'object' })).toEqual({ complete: true, missing: [] })
    expect(await ask()).toEqual({ files: [yes('a')] })
  })
})

describe('the API around it', () => {
  it('refuses a wrong key with the typed error', async () => {
    const client = new Anthropic({ apiKey: 'wrong', baseURL: model.url, maxRetries: 0 })
    await expect(client.models.list()).rejects.toThrow(AuthenticationError)
    expect((await send(model, {}, { authorization: '', 'x-api-key': 'wrong' })).status).toBe(401)
    expect((await send(model, {}, { authorization: '', 'x-api-key': KEY })).status).toBe(400)
  })

  it('lists its models with their limits', async () => {
    const client = connect(model)
    const info = await client.beta.models.retrieve(MODEL)
    expect(info).toMatchObject({
      display_name: 'Claude Opus 5.5',
      max_input_tokens: 1_000_000,
      max_tokens: 128_000,
      lifecycle: 'active',
    })
    const ids: string[] = []
    for await (const one of client.beta.models.list()) ids.push(one.id)
    expect(ids).toContain('claude-sonnet-5-5')
    await expect(client.beta.models.retrieve('claude-none')).rejects.toThrow(NotFoundError)
  })

  it('counts tokens without running anything', async () => {
    const id = newPlanId()
    const messages = [firstMessage(id, `T${sh('one')}`)]
    const { input_tokens: tokens } = await connect(model).beta.messages.countTokens({
      model: MODEL,
      messages,
    })
    expect(tokens).toBeGreaterThan(20)
    expect(model.calls().at(-1)).toMatchObject({ about: 'count_tokens', status: 200, usd: 0 })
  })

  it('tells the control API what it saw: plan, place, usage, price, and the hash of the plan as it came', async () => {
    const id = newPlanId()
    const plan = `T 😀\r\n${sh('one')}`
    await runPlan(connect(model), { id, plan })
    const answer = await (await model.control.request('/model/calls')).json()
    const calls = answer.calls.filter((call: { plan: string }) => call.plan === id)
    expect(calls.map((call: { place: number; tools: string[] }) => [call.place, ...call.tools])).toEqual([
      [0, 'bash'],
      [1, 'finish'],
      [2],
    ])
    const sha256 = createHash('sha256').update(plan).digest('hex')
    for (const call of calls)
      expect(call).toMatchObject({ status: 200, ended: 'full', planSha256: sha256, about: 'plan' })
    for (const call of calls) expect(call.usd).toBeGreaterThan(0)
    expect(calls[0].body).toBeUndefined()
    expect(model.calls().find((call) => call.plan === id)?.body).toMatchObject({ model: MODEL })
  })
})

async function judge(text: string | string[], schema: Record<string, unknown>): Promise<unknown> {
  const message = await connect(model).beta.messages.create({
    model: 'claude-haiku-5-5',
    max_tokens: 1_000,
    output_config: { format: { type: 'json_schema', schema } },
    messages: [{ role: 'user', content: [text].flat().map((one) => ({ type: 'text', text: one })) }],
  })
  const part = message.content.find((one) => one.type === 'text')
  return JSON.parse(part?.text ?? 'null')
}
