// Small functions that read the SDK's messages. Pure.
import type { BetaMessage, BetaMessageParam } from '@anthropic-ai/sdk/resources/beta'

export function blocksOf(
  message: BetaMessageParam,
): Exclude<BetaMessageParam['content'], string | undefined> {
  return typeof message.content === 'string'
    ? [{ type: 'text', text: message.content }]
    : (message.content ?? [])
}

export function contextTokens({ usage }: BetaMessage): number {
  return (
    usage.input_tokens +
    (usage.cache_read_input_tokens ?? 0) +
    (usage.cache_creation_input_tokens ?? 0) +
    usage.output_tokens
  )
}

/** Returns the model's last text, for an end without a summary. */
export function lastWords(messages: BetaMessageParam[]): string {
  const words = messages
    .toReversed()
    .flatMap((message) => (message.role === 'assistant' ? blocksOf(message) : []))
  return words.find((block) => block.type === 'text')?.text.trim() || 'The agent stopped without a summary.'
}
