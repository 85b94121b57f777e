// Builds the part that all model requests of a plan share: model, settings, tools and system prompt.
import { SYSTEM_PROMPT } from '../briefing/prompts.ts'
import type { ModelSettings } from '../model/model-settings.ts'
import type { createTools } from '../tools/index.ts'

const COMPACTION_BETA = 'compact-2026-09-04'

export type TurnRequest = ReturnType<typeof turnRequest>

/** Returns the same bytes for every request, so that the prefix stays cached. It sets two cache breakpoints, an hour each. */
export function turnRequest(model: string, settings: ModelSettings, tools: ReturnType<typeof createTools>) {
  const cache = { type: 'ephemeral', ttl: '1h' } as const
  return {
    model,
    ...settings.request,
    system: [{ type: 'text' as const, text: SYSTEM_PROMPT, cache_control: cache }],
    cache_control: cache,
    // The beta is named on every request, because later requests send an earlier summary back.
    betas: settings.canCompact ? [COMPACTION_BETA] : [],
    tools,
  }
}
