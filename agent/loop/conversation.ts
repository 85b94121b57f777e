// One conversation with the model: it begins from the plan and known facts, is rebuilt from the journal after a crash, and can be
// replaced by a summary. Each message is written to the journal before it is used. No message is changed later, because the API
// binds thinking blocks to everything before them.
import { createHash } from 'node:crypto'
import type {
  BetaMessage,
  BetaMessageParam,
  BetaTextBlockParam,
  BetaToolResultBlockParam,
} from '@anthropic-ai/sdk/resources/beta'
import { gatherFacts } from '../briefing/first-facts.ts'
import type { FactsInput } from '../briefing/first-facts.ts'
import { createStuckDetector } from './stuck-patterns.ts'
import type { StuckDetector } from './stuck-patterns.ts'
import { describeHandoff } from './handoff.ts'
import { rebuildConversation, recordsOf } from '../plan/journal.ts'
import { blocksOf } from '../model/messages.ts'
import type { GateVerdict, PlanContext } from '../plan/plan-context.ts'
import { answerTo, CUT_CALL, firstMessage, NUDGES, steering, SYSTEM_PROMPT } from '../briefing/prompts.ts'
import { takeMessages } from '../plan/notices.ts'
import type { ToolContext } from '../tools/context.ts'
import { answerFinish } from '../tools/finish.ts'
import type { createTools } from '../tools/index.ts'

export interface Conversation {
  iteration: number
  messages: BetaMessageParam[]
  turns: number
  /** Number of replies without a tool call, one after the other. */
  monologues: number
  /** True when the last turn left the disk nearly full and the model was told. */
  toldFull: boolean
  stuckDetector: StuckDetector
  /** True when it made a commit or notes, so that a fresh conversation does not begin from nothing. */
  leavesTrace: boolean
  /** Set when it ends with its next reply: the reason that the next conversation is told. */
  ending: string | null
  /** Keys of the notices that are told only once. */
  told: Set<string>
}

/** What workLoop() needs. */
export interface LoopInput extends FactsInput {
  /** Calls the finish gate. Errors: PauseError, RevokedError. */
  requestFinish(summary: string): Promise<GateVerdict>
  /** Called after each turn, to report what the model did. */
  onTurn(): Promise<void>
}

const MAX_MONOLOGUES = 2

/** Returns a hash of system prompt, tools and model. The API binds thinking blocks to them: a new hash, a new conversation. */
export function shapeOf(plan: PlanContext, tools: ReturnType<typeof createTools>): string {
  return createHash('sha256')
    .update(JSON.stringify([SYSTEM_PROMPT, tools, plan.start.model]))
    .digest('hex')
}

export async function begin(input: LoopInput, shape: string): Promise<Conversation> {
  const { plan } = input
  const earlier = recordsOf(plan.journal.records(), plan.start.attempt)
  const iteration = 1 + earlier.filter(({ kind }) => kind === 'conversation').length
  takeMessages(plan)
  const content = await openingOf(input)
  plan.journal.append({ kind: 'conversation', iteration, shape })
  const talk = newConversation(iteration, [])
  say(plan, talk, { role: 'user', content })
  return talk
}

/** Returns the first message: the plan word by word and the state of the work. */
export async function openingOf(input: LoopInput): Promise<BetaTextBlockParam[]> {
  return firstMessage(await gatherFacts(input), describeHandoff(input.plan))
}

/**
 * Rebuilds the conversation that a crash or a pause interrupted and adds what the model has not seen: results of its calls, an
 * answer, new messages. Returns null when there is none to continue.
 */
export async function resume(context: ToolContext, shape: string): Promise<Conversation | null> {
  const { plan } = context
  const known = rebuildConversation(plan.journal.records(), shape)
  if (known === null) return null
  const talk = newConversation(known.iteration, known.messages)
  const last = talk.messages.at(-1)
  const news = takeMessages(plan)
  plan.report({ kind: 'event', type: 'resumed', text: 'The agent continues from where it stopped.' })
  if (last?.role === 'assistant') {
    const asked = known.open.some(({ name }) => name === 'ask')
    const results: BetaToolResultBlockParam[] = []
    for (const call of known.open)
      results.push(
        call.name === 'ask'
          ? { ...call.result, content: answerTo(news) }
          : await answerFinish(context, call, news),
      )
    const words = asked
      ? []
      : news.length > 0
        ? [steering(news)]
        : results.length === 0
          ? [NUDGES.end_turn]
          : []
    say(plan, talk, { role: 'user', content: [...results, ...words.map(toText)] })
  } else if (last !== undefined && news.length > 0) {
    const amended: BetaMessageParam = { role: 'user', content: [...blocksOf(last), toText(steering(news))] }
    plan.journal.append({ kind: 'amended', message: amended })
    talk.messages.splice(-1, 1, amended)
  }
  return talk
}

/** Adds a message: to the journal first, then to the conversation. */
export function say(plan: PlanContext, talk: Conversation, message: BetaMessageParam): void {
  const empty = Array.isArray(message.content) && message.content.length === 0
  const kept: BetaMessageParam = empty ? { role: message.role, content: [toText('(no words)')] } : message
  plan.journal.append({ kind: 'message', message: kept })
  talk.messages.push(kept)
}

/** Replaces all messages by the summary, followed by the plan and the state of the work, word by word. */
export function replaceBySummary(
  plan: PlanContext,
  talk: Conversation,
  summary: BetaMessage,
  opening: BetaTextBlockParam[],
): void {
  const messages: BetaMessageParam[] = [
    { role: 'assistant', content: summary.content },
    { role: 'user', content: opening },
  ]
  plan.journal.append({ kind: 'compacted', messages })
  talk.messages.splice(0, talk.messages.length, ...messages)
}

/** Answers a reply that stopped without finishing, so that the model goes on. Returns false when no answer would help. */
export function answerStop(
  plan: PlanContext,
  talk: Conversation,
  reason: BetaMessage['stop_reason'],
): boolean {
  const last = talk.messages.at(-1)
  if (last?.role !== 'assistant' || reason === 'refusal' || reason === 'model_context_window_exceeded')
    return false
  const news = takeMessages(plan)
  if (news.length === 0 && ++talk.monologues > MAX_MONOLOGUES) return false
  const nudge = reason === 'max_tokens' ? NUDGES.max_tokens : NUDGES.end_turn
  const cut = blocksOf(last).flatMap((block) =>
    block.type === 'tool_use'
      ? [{ type: 'tool_result' as const, tool_use_id: block.id, content: CUT_CALL, is_error: true }]
      : [],
  )
  say(plan, talk, { role: 'user', content: [...cut, toText(news.length > 0 ? steering(news) : nudge)] })
  return true
}

export const toText = (text: string): BetaTextBlockParam => ({ type: 'text', text })

function newConversation(iteration: number, messages: BetaMessageParam[]): Conversation {
  const turns = Math.floor(messages.length / 2)
  return {
    iteration,
    messages,
    turns,
    monologues: 0,
    toldFull: false,
    stuckDetector: createStuckDetector(),
    leavesTrace: false,
    ending: null,
    told: new Set(),
  }
}
