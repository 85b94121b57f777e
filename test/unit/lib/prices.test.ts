import { describe, expect, it } from 'vitest'
import { isPriced, pricedModels, usdFor, worstCaseUsd } from '../../../src/lib/prices.ts'

const none = { input: 0, output: 0, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 }
const MILLION = 1_000_000

const haiku = (input: number) =>
  usdFor('claude-haiku-5-5', { ...none, input, cacheRead: 50_000, output: 1_000 })

describe('usdFor', () => {
  it.each([
    ['claude-opus-5-5', [4, 20, 0.2, 5, 8]],
    ['claude-sonnet-5-5', [2, 10, 0.1, 2.5, 4]],
    ['claude-fable-5-2', [8, 40, 0.2, 10, 16]],
    ['claude-opus-5', [5, 25, 0.5, 6.25, 10]],
    ['claude-fable-5-1', [10, 50, 0.25, 12.5, 20]],
  ])('prices a million tokens of %s by the table', (model, expected) => {
    const kinds = ['input', 'output', 'cacheRead', 'cacheWrite5m', 'cacheWrite1h'] as const
    expect(kinds.map((kind) => usdFor(model, { ...none, [kind]: MILLION }))).toEqual(expected)
  })

  it('prices the whole of a Haiku request dearer once its prompt is above 100,000 tokens', () => {
    expect(haiku(50_000)).toBeCloseTo((50_000 * 0.1 + 50_000 * 0.01 + 1_000 * 0.5) / MILLION, 12)
    expect(haiku(50_001)).toBeCloseTo((50_001 * 0.5 + 50_000 * 0.05 + 1_000 * 2.5) / MILLION, 12)
  })

  it('takes the dearest rates for a model it does not know', () => {
    expect(usdFor('claude-next', { ...none, output: MILLION })).toBe(50)
  })
})

describe('isPriced', () => {
  it('knows the models of the table, also by their dated names, and nothing that merely begins alike', () => {
    expect(pricedModels().every(isPriced)).toBe(true)
    expect(isPriced('claude-opus-5-5-20260922')).toBe(true)
    for (const model of ['claude-opus-5-5-fast', 'claude-opus', '', 'claude-opus-5-5-2026092', 'constructor'])
      expect(isPriced(model)).toBe(false)
  })
})

describe('worstCaseUsd', () => {
  it('is above what any use of the same bytes and tokens can cost', () => {
    for (const model of pricedModels()) {
      const [bodyBytes, maxTokens] = [3_000_000, 64_000]
      const worst = worstCaseUsd({ model, bodyBytes, images: 0, maxTokens, compacts: false })
      const used = usdFor(model, { ...none, cacheWrite1h: 1_000_000, output: maxTokens })
      expect(worst).toBeGreaterThanOrEqual(used)
    }
  })

  it('takes every byte for a token, and an image for as many as the largest has', () => {
    const of = (bodyBytes: number, images: number) =>
      worstCaseUsd({ model: 'claude-opus-5-5', bodyBytes, images, maxTokens: 0, compacts: false })
    expect(of(200_000, 0) - of(100_000, 0)).toBeCloseTo((100_000 * 8) / MILLION, 9)
    expect(of(1_000, 3) - of(1_000, 0)).toBeCloseTo((15_000 * 8) / MILLION, 9)
    expect(of(20_000_000, 500)).toBe(8) // no prompt is longer than the window
  })

  it('is doubled by a compaction', () => {
    const input = { model: 'claude-opus-5-5', bodyBytes: 9_000, images: 0, maxTokens: 100 }
    const once = worstCaseUsd({ ...input, compacts: false })
    expect(worstCaseUsd({ ...input, compacts: true })).toBe(once * 2)
  })
})
