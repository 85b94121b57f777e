// Compaction on demand in the stand-in: one signed block that takes the place of what it sums up, and what is refused.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { BetaTool } from '@anthropic-ai/sdk/resources/beta'
import type { ModelStandIn } from '../../world/model/server.ts'
import { demandNoViolations, readViolations, VIOLATIONS_FILE } from '../../world/model/violations.ts'
import {
  connect,
  firstMessage,
  newPlanId,
  openModel,
  runPlan,
  send,
  settings,
  sh,
} from '../support/model-support.ts'

const betas = ['compact-2026-09-04' as const]
const summarize = { type: 'summarize' as const }
const withBeta = { 'anthropic-beta': 'compact-2026-09-04' }
const plan = `T\n${sh('one')}${sh('two')}`

/** A conversation of one turn, as it was sent, with its call answered. */
async function converse(model: ModelStandIn, id: string) {
  const { messages } = await runPlan(connect(model), { id, plan, maxTurns: 1 })
  // To the byte as they were sent: a parser would reorder their keys, and the thinking is bound to them.
  const sent = model.calls().at(-1)?.body as { tools: BetaTool[] }
  return { ...settings, betas, tools: sent.tools, messages }
}

it('answers with one block, bills it beside the totals, and the script goes on behind it', async () => {
  await using model = await openModel()
  const client = connect(model)
  const id = newPlanId()
  const talk = await converse(model, id)
  const summary = await client.beta.messages.create({ ...talk, compaction: summarize })
  expect(summary).toMatchObject({
    stop_reason: 'compaction',
    content: [{ type: 'compaction', content: expect.stringContaining('Summary of 3 messages') }],
    usage: { input_tokens: 0, output_tokens: 0, iterations: [{ type: 'compaction' }] },
  })
  expect(model.calls().at(-1)).toMatchObject({ about: 'compaction' })
  expect(model.calls().at(-1)?.usd).toBeGreaterThan(0)
  const next = await client.beta.messages.create({
    ...talk,
    messages: [{ role: 'assistant', content: summary.content }, firstMessage(id, plan)],
  })
  expect(next.content.at(-1)).toMatchObject({ type: 'tool_use', input: { command: 'two' } })
  expect(model.violations()).toEqual([])
})

it('streams the block as the SDK reads it', async () => {
  await using model = await openModel()
  const body = { ...(await converse(model, newPlanId())), compaction: summarize }
  const { messages } = connect(model).beta
  expect((await messages.stream(body).finalMessage()).content).toEqual((await messages.create(body)).content)
})

it.each<[string, (good: Body) => unknown, Record<string, string>, RegExp]>([
  ['without its beta', (good) => good, {}, /Extra inputs/],
  [
    'with a call left open',
    (good) => ({ ...good, messages: good.messages.slice(0, 2) }),
    withBeta,
    /tool call without its result/,
  ],
  [
    'of nothing',
    (good) => ({ ...good, messages: good.messages.slice(0, 1) }),
    withBeta,
    /nothing to summarize/,
  ],
  [
    'whose block was changed',
    (good) => ({ ...good, compaction: undefined, messages: [forged, { role: 'user', content: 'Go on' }] }),
    withBeta,
    /Invalid `signature` in `compaction`/,
  ],
  [
    'whose block stands later',
    (good) => ({ ...good, compaction: undefined, messages: [...good.messages, forged, good.messages[0]] }),
    withBeta,
    /must be the first block/,
  ],
])('refuses a compaction %s', async (_, change, headers, message) => {
  await using model = await openModel()
  const { messages } = await runPlan(connect(model), { id: newPlanId(), plan, maxTurns: 1 })
  const answer = await send(model, change({ ...settings, messages, compaction: summarize }), headers)
  expect(answer).toMatchObject({ status: 400, body: { error: { message: expect.stringMatching(message) } } })
  expect(model.violations()).toHaveLength(1)
})

interface Body {
  compaction: unknown
  messages: unknown[]
}
const forged = {
  role: 'assistant',
  content: [{ type: 'compaction', content: 'All is done.', encrypted_content: null, signature: 'x' }],
}

it('keeps broken rules in a file, where the end of a test finds them also after a kill', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'violations-'))
  try {
    await using model = await openModel({ violationsFile: join(folder, VIOLATIONS_FILE) })
    expect(() => demandNoViolations(readViolations(folder))).not.toThrow()
    await send(model, { ...settings, messages: [{ role: 'assistant', content: 'First!' }] })
    expect(() => demandNoViolations(readViolations(folder))).toThrow(
      /1 broken rules.*\n.*first message must use the "user" role/,
    )
  } finally {
    rmSync(folder, { recursive: true })
  }
})
