// Imitates compaction on demand (beta compact-2026-09-04): a request with `compaction` is answered by one signed block. Later
// requests send this block first, in place of the messages it sums up. As documented, these are refused: an open call, nothing to
// sum up, a block at another place, a changed block, a setting that belongs to a reply.
import { createHash } from 'node:crypto'
import { countTokens } from './cache.ts'
import { toBlocks } from './request.ts'
import type { Block, MessagesRequest } from './request.ts'
import type { Usage } from './usage.ts'

const BETA = 'compact-2026-09-04'

export function isCompaction(request: MessagesRequest): boolean {
  return request.compaction !== undefined && request.compaction !== null
}

/** Returns what is wrong with a request for a summary or with a block sent back; null when nothing is. */
export function findBadCompaction(request: MessagesRequest, betas: string): string | null {
  const blocks = request.messages.flatMap((message, at) =>
    toBlocks(message.content).map((block, n) => ({ block, at, n, role: message.role })),
  )
  for (const { block, at, n, role } of blocks) {
    if (block.type !== 'compaction') continue
    const where = `messages.${at}.content.${n}`
    if (at !== 0 || n !== 0 || role !== 'assistant')
      return `${where}: a \`compaction\` block must be the first block of the first message`
    if (block.signature !== sign(block.content))
      return `${where}: Invalid \`signature\` in \`compaction\` block`
    if (!betas.includes(BETA)) return `${where}.type: "compaction" needs the beta ${BETA}`
  }
  if (!isCompaction(request)) return null
  if (!betas.includes(BETA)) return 'compaction: Extra inputs are not permitted'
  if (request.context_management !== undefined || request.stop_sequences !== undefined)
    return 'compaction: cannot be combined with context_management or stop_sequences'
  if (request.output_config?.format !== undefined && request.output_config.format !== null)
    return 'compaction: cannot be combined with output_config.format'
  const last = request.messages.at(-1)
  if (last?.role === 'assistant' && toBlocks(last.content).some((block) => block.type === 'tool_use'))
    return 'compaction: the last turn holds a tool call without its result'
  return blocks.some(({ block, role }) => role === 'assistant' && block.type !== 'compaction')
    ? null
    : 'compaction: there is nothing to summarize'
}

/** Returns the answer's only block. Its text says how much it replaces and with which instructions it was asked for. */
export function toCompaction(request: MessagesRequest): Block {
  const words = `Summary of ${request.messages.length} messages, ${countTokens(request.messages)} tokens. ${'The work went on as planned. '.repeat(40)}`
  return { type: 'compaction', content: words, encrypted_content: null, signature: sign(words) }
}

/** A compaction's tokens are in `iterations`, not in the totals. */
export function toCompactionUsage(counted: Usage): Usage & { iterations: unknown[] } {
  return {
    input_tokens: 0,
    output_tokens: 0,
    cache_read_input_tokens: 0,
    cache_creation_input_tokens: 0,
    cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 },
    iterations: [{ type: 'compaction', ...counted }],
  }
}

const sign = (content: unknown): string =>
  createHash('sha256')
    .update(`stand-in compaction ${JSON.stringify(content)}`)
    .digest('base64')
