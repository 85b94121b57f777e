// The models that the stand-in knows: limits and prices in dollars per million tokens, as of 2026-11. The gateway has a table of
// its own, so a mistake in one of them shows as a difference.

type Rates = { input: number; output: number; write5m: number; write1h: number; read: number }

export type ModelInfo = {
  id: string
  line: 'opus' | 'sonnet' | 'haiku' | 'fable'
  displayName: string
  createdAt: string
  maxInputTokens: number
  maxOutputTokens: number
  /** Thinking is always on and adaptive. It cannot be disabled and takes no budget. */
  adaptiveOnly: boolean
  rates: Rates
  /** The whole request is billed at these rates when its prompt is longer than `aboveTokens`. */
  long?: { aboveTokens: number; rates: Rates }
}

const limits = { maxInputTokens: 1_000_000, maxOutputTokens: 128_000, adaptiveOnly: true }
const rates = (input: number, output: number, write5m: number, write1h: number, read: number): Rates => ({
  input,
  output,
  write5m,
  write1h,
  read,
})

/** Newest first, as GET /v1/models lists them. */
export const models: readonly ModelInfo[] = [
  {
    ...limits,
    id: 'claude-fable-5-2',
    line: 'fable',
    displayName: 'Claude Fable 5.2',
    createdAt: '2026-11-09T00:00:00Z',
    rates: rates(8, 40, 10, 16, 0.2),
  },
  {
    ...limits,
    id: 'claude-haiku-5-5',
    line: 'haiku',
    displayName: 'Claude Haiku 5.5',
    createdAt: '2026-10-07T00:00:00Z',
    rates: rates(0.1, 0.5, 0.125, 0.2, 0.01),
    long: { aboveTokens: 100_000, rates: rates(0.5, 2.5, 0.625, 1, 0.05) },
  },
  {
    ...limits,
    id: 'claude-sonnet-5-5',
    line: 'sonnet',
    displayName: 'Claude Sonnet 5.5',
    createdAt: '2026-10-07T00:00:00Z',
    rates: rates(2, 10, 2.5, 4, 0.1),
  },
  {
    ...limits,
    id: 'claude-opus-5-5',
    line: 'opus',
    displayName: 'Claude Opus 5.5',
    createdAt: '2026-09-22T00:00:00Z',
    rates: rates(4, 20, 5, 8, 0.2),
  },
  {
    ...limits,
    id: 'claude-fable-5-1',
    line: 'fable',
    displayName: 'Claude Fable 5.1',
    createdAt: '2026-07-01T00:00:00Z',
    rates: rates(10, 50, 12.5, 20, 0.25),
  },
  {
    ...limits,
    id: 'claude-opus-5',
    line: 'opus',
    displayName: 'Claude Opus 5',
    createdAt: '2026-05-01T00:00:00Z',
    adaptiveOnly: false,
    rates: rates(5, 25, 6.25, 10, 0.5),
  },
]

export function findModel(id: string): ModelInfo | undefined {
  return models.find((model) => model.id === id)
}

const yes = { supported: true }
const no = { supported: false }

/** The answer of GET /v1/models/{id}. */
export function toModelAnswer(model: ModelInfo): Record<string, unknown> {
  return {
    type: 'model',
    id: model.id,
    display_name: model.displayName,
    created_at: model.createdAt,
    deprecated_at: null,
    retires_at: null,
    lifecycle: 'active',
    line: model.line,
    max_input_tokens: model.maxInputTokens,
    max_tokens: model.maxOutputTokens,
    allowed_fallback_models: [],
    capabilities: {
      batch: no,
      citations: no,
      code_execution: no,
      compaction: { supported: true, summarize: yes },
      context_management: {
        supported: false,
        clear_thinking_20251015: no,
        clear_tool_uses_20250919: no,
        compact_20260112: no,
      },
      effort: { supported: true, low: yes, medium: yes, high: yes, xhigh: yes, max: yes },
      image_input: yes,
      pdf_input: yes,
      server_tools: { supported: false, code_execution: no, web_search: no },
      structured_outputs: yes,
      thinking: {
        supported: true,
        types: {
          adaptive: yes,
          between_tools: no,
          disabled: model.adaptiveOnly ? no : yes,
          enabled: model.adaptiveOnly ? no : yes,
        },
      },
    },
  }
}
