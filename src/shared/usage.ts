// Reads how many tokens a call of the model used, from its message or from the events of its stream, for the Worker and the VM.
// Pure. Prices are the gateway's own.
import * as z from 'zod'
import { parseJson } from './json.ts'

const count = z.number().min(0).nullish()
const CacheCreation = z.object({
  ephemeral_5m_input_tokens: count,
  ephemeral_1h_input_tokens: count,
})
const Counts = z.object({
  input_tokens: count,
  output_tokens: count,
  cache_creation_input_tokens: count,
  cache_read_input_tokens: count,
  cache_creation: CacheCreation.nullish(),
})
type Counts = z.infer<typeof Counts>

/** The fields we read of the API's usage object; in a stream message_start has the input side, message_delta the totals so far. */
export const Usage = Counts.extend({
  iterations: z.array(Counts.extend({ type: z.string(), model: z.string().nullish() })).nullish(),
  server_tool_use: z.object({ web_search_requests: count }).nullish(),
})
export type Usage = z.infer<typeof Usage>

export const Tokens = z.object({
  input: z.number(),
  output: z.number(),
  cacheRead: z.number(),
  cacheWrite: z.number(),
})
export type Tokens = z.infer<typeof Tokens>

/** Later totals replace earlier ones field by field; null says nothing. Totals only grow, so a smaller one is not believed. */
export function mergeUsage(earlier: Usage, later: Usage): Usage {
  return {
    input_tokens: more(earlier.input_tokens, later.input_tokens),
    output_tokens: more(earlier.output_tokens, later.output_tokens),
    cache_creation_input_tokens: more(earlier.cache_creation_input_tokens, later.cache_creation_input_tokens),
    cache_read_input_tokens: more(earlier.cache_read_input_tokens, later.cache_read_input_tokens),
    cache_creation: later.cache_creation ?? earlier.cache_creation,
    iterations: later.iterations ?? earlier.iterations,
    server_tool_use: later.server_tool_use ?? earlier.server_tool_use,
  }
}

const more = (a: number | null | undefined, b: number | null | undefined): number => Math.max(a ?? 0, b ?? 0)

export const addTokens = (a: Tokens, b: Tokens): Tokens => ({
  input: a.input + b.input,
  output: a.output + b.output,
  cacheRead: a.cacheRead + b.cacheRead,
  cacheWrite: a.cacheWrite + b.cacheWrite,
})

/** Tokens of a message with what stands beside its totals, which hold the samplings of the message itself only: compactions and advisors. */
export function tokensOf(usage: Usage): Tokens {
  const beside = (usage.iterations ?? []).filter(({ type }) => type !== 'message')
  const sum = (pick: (counts: TokenCounts) => number) =>
    [usage, ...beside].reduce((total, one) => total + pick(toCounts(one)), 0)
  return {
    input: sum((one) => one.input),
    output: sum((one) => one.output),
    cacheRead: sum((one) => one.cacheRead),
    cacheWrite: sum((one) => one.cacheWrite5m + one.cacheWrite1h),
  }
}

/** Tokens of one sampling, told apart by price. */
export interface TokenCounts {
  input: number
  output: number
  cacheRead: number
  cacheWrite5m: number
  cacheWrite1h: number
}

export function toCounts(usage: Counts): TokenCounts {
  const written = usage.cache_creation_input_tokens ?? 0
  const short = usage.cache_creation?.ephemeral_5m_input_tokens ?? 0
  const long = usage.cache_creation?.ephemeral_1h_input_tokens ?? 0
  return {
    input: usage.input_tokens ?? 0,
    output: usage.output_tokens ?? 0,
    cacheRead: usage.cache_read_input_tokens ?? 0,
    cacheWrite5m: short,
    // What the breakdown does not explain is charged as the dearer kind.
    cacheWrite1h: Math.max(long, written - short),
  }
}

const StreamEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('message_start'), message: z.object({ usage: Usage }) }),
  z.object({
    type: z.literal('message_delta'),
    delta: z.object({ stop_reason: z.string().nullish() }).nullish(),
    usage: Usage.nullish(),
  }),
])

export interface UsageReader {
  read(chunk: Uint8Array): void
  /** True once the upstream said what it read: from then on a cut has an upper bound. */
  knowsInput(): boolean
  /** `final`: the message came to its end, so these are the upstream's own totals. null: it never said. */
  result(): { usage: Usage | null; final: boolean }
}

/** Longer than any event with usage in it; blocks of text may be longer and are not looked at. */
const MAX_LINE_CHARS = 1_000_000

export function createUsageReader(): UsageReader {
  const decoder = new TextDecoder()
  let line = ''
  let usage: Usage | null = null
  let final = false
  const take = (one: string) => {
    // Cheap tests first: nearly every line is a piece of text.
    if (!one.startsWith('data:') || !(one.includes('message_start') || one.includes('message_delta'))) return
    const event = StreamEvent.safeParse(parseJson(one.slice('data:'.length)))
    if (!event.success) return
    const seen = event.data.type === 'message_start' ? event.data.message.usage : event.data.usage
    if (seen === null || seen === undefined) return
    usage = usage === null ? seen : mergeUsage(usage, seen)
    if (event.data.type === 'message_delta' && typeof event.data.delta?.stop_reason === 'string') final = true
  }
  return {
    read(chunk) {
      const lines = (line + decoder.decode(chunk, { stream: true })).split(/\r\n|\n|\r(?!$)/)
      line = lines.pop() ?? ''
      for (const one of lines) take(one)
      if (line.length > MAX_LINE_CHARS) line = 'skipped:'
    },
    knowsInput: () => usage !== null,
    result() {
      take(line)
      return { usage, final }
    },
  }
}

const Message = z.object({ usage: Usage })

/** Of an answer that is not streamed; null when it is no whole message. */
export function readMessageUsage(body: Uint8Array): Usage | null {
  const message = Message.safeParse(parseJson(body))
  return message.success ? message.data.usage : null
}
