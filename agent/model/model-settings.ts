// What the plan's model can do, asked once from the API: the same harness works with models that do not think, have no effort to
// set, or cannot compact. A model nobody can describe gets the plainest request there is.
import type Anthropic from '@anthropic-ai/sdk'
import { APIError } from '@anthropic-ai/sdk'
import type { BetaOutputConfig, BetaThinkingConfigParam } from '@anthropic-ai/sdk/resources/beta'
import { z } from 'zod'

const EFFORTS = ['low', 'medium', 'high', 'xhigh', 'max'] as const
type Effort = (typeof EFFORTS)[number]
const MAX_OUTPUT_TOKENS = 32_000
/** Haiku 5.5 bills a whole request at five times the price once its prompt is longer than this (price list, 2026-10). */
const HAIKU_STEP_TOKENS = 100_000
const ROOM_BELOW_STEP_TOKENS = 10_000

export interface ModelSettings {
  /** Spread into each request. */
  request: { max_tokens: number; thinking?: BetaThinkingConfigParam; output_config?: BetaOutputConfig }
  canCompact: boolean
  /** No conversation should grow longer. */
  contextTokens: number
  /** Neither thinking nor effort is asked for. */
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

/** Errors: those of the API that say nothing about the model (network, overload, withdrawn rights). */
export async function readModelSettings(client: Anthropic, input: SettingsInput): Promise<ModelSettings> {
  try {
    return toSettings(Model.safeParse(await client.beta.models.retrieve(input.model)).data ?? {}, input)
  } catch (error) {
    if (error instanceof APIError && (error.status === 404 || error.status === 400))
      return toSettings({}, input)
    throw error
  }
}

/** Pure. */
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

/** The same without what the API did not take. */
export function plainSettings(settings: ModelSettings): ModelSettings {
  return { ...settings, request: { max_tokens: settings.request.max_tokens }, isPlain: true }
}

/** The wanted effort, or the next lower one the model has, or its lowest; null: it has none. */
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
