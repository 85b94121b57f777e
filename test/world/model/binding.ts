// Checks preserved thinking: a thinking block is valid only after exactly the system, tools and messages it was made after. The
// hashes of that prefix are the signature itself, so the check needs no memory and survives a restart of the stand-in.
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { toBlocks, toPlainJson } from './request.ts'
import type { Block, MessagesRequest } from './request.ts'

const Signed = z.object({ system: z.string(), tools: z.string(), messages: z.string(), own: z.string() })
type Signed = z.infer<typeof Signed>

/** Returns the signature for a thinking block that answers this request. */
export function signThinking(request: MessagesRequest, thinking: string): string {
  const parts = { ...hashFixed(request), messages: hashPrefixes(request).at(-1) ?? '' }
  return encode({ ...parts, own: hashOwn(parts, thinking) })
}

/** Describes the first thinking block that does not fit what is before it; returns null when all fit. */
export function findBrokenBinding(request: MessagesRequest): string | null {
  const fixed = hashFixed(request)
  const prefixes = hashPrefixes(request)
  for (const [at, message] of request.messages.entries()) {
    if (message.role !== 'assistant') continue
    for (const [n, block] of toBlocks(message.content).entries()) {
      if (block.type !== 'thinking') continue
      const where = `messages.${at}.content.${n}`
      const signed = decode(block)
      if (signed === null) return `${where}: Invalid \`signature\` in \`thinking\` block`
      const changed = [
        ...(signed.system === fixed.system ? [] : ['system']),
        ...(signed.tools === fixed.tools ? [] : ['tools']),
        ...(signed.messages === prefixes[at] ? [] : [`messages before messages.${at}`]),
      ]
      if (changed.length > 0) {
        return `${where}: the conversation before this \`thinking\` block differs from the one it was created in (changed: ${changed.join(', ')}). Send the history unchanged, or set thinking.block_binding.prefix_mismatch_behavior`
      }
    }
  }
  return null
}

const sha = (text: string): string => createHash('sha256').update(text).digest('base64url').slice(0, 22)

function hashFixed(request: MessagesRequest): { system: string; tools: string } {
  return { system: sha(toPlainJson(request.system ?? null)), tools: sha(toPlainJson(request.tools ?? null)) }
}

/** Returns a list whose entry n is the hash of the first n messages. One pass, because histories are long. */
function hashPrefixes(request: MessagesRequest): string[] {
  const running = createHash('sha256')
  const digest = (): string => running.copy().digest('base64url').slice(0, 22)
  return [digest(), ...request.messages.map((message) => (running.update(toPlainJson(message)), digest()))]
}

function hashOwn(parts: Omit<Signed, 'own'>, thinking: string): string {
  return sha(`stand-in ${parts.system} ${parts.tools} ${parts.messages} ${thinking}`)
}

function encode(signed: Signed): string {
  return Buffer.from(JSON.stringify(signed)).toString('base64')
}

function decode(block: Block): Signed | null {
  try {
    const signed = Signed.parse(JSON.parse(Buffer.from(block.signature ?? '', 'base64').toString()))
    return signed.own === hashOwn(signed, block.thinking ?? '') ? signed : null
  } catch {
    // This is no signature of ours.
    return null
  }
}
