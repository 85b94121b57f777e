// Dollars for tokens, by the price list that the vendor published when it was read on 2026-11-22. A model that is not in it is
// refused, because a call without a price cannot be kept within a budget.
import type { TokenCounts } from '../shared/usage.ts'

/** Dollars per million tokens of each kind. */
type Rates = TokenCounts

interface Price extends Rates {
  /** Rates for the whole request once its prompt is longer than `above` tokens. */
  long?: Rates & { above: number }
}

const rates = (
  input: number,
  output: number,
  cacheWrite5m: number,
  cacheWrite1h: number,
  cacheRead: number,
): Rates => ({ input, output, cacheWrite5m, cacheWrite1h, cacheRead })

const PRICES = new Map<string, Price>([
  ['claude-fable-5-2', rates(8, 40, 10, 16, 0.2)],
  ['claude-fable-5-1', rates(10, 50, 12.5, 20, 0.25)],
  ['claude-opus-5-5', rates(4, 20, 5, 8, 0.2)],
  ['claude-opus-5', rates(5, 25, 6.25, 10, 0.5)],
  ['claude-sonnet-5-5', rates(2, 10, 2.5, 4, 0.1)],
  [
    'claude-haiku-5-5',
    { ...rates(0.1, 0.5, 0.125, 0.2, 0.01), long: { ...rates(0.5, 2.5, 0.625, 1, 0.05), above: 100_000 } },
  ],
])

export const MAX_OUTPUT_TOKENS = 128_000
/** Charged beside the tokens. Server tools are refused, so this only covers an unexpected charge. */
const USD_PER_WEB_SEARCH = 0.01
const PER_MILLION = 1_000_000

/** Finds `claude-opus-5-5` and its dated form `claude-opus-5-5-20260922` alike. */
function priceOf(model: string): Price | undefined {
  return PRICES.get(model) ?? PRICES.get(model.replace(/-\d{8}$/, ''))
}

export const isPriced = (model: string): boolean => priceOf(model) !== undefined

export const pricedModels = (): string[] => [...PRICES.keys()]

/** Returns the dollars for one sampling. An unknown model is charged at the highest rates of the table. */
export function usdFor(model: string, tokens: TokenCounts): number {
  const price = priceOf(model) ?? dearest()
  const prompt = tokens.input + tokens.cacheRead + tokens.cacheWrite5m + tokens.cacheWrite1h
  const used = price.long !== undefined && prompt > price.long.above ? price.long : price
  return (
    (tokens.input * used.input +
      tokens.output * used.output +
      tokens.cacheRead * used.cacheRead +
      tokens.cacheWrite5m * used.cacheWrite5m +
      tokens.cacheWrite1h * used.cacheWrite1h) /
    PER_MILLION
  )
}

export const usdForWebSearches = (count: number): number => count * USD_PER_WEB_SEARCH

/** Tokens the API adds to a request (the tool-use prompt and the like), which the body does not show. */
const FRAME_TOKENS = 3_000
/** Tokens of one image of any size: larger images are scaled down before they are counted. */
const IMAGE_TOKENS = 5_000
/** The largest window of the table. The upstream refuses a longer prompt at no cost. */
const MAX_PROMPT_TOKENS = 1_000_000

export interface WorstCaseInput {
  model: string
  bodyBytes: number
  images: number
  maxTokens: number
  /** A compaction reads the whole prompt once more and writes a summary. */
  compacts: boolean
}

/**
 * Returns dollars, as if every byte were one token, all written to the cache for an hour, and every output token used. No text
 * has more tokens than bytes, not even one made for that (ordinary text has a quarter). So a call admitted by this sum cannot
 * cost more.
 */
export function worstCaseUsd({ model, bodyBytes, images, maxTokens, compacts }: WorstCaseInput): number {
  const price = priceOf(model) ?? dearest()
  const top = price.long ?? price
  const input = Math.min(bodyBytes + images * IMAGE_TOKENS + FRAME_TOKENS, MAX_PROMPT_TOKENS)
  const once = (input * Math.max(top.input, top.cacheWrite1h) + maxTokens * top.output) / PER_MILLION
  return compacts ? once * 2 : once
}

function dearest(): Price {
  const all = [...PRICES.values()]
  const max = (kind: keyof Rates) => Math.max(...all.map((price) => price[kind]))
  return rates(max('input'), max('output'), max('cacheWrite5m'), max('cacheWrite1h'), max('cacheRead'))
}
