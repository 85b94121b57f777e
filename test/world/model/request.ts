// Parses the body of POST /v1/messages and describes what is wrong with it.
import { z } from 'zod'

const CacheControl = z.object({ type: z.literal('ephemeral'), ttl: z.enum(['5m', '1h']).optional() })
export type CacheControl = z.infer<typeof CacheControl>

export const Block = z.looseObject({
  type: z.string(),
  text: z.string().optional(),
  id: z.string().optional(),
  name: z.string().optional(),
  tool_use_id: z.string().optional(),
  is_error: z.boolean().optional(),
  thinking: z.string().optional(),
  signature: z.string().optional(),
  content: z.unknown().optional(),
  cache_control: CacheControl.nullish(),
})
export type Block = z.infer<typeof Block>

const Message = z.looseObject({
  role: z.enum(['user', 'assistant', 'system']),
  content: z.union([z.string(), z.array(Block)]),
})
export type Message = z.infer<typeof Message>

/** Strict like the real API: an unknown field is a 400. A field that is not imitated here is refused by name. */
export const MessagesRequest = z.strictObject({
  model: z.string(),
  messages: z.array(Message),
  max_tokens: z.int().min(0),
  stream: z.boolean().optional(),
  system: z.union([z.string(), z.array(Block)]).optional(),
  tools: z
    .array(z.looseObject({ name: z.string().optional(), cache_control: CacheControl.nullish() }))
    .optional(),
  tool_choice: z.looseObject({ type: z.string() }).optional(),
  thinking: z
    .looseObject({
      type: z.enum(['adaptive', 'enabled', 'disabled', 'between_tools']),
      display: z.enum(['summarized', 'omitted', 'updates']).nullish(),
      block_binding: z.looseObject({ prefix_mismatch_behavior: z.string().nullish() }).nullish(),
    })
    .optional(),
  output_config: z
    .looseObject({
      effort: z.enum(['low', 'medium', 'high', 'xhigh', 'max']).nullish(),
      format: z
        .looseObject({ type: z.literal('json_schema'), schema: z.record(z.string(), z.unknown()) })
        .nullish(),
    })
    .optional(),
  cache_control: CacheControl.nullish(),
  metadata: z.looseObject({}).optional(),
  service_tier: z.string().optional(),
  stop_sequences: z.array(z.string()).optional(),
  temperature: z.number().optional(),
  top_k: z.number().optional(),
  top_p: z.number().optional(),
  diagnostics: z.unknown().optional(),
  thread: z.unknown().optional(),
  context_management: z.unknown().optional(),
  compaction: z.looseObject({ type: z.literal('summarize'), instructions: z.string().nullish() }).nullish(),
  container: z.unknown().optional(),
  mcp_servers: z.unknown().optional(),
  fallbacks: z.unknown().optional(),
})
export type MessagesRequest = z.infer<typeof MessagesRequest>

/** `offence` means that the caller broke a rule of the API, which the stand-in records; otherwise a test asked for the fault. */
export type Problem = {
  status: number
  message: string
  errorCode?: string
  retryAfterS?: number
  offence: boolean
}

const errorTypes: Record<number, string> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  409: 'conflict_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  504: 'timeout_error',
  529: 'overloaded_error',
}

/** Returns the error in the form of the real API. */
export function toErrorAnswer(problem: Problem, requestId: string): Record<string, unknown> {
  return {
    type: 'error',
    error: {
      type: errorTypes[problem.status] ?? (problem.status < 500 ? 'invalid_request_error' : 'api_error'),
      message: problem.message,
      ...(problem.errorCode === undefined ? {} : { details: { error_code: problem.errorCode } }),
    },
    request_id: requestId,
  }
}

/** Returns the content as blocks; a string is one text block. */
export function toBlocks(content: string | Block[]): Block[] {
  return typeof content === 'string' ? [{ type: 'text', text: content }] : content
}

/** Returns JSON without cache_control, because cache keys and thinking blocks do not depend on breakpoints. */
export function toPlainJson(value: unknown): string {
  return JSON.stringify(value, (key, inner: unknown) => (key === 'cache_control' ? undefined : inner)) ?? ''
}
