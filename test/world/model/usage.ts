// Computes the usage of one answer and its cost.
import { z } from 'zod'
import { findModel } from './models.ts'
import type { ModelInfo } from './models.ts'
import type { InputUsage } from './cache.ts'
import type { UsageOverride } from './script.ts'

/** The usage as in the API's answer. A script can add further keys (iterations, server_tool_use). */
export type Usage = InputUsage & { output_tokens: number }

const DOLLARS_PER_WEB_SEARCH = 0.01

/** A script's `usage` replaces the counted one completely. A cache write that it does not split counts as 5 minutes. */
export function toUsage(counted: Usage, override: UsageOverride | null): Usage {
  const base = {
    service_tier: 'standard',
    inference_geo: null,
    server_tool_use: null,
    iterations: null,
    speed: null,
  }
  if (override === null) return { ...base, ...counted }
  const { cache_creation: split, ...rest } = override
  const cacheCreation = split ?? {
    ephemeral_5m_input_tokens: rest.cache_creation_input_tokens,
    ephemeral_1h_input_tokens: 0,
  }
  const created = cacheCreation.ephemeral_5m_input_tokens + cacheCreation.ephemeral_1h_input_tokens
  return { ...base, ...rest, cache_creation_input_tokens: created, cache_creation: cacheCreation }
}

const Extras = z.object({
  iterations: z
    .array(
      z.object({
        type: z.string(),
        model: z.string().nullish(),
        input_tokens: z.number().default(0),
        output_tokens: z.number().default(0),
        cache_read_input_tokens: z.number().default(0),
        cache_creation_input_tokens: z.number().default(0),
        cache_creation: z
          .object({ ephemeral_5m_input_tokens: z.number(), ephemeral_1h_input_tokens: z.number() })
          .optional(),
      }),
    )
    .nullish(),
  server_tool_use: z.object({ web_search_requests: z.number().default(0) }).nullish(),
})

/** Returns dollars. The top-level numbers do not include iterations other than the message, so those are added. */
export function toDollars(usage: Usage, model: ModelInfo): number {
  const extras = Extras.parse(usage)
  const extraIterations = (extras.iterations ?? []).filter((entry) => entry.type !== 'message')
  const iterations = extraIterations.map((entry) =>
    priceTokens(toUsage({ ...entry, cache_creation: noSplit }, entry), findModel(entry.model ?? '') ?? model),
  )
  return (
    priceTokens(usage, model) +
    iterations.reduce((sum, dollars) => sum + dollars, 0) +
    (extras.server_tool_use?.web_search_requests ?? 0) * DOLLARS_PER_WEB_SEARCH
  )
}

const noSplit = { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 }

function priceTokens(usage: Usage, model: ModelInfo): number {
  const promptTokens = usage.input_tokens + usage.cache_read_input_tokens + usage.cache_creation_input_tokens
  const isLong = model.long !== undefined && promptTokens > model.long.aboveTokens
  const rates = isLong && model.long !== undefined ? model.long.rates : model.rates
  const millionths =
    usage.input_tokens * rates.input +
    usage.output_tokens * rates.output +
    usage.cache_read_input_tokens * rates.read +
    usage.cache_creation.ephemeral_5m_input_tokens * rates.write5m +
    usage.cache_creation.ephemeral_1h_input_tokens * rates.write1h
  return millionths / 1e6
}
