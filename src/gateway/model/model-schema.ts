// The allow-list of what a model call may hold: fields, block types, tools. Everything else is refused by name, because an
// unknown field may spend, fetch or store: server tools, containers, MCP servers, files, other tiers and speeds.
import * as z from 'zod'
import { isPriced, MAX_OUTPUT_TOKENS, pricedModels } from '../../lib/prices.ts'
import { Effort } from '../../shared/words.ts'

const text = z.string()
const CacheControl = z
  .strictObject({ type: z.literal('ephemeral'), ttl: z.enum(['5m', '1h']).optional() })
  .nullish()

const TextBlock = z.strictObject({
  type: z.literal('text'),
  text,
  cache_control: CacheControl,
  citations: z.null().optional(),
})
const ImageBlock = z.strictObject({
  type: z.literal('image'),
  // Only base64 is allowed. A URL would make the upstream fetch for the VM, and a file id could reach files of others.
  source: z.strictObject({
    type: z.literal('base64'),
    media_type: z.enum(['image/jpeg', 'image/png', 'image/gif', 'image/webp']),
    data: text,
  }),
  cache_control: CacheControl,
})
const ToolResultBlock = z.strictObject({
  type: z.literal('tool_result'),
  tool_use_id: text,
  content: z.union([text, z.array(z.discriminatedUnion('type', [TextBlock, ImageBlock]))]).optional(),
  is_error: z.boolean().optional(),
  toolset_name: z.null().optional(),
  cache_control: CacheControl,
})
const ToolUseBlock = z.strictObject({
  type: z.literal('tool_use'),
  id: text,
  name: text,
  input: z.unknown(),
  caller: z.strictObject({ type: z.literal('direct') }).nullish(),
  toolset_name: z.null().optional(),
  cache_control: CacheControl,
})
const ThinkingBlock = z.strictObject({ type: z.literal('thinking'), thinking: text, signature: text })
const RedactedThinkingBlock = z.strictObject({ type: z.literal('redacted_thinking'), data: text })
const CompactionBlock = z.strictObject({
  type: z.literal('compaction'),
  content: text.nullish(),
  encrypted_content: text.nullish(),
  signature: text.nullish(),
  tool_changes: z.null().optional(),
  cache_control: CacheControl,
})

const Block = z.discriminatedUnion('type', [
  TextBlock,
  ImageBlock,
  ToolUseBlock,
  ToolResultBlock,
  ThinkingBlock,
  RedactedThinkingBlock,
  CompactionBlock,
])
const Message = z.strictObject({
  role: z.enum(['user', 'assistant', 'system']),
  content: z.union([text, z.array(Block)]),
})

/** Only custom tools are allowed. Tools with another `type` run, search or fetch at the upstream, at a price of their own. */
const Tool = z.strictObject({
  type: z.literal('custom').nullish(),
  name: text,
  description: text.optional(),
  input_schema: z.record(z.string(), z.unknown()),
  strict: z.boolean().optional(),
  eager_input_streaming: z.boolean().nullish(),
  input_examples: z.array(z.record(z.string(), z.unknown())).optional(),
  cache_control: CacheControl,
})

const Display = z.enum(['summarized', 'omitted', 'updates']).nullish()
const BlockBinding = z
  .strictObject({ prefix_mismatch_behavior: z.enum(['error', 'drop_block']).nullish() })
  .nullish()
const Thinking = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('adaptive'), display: Display, block_binding: BlockBinding }),
  z.strictObject({
    type: z.literal('enabled'),
    budget_tokens: z.int(),
    display: Display,
    block_binding: BlockBinding,
  }),
  z.strictObject({ type: z.literal('disabled') }),
])
const JsonFormat = z.strictObject({
  type: z.literal('json_schema'),
  schema: z.record(z.string(), z.unknown()),
})
const OutputConfig = z.strictObject({
  effort: Effort.nullish(),
  format: JsonFormat.nullish(),
  task_budget: z
    .strictObject({ type: z.literal('tokens'), total: z.number(), remaining: z.number().nullish() })
    .nullish(),
})
const ToolChoice = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('auto'), disable_parallel_tool_use: z.boolean().optional() }),
  z.strictObject({ type: z.literal('any'), disable_parallel_tool_use: z.boolean().optional() }),
  z.strictObject({ type: z.literal('tool'), name: text, disable_parallel_tool_use: z.boolean().optional() }),
  z.strictObject({ type: z.literal('none') }),
])

const shared = {
  model: z.string().refine(isPriced, {
    error: () => `has no price in this version; use one of ${pricedModels().join(', ')}`,
  }),
  messages: z.array(Message).min(1),
  system: z.union([text, z.array(TextBlock)]).optional(),
  tools: z.array(Tool).optional(),
  tool_choice: ToolChoice.optional(),
  thinking: Thinking.optional(),
  output_config: OutputConfig.optional(),
  output_format: JsonFormat.nullish(),
  cache_control: CacheControl,
}

/** Body of POST /v1/messages. */
export const MessagesBody = z.strictObject({
  ...shared,
  max_tokens: z.int().min(0).max(MAX_OUTPUT_TOKENS),
  stream: z.boolean().optional(),
  stop_sequences: z.array(text).optional(),
  temperature: z.number().optional(),
  top_p: z.number().optional(),
  top_k: z.number().optional(),
  metadata: z.strictObject({ user_id: text.nullish() }).optional(),
  // 'auto' may use capacity with another price.
  service_tier: z.literal('standard_only').optional(),
  compaction: z.strictObject({ type: z.literal('summarize'), instructions: text.nullish() }).nullish(),
})

/** Body of POST /v1/messages/count_tokens, which costs nothing. */
export const CountBody = z.strictObject(shared)

export const ALLOWED_BETAS = new Set([
  'compact-2026-09-04',
  'context-1m-2025-08-07',
  'extended-cache-ttl-2025-04-11',
  'interleaved-thinking-2025-05-14',
  'model-context-window-exceeded-2025-08-26',
  'output-128k-2025-02-19',
  'prompt-caching-2024-07-31',
  'structured-outputs-2025-11-13',
  'task-budgets-2026-03-13',
  'thinking-binding-controls-2026-08-01',
  'thinking-display-updates-2026-08-18',
  'thinking-token-count-2026-05-13',
  'token-counting-2024-11-01',
  'token-efficient-tools-2025-02-19',
])
/**
 * The SDK adds this beta to every conversation. It means nothing once `thread` is refused, so it is dropped instead of refused.
 */
export const DROPPED_BETAS = new Set(['message-threads-2026-08-12'])
export const API_VERSIONS = new Set(['2023-06-01', '2026-10-21'])
