// Asks the model one question in a fresh conversation, with a fixed shape of the answer. It spends the plan's budget, through the
// gateway, with the plan's token. It tries a few times, and it says what the last failure means for the plan.
import Anthropic from '@anthropic-ai/sdk'
import { betaZodOutputFormat } from '@anthropic-ai/sdk/helpers/beta/zod'
import { setTimeout as sleep } from 'node:timers/promises'
import type { z } from 'zod'
import { parseJson } from '../../src/shared/json.ts'
import type { TokenHolder } from '../plan/token.ts'
import { toModelTrouble } from './client.ts'

export interface Question<T> {
  system: string
  /** The texts of the one user message. */
  texts: string[]
  /** How many of the texts the next question begins with too; 0 when none follows. */
  sharedTexts: number
  answer: z.ZodType<T>
  effort: 'low' | 'medium'
  maxTokens: number
}

export interface Asker {
  url: string
  model: string
  token: TokenHolder
  /** Called before each try, so that the wait counts as activity. */
  onTry: () => void
}

export type Unanswered =
  | { kind: 'paused'; reason: 'budget' | 'monthly_budget'; detail: string }
  | { kind: 'revoked' }
  | { kind: 'unavailable' }

const TRIES = 4
const TIMEOUT_MS = 10 * 60_000
const RENEWAL_WAIT_MS = 5 * 60_000

export async function askModel<T>(
  asker: Asker,
  question: Question<T>,
): Promise<{ kind: 'answered'; answer: T } | Unanswered> {
  const { token, onTry } = asker
  for (let tries = 1; tries <= TRIES; tries++) {
    onTry()
    const held = token.current()
    try {
      const answer = await tryOnce(asker, question)
      if (answer !== null) return { kind: 'answered', answer }
    } catch (error) {
      const trouble = toModelTrouble(error)
      if (trouble.kind === 'budget' || trouble.kind === 'monthly_budget')
        return { kind: 'paused', reason: trouble.kind, detail: trouble.detail }
      if (trouble.kind === 'revoked') return { kind: 'revoked' }
      if (trouble.kind === 'refused') break
      if (trouble.kind === 'expired') await token.renewed(held, RENEWAL_WAIT_MS)
      else if (tries < TRIES) await sleep(2_000 * 2 ** tries)
    }
  }
  return { kind: 'unavailable' }
}

/** Returns null when the answer is cut short or has another shape. */
async function tryOnce<T>({ url, model, token }: Asker, question: Question<T>): Promise<T | null> {
  const client = new Anthropic({
    baseURL: `${url}/vm/model`,
    apiKey: 'plan-token',
    maxRetries: 2,
    timeout: TIMEOUT_MS,
    logLevel: 'off',
    fetch: (input, init) => {
      const headers = new Headers(init?.headers)
      headers.set('authorization', `Bearer ${token.current()}`)
      return fetch(input, { ...init, headers, redirect: 'manual' })
    },
  })
  const { system, texts, sharedTexts, answer, effort, maxTokens } = question
  const message = await client.beta.messages.create({
    model,
    max_tokens: maxTokens,
    system,
    thinking: { type: 'adaptive' },
    output_config: { effort, format: betaZodOutputFormat(answer) },
    messages: [
      {
        role: 'user',
        content: texts.map((text, at) => ({
          type: 'text',
          text: text.toWellFormed(),
          ...(at + 1 === sharedTexts ? { cache_control: { type: 'ephemeral' } } : {}),
        })),
      },
    ],
  })
  const text = message.content.flatMap((block) => (block.type === 'text' ? [block.text] : [])).join('')
  return answer.safeParse(parseJson(text)).data ?? null
}
