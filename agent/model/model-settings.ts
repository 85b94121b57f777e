// Asks the API once what the plan's model can do and builds the request settings from it. This way the agent also works with models
// that have no thinking, no effort setting or no compaction. A model that the API does not describe gets the plainest request.
import type Anthropic from '@anthropic-ai/sdk'
import { APIError } from '@anthropic-ai/sdk'
import type { BetaOutputConfig, BetaThinkingConfigParam } from '@anthropic-ai/sdk/resources/beta'
import { z } from 'zod'
import { Effort } from '../../src/shared/words.ts'

const EFFORTS = Effort.options
const MAX_OUTPUT_TOKENS = 32_000
/** Haiku 5.5 charges five times the price for the whole request once its prompt is longer than this (price list, 2026-10). */
const HAIKU_STEP_TOKENS = 100_000
const ROOM_BELOW_STEP_TOKENS = 10_000

export interface ModelSettings {
  /** Fields for each request. */
  request: { max_tokens: number; thinking?: BetaThinkingConfigParam; output_config?: BetaOutputConfig }
  canCompact: boolean
  /** Largest size of a conversation, in tokens. */
  contextTokens: number
  /** True when neither thinking nor effort is set. */
  isPlain: boolean
}

const Support = z.object({ supported: z.boolean() }).nullish()
const Capabilities = z.object({
  compaction: z.object({ summarize: Support }).nullish(),
  effort: z
    .object({
      supported: z.boolean(),
      low: Support,
      medium: Support,
      high: Support,
      xhigh: Support,
      max: Support,
    })
    .nullish(),
  thinking: z.object({ types: z.object({ adaptive: Support }).nullish() }).nullish(),
})
const Model = z.object({
  max_input_tokens: z.number().nullish(),
  max_tokens: z.number().nullish(),
  capabilities: Capabilities.nullish(),
})
export type ModelAnswer = z.infer<typeof Model>

export interface SettingsInput {
  model: string
  effort: string
  contextTokens: number
}

/** Errors: API errors that say nothing about the model (network, overload, revoked rights). */
export async function readModelSettings(client: Anthropic, input: SettingsInput): Promise<ModelSettings> {
  try {
    return toSettings(Model.safeParse(await client.beta.models.retrieve(input.model)).data ?? {}, input)
  } catch (error) {
    if (error instanceof APIError && (error.status === 404 || error.status === 400))
      return toSettings({}, input)
    throw error
  }
}

/** Pure. Returns the settings for a model from the API's description of it; an empty description gives the plainest ones. */
export function toSettings(
  { max_input_tokens, max_tokens, capabilities }: ModelAnswer,
  { model, effort, contextTokens }: SettingsInput,
): ModelSettings {
  const known = nearestEffort(effort, capabilities?.effort)
  const thinks = capabilities?.thinking?.types?.adaptive?.supported === true
  return {
    request: {
      max_tokens: Math.min(MAX_OUTPUT_TOKENS, max_tokens ?? MAX_OUTPUT_TOKENS),
      ...(thinks ? { thinking: { type: 'adaptive' } } : {}),
      ...(known === null ? {} : { output_config: { effort: known } }),
    },
    isPlain: !thinks && known === null,
    canCompact: capabilities?.compaction?.summarize?.supported === true,
    contextTokens: Math.min(
      contextTokens,
      typeof max_input_tokens === 'number' ? Math.floor(max_input_tokens * 0.6) : contextTokens,
      model.startsWith('claude-haiku-') ? HAIKU_STEP_TOKENS - ROOM_BELOW_STEP_TOKENS : contextTokens,
    ),
  }
}

/** Returns the same settings without thinking and effort, for a model that refused them. */
export function plainSettings(settings: ModelSettings): ModelSettings {
  return { ...settings, request: { max_tokens: settings.request.max_tokens }, isPlain: true }
}

/** Returns the wanted effort, else the next lower one the model has, else its lowest; null when it has no effort setting. */
function nearestEffort(
  wanted: string,
  levels: NonNullable<ModelAnswer['capabilities']>['effort'],
): Effort | null {
  if (levels?.supported !== true) return null
  const known = EFFORTS.filter((effort) => levels[effort]?.supported === true)
  const at = EFFORTS.findIndex((effort) => effort === wanted)
  const limit = at === -1 ? EFFORTS.indexOf('high') : at
  return known.findLast((effort) => EFFORTS.indexOf(effort) <= limit) ?? known[0] ?? null
}
