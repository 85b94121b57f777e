// What every request of a plan has in common: model, settings, tools and system prompt.
import { SYSTEM_PROMPT } from '../briefing/prompts.ts'
import type { ModelSettings } from '../model/model-settings.ts'
import type { createTools } from '../tools/index.ts'

const COMPACTION_BETA = 'compact-2026-09-04'

export type TurnRequest = ReturnType<typeof turnRequest>

/** The same bytes on every request, so that the prefix stays cached. Two breakpoints, an hour each. */
export function turnRequest(model: string, settings: ModelSettings, tools: ReturnType<typeof createTools>) {
  const cache = { type: 'ephemeral', ttl: '1h' } as const
  return {
    model,
    ...settings.request,
    system: [{ type: 'text' as const, text: SYSTEM_PROMPT, cache_control: cache }],
    cache_control: cache,
    // On every request: a summary is sent back with those that follow it.
    betas: settings.canCompact ? [COMPACTION_BETA] : [],
    tools,
  }
}
