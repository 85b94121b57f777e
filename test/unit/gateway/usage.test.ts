import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { spentAtMost, spentOn } from '../../../src/gateway/model/usage.ts'
import { createUsageReader, mergeUsage, readMessageUsage } from '../../../src/shared/usage.ts'

const MODEL = 'claude-opus-5-5'
const enc = (text: string) => new TextEncoder().encode(text)
const event = (data: object) => `event: x\ndata: ${JSON.stringify(data)}\n\n`
const start = (usage: object) => event({ type: 'message_start', message: { id: 'm', usage } })
const delta = (usage: object, stopReason: string | null = 'end_turn') =>
  event({ type: 'message_delta', delta: { stop_reason: stopReason }, usage })

function readAll(chunks: Uint8Array[]) {
  const reader = createUsageReader()
  for (const chunk of chunks) reader.read(chunk)
  return reader.result()
}
const readText = (text: string) => readAll([enc(text)])

describe('spentAtMost', () => {
  const cut = { model: MODEL, maxTokens: 1_000, compactionUsd: 0 }

  it('takes the input as shown and the output as long as was asked for', () => {
    const usage = { input_tokens: 500, cache_read_input_tokens: 10_000, output_tokens: 3 }
    const spent = spentAtMost({ ...cut, usage })
    expect(spent.usd).toBeCloseTo((500 * 4 + 10_000 * 0.2 + 1_000 * 20) / 1e6, 12)
    expect(spent.tokens).toEqual({ input: 500, output: 3, cacheRead: 10_000, cacheWrite: 0 })
  })

  it('is never below what was shown, and adds what a compaction may cost', () => {
    const usage = { input_tokens: 0, output_tokens: 5_000 }
    expect(spentAtMost({ ...cut, usage }).usd).toBe(spentOn(MODEL, usage).usd)
    expect(spentAtMost({ ...cut, usage, compactionUsd: 2 }).usd).toBe(spentOn(MODEL, usage).usd + 2)
  })
})

describe('spentOn', () => {
  it('adds every kind of token at its own price', () => {
    const spent = spentOn(MODEL, {
      input_tokens: 1_000,
      output_tokens: 2_000,
      cache_read_input_tokens: 10_000,
      cache_creation_input_tokens: 700,
      cache_creation: { ephemeral_5m_input_tokens: 300, ephemeral_1h_input_tokens: 400 },
    })
    expect(spent.usd).toBeCloseTo((1_000 * 4 + 2_000 * 20 + 10_000 * 0.2 + 300 * 5 + 400 * 8) / 1e6, 12)
    expect(spent.tokens).toEqual({ input: 1_000, output: 2_000, cacheRead: 10_000, cacheWrite: 700 })
  })

  it.each([
    ['without a breakdown', { cache_creation_input_tokens: 100 }],
    ['with a breakdown that explains less', { cache_creation_input_tokens: 100, cache_creation: {} }],
    ['with a null breakdown', { cache_creation_input_tokens: 100, cache_creation: null }],
  ])('charges cache writes %s as the dearer kind', (_name, usage) => {
    expect(spentOn(MODEL, usage).usd).toBeCloseTo((100 * 8) / 1e6, 12)
  })

  it('adds compactions, which the totals leave out, but not the samplings they hold', () => {
    const iteration = { input_tokens: 1_000, output_tokens: 1_000 }
    const usage = {
      input_tokens: 1_000,
      output_tokens: 1_000,
      iterations: [
        { type: 'message', ...iteration },
        { type: 'compaction', ...iteration },
      ],
    }
    expect(spentOn(MODEL, usage).usd).toBeCloseTo((2_000 * 4 + 2_000 * 20) / 1e6, 12)
  })

  it('charges another model in an iteration by its own price, and web searches', () => {
    const usage = {
      input_tokens: 0,
      iterations: [{ type: 'advisor', model: 'claude-fable-5-2', output_tokens: 1_000_000 }],
      server_tool_use: { web_search_requests: 2 },
    }
    expect(spentOn(MODEL, usage).usd).toBeCloseTo(40.02, 12)
  })
})

describe('mergeUsage', () => {
  it('takes later totals, and keeps earlier ones where later say nothing or less', () => {
    const merged = mergeUsage(
      { input_tokens: 10, output_tokens: 5, cache_read_input_tokens: 7 },
      { input_tokens: null, output_tokens: 3, cache_read_input_tokens: 9 },
    )
    expect(merged).toMatchObject({ input_tokens: 10, output_tokens: 5, cache_read_input_tokens: 9 })
  })
})

describe('createUsageReader', () => {
  const whole = `${start({ input_tokens: 100, output_tokens: 1, cache_read_input_tokens: 50 })}${event({
    type: 'content_block_delta',
    delta: { text: 'data: {"type":"message_delta","usage":{"output_tokens":999999}} message_delta é😀' },
  })}${delta({ output_tokens: 42 })}event: message_stop\ndata: {"type":"message_stop"}\n\n`
  const totals = { input_tokens: 100, output_tokens: 42, cache_read_input_tokens: 50 }

  it('reads the input side at the start and the totals at the end, and no text that looks like either', () => {
    expect(readText(whole)).toMatchObject({ final: true, usage: totals })
  })

  it('reads the same however the bytes are cut', () => {
    const bytes = enc(whole)
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.byteLength)), (cuts) => {
        const at = [0, ...cuts.toSorted((a, b) => a - b), bytes.byteLength]
        const chunks = at.slice(1).map((end, index) => bytes.slice(at[index], end))
        expect(readAll(chunks)).toMatchObject({ final: true, usage: totals })
      }),
    )
  })

  it.each([
    ['CRLF', '\r\n'],
    ['CR', '\r'],
  ])('reads lines that end in %s', (_name, ending) => {
    const text = whole.replaceAll('\n', ending)
    expect(readText(text)).toMatchObject({ final: true, usage: totals })
    const chars = Array.from(enc(text), (byte) => Uint8Array.of(byte))
    expect(readAll(chars)).toMatchObject({ final: true, usage: totals })
  })

  it.each([
    ['nothing', '', false, false],
    ['only a start', start({ input_tokens: 5 }), true, false],
    [
      'a delta that does not end the message',
      start({ input_tokens: 5 }) + delta({ output_tokens: 1 }, null),
      true,
      false,
    ],
    ['an error in mid-stream', start({ input_tokens: 5 }) + event({ type: 'error', error: {} }), true, false],
    [
      'a delta without usage',
      start({ input_tokens: 5 }) + event({ type: 'message_delta', delta: { stop_reason: 'x' } }),
      true,
      false,
    ],
    ['a total that is no number', delta({ output_tokens: 'many' }), false, false],
    ['a negative total', delta({ output_tokens: -5 }), false, false],
    ['something that is not JSON', 'data: {"message_delta\n\n', false, false],
  ])('has no final figures from %s', (_name, text, some, final) => {
    const result = readText(text)
    expect([result.usage !== null, result.final]).toEqual([some, final])
  })

  it('lives through a line of 3 MB', () => {
    const long = event({ type: 'content_block_delta', delta: { text: 'x'.repeat(3_000_000) } })
    const chunks = [
      enc(start({ input_tokens: 5 })),
      enc(long.slice(0, 1_500_000)),
      enc(long.slice(1_500_000)),
    ]
    expect(readAll([...chunks, enc(delta({ output_tokens: 6 }))])).toMatchObject({
      final: true,
      usage: { input_tokens: 5, output_tokens: 6 },
    })
  })
})

describe('readMessageUsage', () => {
  it('reads a whole message, and nothing from half of one', () => {
    const text = JSON.stringify({ type: 'message', usage: { input_tokens: 1, output_tokens: 2 } })
    expect(readMessageUsage(enc(text))).toEqual({ input_tokens: 1, output_tokens: 2 })
    expect(readMessageUsage(enc(text.slice(0, -3)))).toBeNull()
    expect(readMessageUsage(enc('{}'))).toBeNull()
  })
})
