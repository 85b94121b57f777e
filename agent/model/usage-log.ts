// Counts the tokens of each model answer from its bytes as they pass, and keeps them in usage.jsonl in the plan's home. The gateway
// counts by itself and computes the cost in dollars; a test compares both sums.
import { join } from 'node:path'
import { z } from 'zod'
import { openAppendLog, readLog } from '../machine/durable.ts'
import type { PlanContext } from '../plan/plan-context.ts'
import { addTokens, createUsageReader, readMessageUsage, Tokens, tokensOf } from '../../src/shared/usage.ts'

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
      const stream = contentType.includes('event-stream') ? createUsageReader() : null
      const chunks: Uint8Array[] = []
      return {
        read: (chunk) => (stream === null ? void chunks.push(chunk) : stream.read(chunk)),
        end() {
          const { usage, final } = stream?.result() ?? {
            usage: readMessageUsage(Buffer.concat(chunks)),
            final: true,
          }
          if (usage !== null) append({ at: Date.now(), attempt, whole: final, ...tokensOf(usage) })
        },
      }
    },
    spent() {
      const lines = readLog(file).flatMap((line) => Line.safeParse(line).data ?? [])
      const own = lines.filter((line) => line.attempt === attempt)
      return { ...own.reduce<Tokens>(addTokens, ZERO), answers: own.length }
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
