// Returns the dollars that a model call cost, from the usage it reported. Where the figures leave a choice, the more expensive
// reading is taken, so that our sum is never below the upstream's own. Pure.
import { toCounts, tokensOf } from '../../shared/usage.ts'
import type { Tokens, Usage } from '../../shared/usage.ts'
import { usdFor, usdForWebSearches } from '../../lib/prices.ts'

export interface Spent {
  usd: number
  tokens: Tokens
}

export function spentOn(model: string, usage: Usage): Spent {
  const parts = [{ model, counts: toCounts(usage) }]
  // The top-level totals hold the samplings of the message itself; compactions and advisors come on top.
  for (const iteration of usage.iterations ?? [])
    if (iteration.type !== 'message')
      parts.push({ model: iteration.model ?? model, counts: toCounts(iteration) })
  return {
    usd:
      parts.reduce((total, part) => total + usdFor(part.model, part.counts), 0) +
      usdForWebSearches(usage.server_tool_use?.web_search_requests ?? 0),
    tokens: tokensOf(usage),
  }
}

export interface CutInput {
  model: string
  /** What the stream had said when it was cut. */
  usage: Usage
  maxTokens: number
  compactionUsd: number
}

/**
 * What a stream that was cut came to at most: its input is known from its first event, its output is no longer than asked for.
 * The upstream goes on writing for a moment that nobody sees, so what was seen would be too little.
 */
export function spentAtMost({ model, usage, maxTokens, compactionUsd }: CutInput): Spent {
  const shown = spentOn(model, usage)
  const written = Math.max(usage.output_tokens ?? 0, maxTokens)
  return {
    usd: spentOn(model, { ...usage, output_tokens: written }).usd + compactionUsd,
    tokens: shown.tokens,
  }
}
