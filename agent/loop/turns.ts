// Runs the turns of one conversation: the model's reply, its tool calls and their results. Between two turns it looks at messages
// from the person, stuck patterns, length, time, budget and disk.
import type { BetaMessage, BetaMessageParam } from '@anthropic-ai/sdk/resources/beta'
import type { Conversation, LoopInput } from './conversation.ts'
import { say, toText } from './conversation.ts'
import { checkoutState, watchedCalls } from './turn-marks.ts'
import type { CheckoutState } from './turn-marks.ts'
import { PATTERN_NUDGES } from './stuck-patterns.ts'
import type { StuckPattern } from './stuck-patterns.ts'
import { nextStep, notesIn } from './handoff.ts'
import { diskTrouble } from '../plan/limits.ts'
import type { Limits } from '../plan/limits.ts'
import { blocksOf, contextTokens } from '../model/messages.ts'
import type { ModelClient } from '../model/client.ts'
import type { TurnRequest } from './turn-request.ts'
import type { ModelSettings } from '../model/model-settings.ts'
import { writeNotes } from '../tools/notes.ts'
import { takeMessages, takeNotices } from '../plan/notices.ts'
import { clipText } from '../machine/output.ts'
import { PauseError } from '../plan/plan-context.ts'
import type { PlanContext } from '../plan/plan-context.ts'
import { NOTICES, steering } from '../briefing/prompts.ts'
import { spendReserve } from '../machine/reserve.ts'
import type { ToolContext } from '../tools/context.ts'
import type { createTools } from '../tools/index.ts'
import type { WorkClock } from './work-clock.ts'

export interface IterationInput {
  input: LoopInput
  limits: Limits
  clock: WorkClock
  model: ModelClient
  settings: ModelSettings
  request: TurnRequest
  tools: ReturnType<typeof createTools>
  context: ToolContext
}

/** Why the turns ended. The messages themselves are in the conversation. */
export type IterationEnd =
  | { kind: 'concluded' }
  /** The model stopped by itself, without a tool call. */
  | { kind: 'stopped'; reason: BetaMessage['stop_reason'] }
  | { kind: 'compact' }
  /** A fresh conversation should begin; failed means that this one made no progress. */
  | { kind: 'fresh'; why: string; failed: boolean }
  /** The attempt cannot go on. */
  | { kind: 'over'; error: string }

/** Errors: those of a model call; PauseError and RevokedError of the finish gate. */
export async function runTurns(iteration: IterationInput, talk: Conversation): Promise<IterationEnd> {
  const { input, limits, model, request, tools, context } = iteration
  const { plan } = input
  let state = await checkoutState(plan.git)
  const runner = model.client.beta.messages.toolRunner({
    ...request,
    tools,
    messages: [...talk.messages],
    stream: true,
    thread: false,
  })
  for await (const stream of runner) {
    stream.on('error', () => {}) // finalMessage() rejects with the same error
    stream.on('abort', () => {})
    const message = await model.watch(stream)
    const reply: BetaMessageParam = { role: 'assistant', content: message.content }
    say(plan, talk, reply)
    announce(plan, message)
    if (talk.ending !== null && !isConcluding(reply)) {
      // The other calls are not run; the fresh conversation makes them if they still make sense.
      const notes = notesIn(reply)
      if (notes !== null) writeNotes(plan.home, notes)
      return { kind: 'fresh', why: talk.ending, failed: false }
    }
    if (message.stop_reason !== 'tool_use') return { kind: 'stopped', reason: message.stop_reason }
    const results = await runner.generateToolResponse()
    if (context.interruption !== null) throw context.interruption
    if (results === null) return { kind: 'stopped', reason: message.stop_reason }
    // The result of an `ask` call is the person's answer, which comes when the plan is resumed.
    if (context.conclusion?.kind === 'question') return { kind: 'concluded' }
    // The model's own files may have filled the disk, so it gets one turn to remove them.
    const full = diskTrouble(plan.start.checkout, limits)
    if (full !== null && talk.toldFull) throw new PauseError('vm_unavailable', full)
    talk.toldFull = full !== null
    // A shell that removes files needs a little free disk itself, so the reserve is freed.
    if (talk.toldFull) spendReserve()
    talk.turns++
    talk.monologues = 0
    await input.onTurn()
    const before = state
    state = await checkoutState(plan.git)
    const { end, words } =
      context.conclusion === null
        ? lookAround(iteration, talk, { message, reply, results, before, state })
        : { end: { kind: 'concluded' as const }, words: [] }
    const answer: BetaMessageParam =
      words.length === 0 ? results : { role: 'user', content: [...blocksOf(results), ...words.map(toText)] }
    say(plan, talk, answer)
    if (end !== null) return end
    if (words.length > 0) runner.pushMessages(reply, answer)
  }
  return { kind: 'stopped', reason: null }
}

/** True when the reply calls finish or ask. A conversation that is ending may still do so. */
function isConcluding(reply: BetaMessageParam): boolean {
  return blocksOf(reply).some(
    (block) => block.type === 'tool_use' && (block.name === 'finish' || block.name === 'ask'),
  )
}

interface Turn {
  message: BetaMessage
  reply: BetaMessageParam
  results: BetaMessageParam
  before: CheckoutState
  state: CheckoutState
}

/** Returns what else the model is told with the results of a turn, and whether the conversation ends (null: it goes on). */
function lookAround(
  { input, limits, clock, model, settings, context }: IterationInput,
  talk: Conversation,
  { message, reply, results, before, state }: Turn,
): { end: IterationEnd | null; words: string[] } {
  const { plan } = input
  const news = takeMessages(plan)
  const words = [...(news.length === 0 ? [] : [steering(news)]), ...takeNotices(plan)]
  if (talk.toldFull) words.push(NOTICES.disk)
  const tellOnce = (key: 'time' | 'budget') => {
    if (talk.told.has(key)) return
    talk.told.add(key)
    words.push(NOTICES[key])
    plan.report({ kind: 'event', type: 'notice', text: clipText(NOTICES[key], 500) })
  }

  const workedMs = clock.tick()
  if (workedMs >= limits.workMs)
    return {
      end: {
        kind: 'over',
        error: `The plan was not finished in ${Math.round(limits.workMs / 360_000) / 10} hours of work. Resume it to go on from what is done, or split it.`,
      },
      words,
    }
  if (workedMs >= 0.9 * limits.workMs) tellOnce('time')
  if (model.budgetUsed() >= 0.9) tellOnce('budget')

  const calls = watchedCalls(reply, results)
  const { kind, pattern } = talk.stuckDetector.afterTurn({ calls, state: state.mark })
  if (kind !== 'go') reportCircle(plan, kind, pattern)
  if (kind === 'stuck') return { end: { kind: 'fresh', why: PATTERN_NUDGES[pattern], failed: true }, words }
  if (kind === 'nudge') words.push(PATTERN_NUDGES[pattern])

  const committed = state.head !== before.head
  const isGoodMoment = committed || context.keptNotes
  talk.leavesTrace ||= isGoodMoment
  context.keptNotes = false
  const step = nextStep(
    {
      tokens: contextTokens(message),
      turns: talk.turns,
      isClean: state.isClean,
      isGoodMoment,
      leavesTrace: talk.leavesTrace,
      canCompact: settings.canCompact,
    },
    { ...limits, contextTokens: settings.contextTokens },
  )
  if (step === 'compact') return { end: { kind: 'compact' }, words }
  if (step === 'hand_over') {
    talk.ending = 'It had grown long.'
    words.push(NOTICES.handover)
  }
  return { end: null, words }
}

function reportCircle(plan: PlanContext, kind: 'nudge' | 'stuck', pattern: StuckPattern): void {
  const text =
    kind === 'nudge' ? 'The work goes in circles' : 'The work is stuck; a fresh conversation begins'
  plan.report({ kind: 'event', type: kind, text: `${text}: ${pattern.replaceAll('_', ' ')}.` })
}

function announce(plan: PlanContext, message: BetaMessage): void {
  for (const block of message.content) {
    if (block.type === 'text' && block.text.trim() !== '')
      plan.report({ kind: 'event', type: 'say', text: clipText(block.text.trim(), 2_000) })
  }
}
