// Counts the tokens of each model answer from its bytes as they pass, and keeps them in usage.jsonl in the plan's home. The gateway
// counts by itself and computes the cost in dollars; a test compares both sums.
import { join } from 'node:path'
import { z } from 'zod'
import { openAppendLog, readLog } from '../machine/durable.ts'
import type { PlanContext } from '../plan/plan-context.ts'
import { parseJson } from '../../src/shared/json.ts'

const count = z
  .number()
  .nullish()
  .transform((value) => value ?? 0)
const Counts = z.object({
  input_tokens: count,
  output_tokens: count,
  cache_read_input_tokens: count,
  cache_creation_input_tokens: count,
})
const Usage = Counts.extend({ iterations: z.array(Counts.extend({ type: z.string() })).nullish() })
type Usage = z.infer<typeof Usage>

const Tokens = z.object({
  input: z.number(),
  output: z.number(),
  cacheRead: z.number(),
  cacheWrite: z.number(),
})
export type Tokens = z.infer<typeof Tokens>
const Line = Tokens.extend({ at: z.number(), attempt: z.int(), whole: z.boolean() })
const ZERO: Tokens = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 }

export interface UsageLog {
  /** Returns a reader for one answer's bytes. Its end() writes one line; `whole` says that the answer was complete. */
  reader(contentType: string): { read(chunk: Uint8Array): void; end(): void }
  spent(): Tokens & { answers: number }
}

export function openUsageLog(home: string, attempt: number): UsageLog {
  const file = join(home, '.ralph/usage.jsonl')
  const append = openAppendLog(file)
  return {
    reader(contentType) {
      const reader = contentType.includes('event-stream') ? streamReader() : messageReader()
      return {
        read: (chunk) => reader.read(chunk),
        end() {
          const { usage, whole } = reader.result()
          if (usage !== null) append({ at: Date.now(), attempt, whole, ...toTokens(usage) })
        },
      }
    },
    spent() {
      const lines = readLog(file).flatMap((line) => Line.safeParse(line).data ?? [])
      const own = lines.filter((line) => line.attempt === attempt)
      return { ...own.reduce<Tokens>(add, ZERO), answers: own.length }
    },
  }
}

/** Returns the share of the prompt, 0 to 1, that came from the cache. */
export function cacheHitShare({ input, cacheRead, cacheWrite }: Tokens): number {
  const prompt = input + cacheRead + cacheWrite
  return prompt === 0 ? 0 : cacheRead / prompt
}

/** Reports the attempt's tokens to the history. The gateway counts the dollars. */
export function reportSpent({ home, start, report }: PlanContext): void {
  const spent = openUsageLog(home, start.attempt).spent()
  if (spent.answers === 0) return
  const share = cacheHitShare(spent)
  const prompt = spent.input + spent.cacheRead + spent.cacheWrite
  report({
    kind: 'event',
    type: 'usage',
    text: `${spent.answers} answers of the model: ${prompt} tokens read, ${Math.round(share * 100)} % of them from the cache, ${spent.output} written.`,
    data: { ...spent, cache_hit_share: Math.round(share * 10_000) / 10_000 },
  })
}

/** The totals do not include compactions, so those are added. */
function toTokens(usage: Usage): Tokens {
  const beside = (usage.iterations ?? []).filter(({ type }) => type !== 'message')
  return [usage, ...beside]
    .map((one) => ({
      input: one.input_tokens,
      output: one.output_tokens,
      cacheRead: one.cache_read_input_tokens,
      cacheWrite: one.cache_creation_input_tokens,
    }))
    .reduce<Tokens>(add, ZERO)
}

function add(a: Tokens, b: Tokens): Tokens {
  return {
    input: a.input + b.input,
    output: a.output + b.output,
    cacheRead: a.cacheRead + b.cacheRead,
    cacheWrite: a.cacheWrite + b.cacheWrite,
  }
}

interface Reader {
  read(chunk: Uint8Array): void
  result(): { usage: Usage | null; whole: boolean }
}

const Event = z.discriminatedUnion('type', [
  z.object({ type: z.literal('message_start'), message: z.object({ usage: Usage }) }),
  z.object({ type: z.literal('message_delta'), usage: Usage }),
])
const MAX_LINE_CHARS = 1_000_000

/** Reads a stream: message_start holds the prompt's tokens, message_delta the totals so far. */
function streamReader(): Reader {
  const decoder = new TextDecoder()
  let rest = ''
  let usage: Usage | null = null
  let whole = false
  const take = (line: string) => {
    if (!line.startsWith('data:') || !/message_start|message_delta/.test(line)) return
    const event = Event.safeParse(parseJson(line.slice('data:'.length))).data
    if (event?.type === 'message_start') usage = event.message.usage
    if (event?.type !== 'message_delta') return
    usage = usage === null ? event.usage : merge(usage, event.usage)
    whole = true
  }
  return {
    read(chunk) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
      rest = lines.pop() ?? ''
      // A text block may be a very long line. A line with token counts never is.
      if (rest.length > MAX_LINE_CHARS) rest = 'skipped'
      lines.forEach(take)
    },
    result: () => ({ usage, whole }),
  }
}

/** Takes the larger of two totals. Totals only grow, and a total that a delta leaves out reads as 0. */
function merge(a: Usage, b: Usage): Usage {
  return {
    input_tokens: Math.max(a.input_tokens, b.input_tokens),
    output_tokens: Math.max(a.output_tokens, b.output_tokens),
    cache_read_input_tokens: Math.max(a.cache_read_input_tokens, b.cache_read_input_tokens),
    cache_creation_input_tokens: Math.max(a.cache_creation_input_tokens, b.cache_creation_input_tokens),
    iterations: b.iterations ?? a.iterations,
  }
}

function messageReader(): Reader {
  const chunks: Uint8Array[] = []
  return {
    read: (chunk) => void chunks.push(chunk),
    result() {
      const body = z.object({ usage: Usage }).safeParse(parseJson(Buffer.concat(chunks)))
      return { usage: body.data?.usage ?? null, whole: body.success }
    },
  }
}
