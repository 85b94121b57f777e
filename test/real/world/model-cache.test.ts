import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { ModelStandIn } from '../../world/model/server.ts'
import {
  connect,
  firstMessage,
  MODEL,
  newPlanId,
  openModel,
  send,
  settings,
  sh,
} from '../support/model-support.ts'

const user = (content: unknown) => ({ role: 'user', content })
const text = (words: string, extra = {}) => ({ type: 'text', text: words, ...extra })
const breakpoint = (ttl?: string) => ({
  cache_control: { type: 'ephemeral', ...(ttl === undefined ? {} : { ttl }) },
})
const long = 'All about the workspace. '.repeat(400) // 10,000 bytes: 2,500 tokens
const grow = (...rest: string[]) => ({
  ...settings,
  ...breakpoint('5m'),
  messages: [user([text(long), ...rest.map((words) => text(words))])],
})
const turn = (words: string) => ({
  ...settings,
  system: [text(long, breakpoint('1h'))],
  ...breakpoint('5m'),
  messages: [user(words)],
})
const usageOf = async (own: ModelStandIn, body: unknown) =>
  UsageShape.parse((await send(own, body)).body).usage

describe('the prompt cache', () => {
  it('writes at breakpoints with their lives, reads the longest prefix again, and forgets in time', async () => {
    await using own = await openModel()
    const ask = turn('What now? '.repeat(400))
    const first = await usageOf(own, ask)
    expect(first.cache_read_input_tokens).toBe(0)
    expect(first.input_tokens).toBe(0)
    expect(first.cache_creation.ephemeral_1h_input_tokens).toBeGreaterThan(2_500)
    expect(first.cache_creation.ephemeral_5m_input_tokens).toBeGreaterThan(1_000)
    const written = first.cache_creation_input_tokens
    expect(written).toBe(
      first.cache_creation.ephemeral_1h_input_tokens + first.cache_creation.ephemeral_5m_input_tokens,
    )

    expect(await usageOf(own, ask)).toMatchObject({
      cache_read_input_tokens: written,
      cache_creation_input_tokens: 0,
    })
    own.advanceClock(299_000)
    expect(await usageOf(own, ask)).toMatchObject({ cache_read_input_tokens: written })
    // Reading keeps it alive for another five minutes.
    own.advanceClock(299_000)
    expect(await usageOf(own, ask)).toMatchObject({ cache_read_input_tokens: written })
    own.advanceClock(301_000)
    expect(await usageOf(own, ask)).toMatchObject({
      cache_read_input_tokens: first.cache_creation.ephemeral_1h_input_tokens,
      cache_creation: {
        ephemeral_1h_input_tokens: 0,
        ephemeral_5m_input_tokens: first.cache_creation.ephemeral_5m_input_tokens,
      },
    })
    own.advanceClock(3_601_000)
    expect(await usageOf(own, ask)).toMatchObject({
      cache_read_input_tokens: 0,
      cache_creation_input_tokens: written,
    })
  })

  it('keeps a prefix alive that is found again before a breakpoint', async () => {
    await using own = await openModel()
    const { cache_creation_input_tokens: written } = await usageOf(own, grow())
    for (const words of ['one', 'two', 'three']) {
      own.advanceClock(200_000)
      expect(await usageOf(own, grow(words))).toMatchObject({ cache_read_input_tokens: written })
    }
  })

  it('shares the system prompt between conversations, not between models', async () => {
    await using own = await openModel()
    const first = await usageOf(own, turn('One'))
    const other = await usageOf(own, turn('Two'))
    expect(other.cache_read_input_tokens).toBe(first.cache_creation.ephemeral_1h_input_tokens)
    expect(await usageOf(own, { ...turn('One'), model: 'claude-sonnet-5-5' })).toMatchObject({
      cache_read_input_tokens: 0,
    })
  })

  it('keeps nothing without a breakpoint, and nothing that is short', async () => {
    await using own = await openModel()
    const bare = { ...settings, system: long, messages: [user('Hi')] }
    const short = { ...settings, ...breakpoint(), messages: [user('Hi')] }
    for (const body of [bare, bare, short, short]) {
      expect(await usageOf(own, body)).toMatchObject({
        cache_read_input_tokens: 0,
        cache_creation_input_tokens: 0,
      })
    }
  })

  it('reads nearly all of a growing conversation and prices it as Opus 5.5', async () => {
    await using own = await openModel()
    const id = newPlanId()
    const client = connect(own)
    const runner = client.beta.messages.toolRunner({
      ...settings,
      thread: false,
      system: [{ type: 'text', text: long, cache_control: { type: 'ephemeral', ttl: '1h' } }],
      cache_control: { type: 'ephemeral', ttl: '1h' },
      tools: ['bash', 'finish'].map((name) => ({
        name,
        input_schema: { type: 'object' as const },
        run: () => 'done '.repeat(200),
        parse: (input: unknown) => input,
      })),
      messages: [firstMessage(id, `T${sh('one')}${sh('two')}${sh('three')}`)],
    })
    await runner.runUntilDone()
    const calls = own.calls()
    expect(calls.map((one) => one.model)).toEqual(Array.from({ length: 5 }, () => MODEL))
    for (const [index, one] of calls.entries()) {
      const before = calls[index - 1]?.usage
      const prefix = (before?.cache_read_input_tokens ?? 0) + (before?.cache_creation_input_tokens ?? 0)
      expect(one.usage).toMatchObject({ input_tokens: 0, cache_read_input_tokens: prefix })
      const {
        cache_read_input_tokens: read,
        cache_creation_input_tokens: write,
        output_tokens: output,
      } = one.usage ?? none
      expect(one.usd).toBeCloseTo((read * 0.2 + write * 8 + output * 20) / 1e6, 12)
    }
    expect(own.violations()).toEqual([])
  })
})

const none = { cache_read_input_tokens: 0, cache_creation_input_tokens: 0, output_tokens: 0 }
const UsageShape = z.object({
  usage: z.object({
    input_tokens: z.number(),
    cache_read_input_tokens: z.number(),
    cache_creation_input_tokens: z.number(),
    cache_creation: z.object({
      ephemeral_5m_input_tokens: z.number(),
      ephemeral_1h_input_tokens: z.number(),
    }),
  }),
})
