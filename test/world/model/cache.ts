// Imitates prompt caching as the API bills it: byte-exact prefixes in the order tools, system, messages. They are kept at
// breakpoints for 5 minutes or an hour and found up to 20 blocks before a breakpoint. A token counts as 4 bytes of JSON. One rule
// is missing: a changed thinking or tool_choice setting does not drop the cache of the messages here.
import { createHash } from 'node:crypto'
import { toBlocks, toPlainJson } from './request.ts'
import type { CacheControl, MessagesRequest } from './request.ts'

const BYTES_PER_TOKEN = 4
const LOOKBACK_BLOCKS = 20
/** Shorter prefixes are not cached. The value of the 5.5 models is not published; 512 is that of the Opus 5 class. */
const MIN_PREFIX_TOKENS = 512
const TTL_MS = { '5m': 300_000, '1h': 3_600_000 }

export type InputUsage = {
  input_tokens: number
  cache_read_input_tokens: number
  cache_creation_input_tokens: number
  cache_creation: { ephemeral_5m_input_tokens: number; ephemeral_1h_input_tokens: number }
}
export type PromptCache = { charge(request: MessagesRequest): InputUsage; clear(): void }

export function createCache(now: () => number): PromptCache {
  const entries = new Map<string, { expiresAtMs: number; ttlMs: number }>()
  const isAlive = (key: string): boolean => (entries.get(key)?.expiresAtMs ?? 0) > now()
  return {
    charge(request) {
      const blocks = toPrefixes(request)
      const total = blocks.at(-1)?.tokens ?? 0
      const breakpoints = blocks.flatMap((block, index) => (block.ttl === null ? [] : [index]))
      const hit = findHit(blocks, breakpoints, isAlive)
      const usage = emptyUsage(blocks[hit]?.tokens ?? 0)
      let covered = usage.cache_read_input_tokens
      for (const index of breakpoints) {
        const block = blocks[index]
        if (block?.ttl === undefined || block.ttl === null || block.tokens < MIN_PREFIX_TOKENS) continue
        const ttlMs = Math.max(
          TTL_MS[block.ttl],
          isAlive(block.key) ? (entries.get(block.key)?.ttlMs ?? 0) : 0,
        )
        entries.set(block.key, { ttlMs, expiresAtMs: now() + ttlMs })
        if (block.tokens <= covered) continue
        usage.cache_creation[`ephemeral_${block.ttl}_input_tokens`] += block.tokens - covered
        usage.cache_creation_input_tokens += block.tokens - covered
        covered = block.tokens
      }
      const read = entries.get(blocks[hit]?.key ?? '')
      if (read !== undefined) read.expiresAtMs = now() + read.ttlMs
      return { ...usage, input_tokens: total - covered }
    },
    clear: () => entries.clear(),
  }
}

export function countTokens(value: unknown): number {
  return Math.ceil(Buffer.byteLength(toPlainJson(value)) / BYTES_PER_TOKEN)
}

type Prefix = { key: string; tokens: number; ttl: '5m' | '1h' | null }

/** Returns, for each block of the prompt, the key and length of everything up to its end. */
function toPrefixes(request: MessagesRequest): Prefix[] {
  const hash = createHash('sha256').update(request.model)
  let bytes = 0
  const prefix = (json: string, control: CacheControl | null | undefined): Prefix => {
    hash.update(json)
    bytes += Buffer.byteLength(json)
    const ttl = control === null || control === undefined ? null : (control.ttl ?? '5m')
    return { key: hash.copy().digest('base64url'), tokens: Math.ceil(bytes / BYTES_PER_TOKEN), ttl }
  }
  const prefixes = [
    ...(request.tools ?? []).map((tool) => prefix(toPlainJson(tool), tool.cache_control)),
    ...toBlocks(request.system ?? []).map((block) => prefix(toPlainJson(block), block.cache_control)),
    ...request.messages.flatMap((message) =>
      toBlocks(message.content).map((block) =>
        prefix(message.role + toPlainJson(block), block.cache_control),
      ),
    ),
  ]
  const last = prefixes.at(-1)
  // A top-level cache_control applies to the last block.
  if (last !== undefined && request.cache_control) last.ttl ??= request.cache_control.ttl ?? '5m'
  return prefixes
}

function findHit(blocks: Prefix[], breakpoints: number[], isAlive: (key: string) => boolean): number {
  for (const breakpoint of breakpoints.toReversed()) {
    for (let at = breakpoint; at >= Math.max(0, breakpoint - LOOKBACK_BLOCKS); at -= 1) {
      if (isAlive(blocks[at]?.key ?? '')) return at
    }
  }
  return -1
}

function emptyUsage(readTokens: number): InputUsage {
  return {
    input_tokens: 0,
    cache_read_input_tokens: readTokens,
    cache_creation_input_tokens: 0,
    cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 },
  }
}
