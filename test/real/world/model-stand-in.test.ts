import { appendFile, mkdtemp, rm } from 'node:fs/promises'
import type { BetaMessageParam } from '@anthropic-ai/sdk/resources/beta/messages/messages'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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

const bash = (command: string) => ({ name: 'bash', input: { command } })
const finish = (summary: string) => ({ name: 'finish', input: { summary } })

describe('a plan under the real SDK', () => {
  it.each([true, false])('runs its sh blocks in order and finishes (stream: %s)', async (stream) => {
    const id = newPlanId()
    const long = `printf '%s' '${'äöü 😀 漢字 "quoted" \\ '.repeat(200)}'`
    const run = await runPlan(connect(model), { id, plan: `Write it\n${sh('echo a')}${sh(long)}`, stream })
    expect(run.called).toEqual([bash('echo a'), bash(long), finish('Write it')])
    expect(run.stopReasons).toEqual(['tool_use', 'tool_use', 'tool_use', 'end_turn'])
    expect(model.violations()).toEqual([])
  })

  it('streams whole characters in each piece', async () => {
    const messages = [firstMessage(newPlanId(), `T\n${sh(`x${'😀'.repeat(500)}`)}`)]
    const { text } = await send(model, { ...settings, tools, messages, stream: true })
    expect(text).toContain('😀')
    expect(text).not.toMatch(/\\ud83d/i)
  })

  it('finishes at once when the plan has no block', async () => {
    const run = await runPlan(connect(model), { id: newPlanId(), plan: 'Just think' })
    expect(run.called).toEqual([finish('Just think')])
  })

  it('calls the other tools a plan scripts and says its words before them', async () => {
    const plan =
      script({ say: 'Let me look.' }) +
      script({ tool: 'read', input: { path: 'a' } }) +
      script({ ask: 'Red or blue?' })
    const run = await runPlan(connect(model), { id: newPlanId(), plan: `Title\n${plan}` })
    expect(run.called).toEqual([
      { name: 'read', input: { path: 'a' } },
      { name: 'ask', input: { question: 'Red or blue?' } },
      finish('Title'),
    ])
    expect(run.texts[0]).toBe('Let me look.')
  })

  it('runs nothing that stands outside the plan', async () => {
    const id = newPlanId()
    const client = connect(model)
    const message = await client.beta.messages.create({
      ...settings,
      tools: [{ name: 'bash', input_schema: { type: 'object' } }],
      messages: [{ role: 'user', content: `${sh('evil')}<plan id="${id}">T</plan>${sh('evil')}` }],
    })
    expect(message.content.find((part) => part.type === 'tool_use')).toMatchObject(finish('T'))
  })

  it('takes a closing tag inside the plan for text of the plan', async () => {
    const plan = `T </plan>\n${sh('echo "</plan>"')}`
    const run = await runPlan(connect(model), { id: newPlanId(), plan })
    expect(run.called[0]).toEqual(bash('echo "</plan>"'))
  })

  it('says which block it cannot read', async () => {
    const body = { ...settings, tools, messages: [firstMessage(newPlanId(), script({ sing: 1 }))] }
    expect((await send(model, body)).text).toContain('fenced block 1 (model)')
    expect(model.violations()).toEqual([])
  })
})

describe('the place in the script', () => {
  const plan = `T\n${sh('one')}${sh('two')}${sh('three')}`

  it('goes on in a fresh conversation where the last one stopped', async () => {
    const id = newPlanId()
    // The third answer's call stays unanswered, as after a kill.
    const first = await runPlan(connect(model), { id, plan, maxTurns: 2 })
    expect(first.called).toEqual([bash('one'), bash('two')])
    await send(model, { ...settings, tools: toolsOf(id), messages: first.messages })
    const second = await runPlan(connect(model), { id, plan })
    expect(second.called).toEqual([bash('three'), finish('T')])
  })

  it('does not move on when a request is sent again', async () => {
    const body = { ...settings, tools, messages: [firstMessage(newPlanId(), plan)] }
    const answers = [await send(model, body), await send(model, body)]
    for (const answer of answers) expect(answer.text).toContain('"command":"one"')
  })

  it('counts an answer that arrives twice once, and an answer without success too', async () => {
    const id = newPlanId()
    const first = await runPlan(connect(model), { id, plan, maxTurns: 1 })
    const body = { ...settings, tools: toolsOf(id), messages: markErrors(first.messages) }
    await send(model, body)
    expect((await send(model, body)).text).toContain('"command":"two"')
  })

  it('keeps plans of one workspace apart', async () => {
    const [a, b] = [newPlanId(), newPlanId()]
    await runPlan(connect(model), { id: a, plan, maxTurns: 2 })
    expect((await runPlan(connect(model), { id: b, plan, maxTurns: 1 })).called).toEqual([bash('one')])
  })

  it('is found again from the history by a stand-in that lost its memory', async () => {
    const id = newPlanId()
    const first = await runPlan(connect(model), { id, plan, maxTurns: 2 })
    await using fresh = await openModel()
    const answer = await send(fresh, { ...settings, tools: toolsOf(id), messages: first.messages })
    expect(answer.text).toContain('"command":"three"')
    expect(fresh.violations()).toEqual([])
    // A second fresh conversation of that plan has no history at all; what was seen above is enough.
    expect((await runPlan(connect(fresh), { id, plan, maxTurns: 1 })).called).toEqual([bash('three')])
  })

  it('is found again from a history that begins in the middle of the script', async () => {
    const id = newPlanId()
    await runPlan(connect(model), { id, plan, maxTurns: 2 })
    const later = await runPlan(connect(model), { id, plan, maxTurns: 2 })
    expect(later.called).toEqual([bash('two'), bash('three')])
    await using fresh = await openModel()
    const answer = await send(fresh, { ...settings, tools: toolsOf(id), messages: later.messages })
    expect(answer.text).toContain('"name":"finish"')
  })

  it('outlives the process with a progress file, torn last line included', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'model-'))
    const progressFile = join(folder, 'places.jsonl')
    const id = newPlanId()
    {
      await using before = await openModel({ progressFile })
      await runPlan(connect(before), { id, plan, maxTurns: 3 })
    }
    await appendFile(progressFile, '{"plan":"torn')
    await using after = await openModel({ progressFile })
    expect((await runPlan(connect(after), { id, plan, maxTurns: 1 })).called).toEqual([bash('three')])
    await rm(folder, { recursive: true })
  })

  it('is forgotten by a reset', async () => {
    await using own = await openModel()
    const id = newPlanId()
    await runPlan(connect(own), { id, plan, maxTurns: 2 })
    await own.control.request('/model/reset', { method: 'POST' })
    expect(own.calls()).toEqual([])
    expect((await runPlan(connect(own), { id, plan, maxTurns: 1 })).called).toEqual([bash('one')])
  })
})

describe('finish', () => {
  it('is called again after a rejection, and given up after the third try more', async () => {
    const twice = await runPlan(connect(model), { id: newPlanId(), plan: 'T', rejectFinish: 2 })
    expect(twice.called).toHaveLength(3)
    const always = await runPlan(connect(model), { id: newPlanId(), plan: 'T', rejectFinish: 99 })
    expect(always.called).toHaveLength(4)
    expect(always.stopReasons.at(-1)).toBe('end_turn')
  })

  it('ends the turn once accepted, and is called again when words come with the acceptance', async () => {
    const id = newPlanId()
    const { messages } = await runPlan(connect(model), { id, plan: 'T' })
    const history = { ...settings, tools: toolsOf(id), messages: messages.slice(0, 3) }
    expect((await send(model, history)).text).toContain('Finished: T')
    const words = {
      role: 'user',
      content: [...blocksOf(messages[2]), { type: 'text', text: 'One more thing.' }],
    }
    const reopened = { ...history, messages: [...messages.slice(0, 2), words] }
    expect((await send(model, reopened)).text).toContain('"name":"finish"')
  })
})

/** The tool list of runPlan's conversations: a history is bound to it. */
function toolsOf(id: string): unknown {
  const body = model.calls().find((call) => call.plan === id)?.body
  return typeof body === 'object' && body !== null && 'tools' in body ? body.tools : []
}

const blocksOf = (message?: BetaMessageParam) => (Array.isArray(message?.content) ? message.content : [])

function markErrors(messages: BetaMessageParam[]): unknown[] {
  return messages.map((message) =>
    message.role === 'user' && Array.isArray(message.content)
      ? { ...message, content: message.content.map((part) => ({ ...part, is_error: true })) }
      : message,
  )
}
