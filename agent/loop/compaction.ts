// Asks the model API to sum up a conversation. The API returns one signed block that replaces all earlier messages. The request has
// the same beginning as a turn's, so that the prompt comes from the cache.
import { APIError } from '@anthropic-ai/sdk'
import type { BetaMessage } from '@anthropic-ai/sdk/resources/beta'
import type { Conversation } from './conversation.ts'
import type { ModelClient } from '../model/client.ts'
import type { TurnRequest } from './turn-request.ts'

const TIMEOUT_MS = 10 * 60_000
const INSTRUCTIONS = `Sum up this work for yourself: you continue it and see nothing else of it. The plan itself and the state of the repository are given to you again beside your summary; leave them out. Keep: what you are in the middle of and the very next step; what you found out about the code, with paths and names; decisions with their reasons; commands that work and how long they take; what was tried and failed, with the error; what the person said; which checks passed, with the evidence, and which were not run yet. Write no code beyond single lines that are needed word by word.`

/** Returns the message that replaces the conversation; null when the API made none. Errors: those of a model call. */
export async function summarize(
  model: ModelClient,
  request: TurnRequest,
  talk: Conversation,
): Promise<BetaMessage | null> {
  try {
    const message = await model.client.beta.messages.create(
      {
        ...request,
        messages: talk.messages,
        compaction: { type: 'summarize', instructions: INSTRUCTIONS },
      },
      { timeout: TIMEOUT_MS },
    )
    const isWhole = message.content.some((block) => block.type === 'compaction' && block.content !== null)
    return message.stop_reason === 'compaction' && isWhole ? message : null
  } catch (error) {
    // The API refused to sum up. The caller then begins a fresh conversation.
    if (error instanceof APIError && error.status === 400) return null
    throw error
  }
}
