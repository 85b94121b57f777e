// One conversation with the model and its tools, after another: each starts from the plan, the repository and the notes of
// what came before. The SDK drives the turns; here stands what it lacks: the journal, patience, limits and steering.
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type {
  BetaMessage,
  BetaMessageParam,
  BetaTextBlockParam,
  BetaToolResultBlockParam,
} from '@anthropic-ai/sdk/resources/beta'
import { gatherFacts } from './environment.ts'
import type { GateVerdict } from './gate.ts'
import { rebuildConversation } from './journal.ts'
import { blocksOf, contextTokens, lastWords, toEffort } from './messages.ts'
import { createModelClient, judgeModelError } from './model.ts'
import type { ModelClient } from './model.ts'
import { takeNotices } from './notices.ts'
import { clipText } from './output.ts'
import { PauseError, RevokedError } from './plan-run.ts'
import type { PlanRun } from './plan-run.ts'
import { answerTo, CUT_CALL, firstMessage, NUDGES, steering, SYSTEM_PROMPT } from './prompts.ts'
import type { ToolContext } from './tools/context.ts'
import { answerFinish } from './tools/finish.ts'
import { isDiskFull } from './reserve.ts'
import { createTools } from './tools/index.ts'

export type LoopEnd =
  | { kind: 'finished'; summary: string }
  | { kind: 'question'; question: string }
  | { kind: 'failed'; error: string }

export interface LoopInput {
  plan: PlanRun
  baseHead: string | null
  setupFailure: string | null
  /** What runs at the end, and how it stood before the work; may be empty. */
  checks: string
  /** The finish gate. Errors: PauseError, RevokedError. */
  requestFinish(summary: string): Promise<GateVerdict>
  /** Called after each turn: the harness looks at what the model did. */
  onTurn(): Promise<void>
}

const MAX_ITERATIONS = 12
const MAX_TURNS = 150
const MAX_CONTEXT_TOKENS = 150_000
const MAX_OUTPUT_TOKENS = 32_000
const MAX_NUDGES = 3
const RENEWAL_WAIT_MS = 10 * 60_000
const DEFAULT_PATIENCE_MS = 15 * 60_000
const LONGEST_WAIT_MS = 30_000

interface Conversation {
  iteration: number
  messages: BetaMessageParam[]
  turns: number
  nudges: number
}

type TurnEnd = 'concluded' | 'fresh' | BetaMessage['stop_reason']

/** Works until the model finishes, asks or cannot go on. Errors: PauseError, RevokedError. */
export async function workLoop(input: LoopInput): Promise<LoopEnd> {
  const { plan } = input
  const context: ToolContext = {
    plan,
    cwd: plan.start.checkout,
    signal: new AbortController().signal,
    conclusion: null,
    requestFinish: (summary) => input.requestFinish(summary),
    interruption: null,
  }
  const tools = createTools(context)
  const shape = shapeOf(plan, tools)
  const model = createModelClient(plan)
  let talk = (await resume(context, shape)) ?? (await begin(input, shape, 1))
  if (context.conclusion !== null) return context.conclusion
  let failingSinceMs: number | null = null
  for (let failures = 0; ;) {
    const messagesBefore = talk.messages.length
    try {
      const end = await runTurns({ input, model, tools, context, talk })
      failures = 0
      failingSinceMs = null
      if (end === 'concluded' && context.conclusion !== null) return context.conclusion
      if (end !== 'fresh' && answerStop(plan, talk, end)) continue
      if (end === 'refusal') return { kind: 'failed', error: 'The model refused to work on this plan.' }
      if (end !== 'fresh' && end !== 'model_context_window_exceeded') {
        const summary = lastWords(talk.messages)
        const verdict = await input.requestFinish(summary)
        if (verdict.kind !== 'rejected') return { kind: 'finished', summary }
        say(plan, talk, { role: 'user', content: [toText(verdict.text)] })
        continue
      }
      if (talk.iteration >= MAX_ITERATIONS)
        return { kind: 'failed', error: `The plan was not finished in ${MAX_ITERATIONS} conversations.` }
      talk = await begin(input, shape, talk.iteration + 1)
    } catch (error) {
      if (error instanceof PauseError || error instanceof RevokedError || isDiskFull(error)) throw error
      if (talk.messages.length > messagesBefore) [failures, failingSinceMs] = [0, null]
      const trouble = judgeModelError(error)
      failingSinceMs ??= Date.now()
      if (trouble.kind === 'refused') {
        // A resumed or long conversation may be refused for its history; a fresh one is not.
        if (talk.messages.length === 1)
          return { kind: 'failed', error: `The model API refused the request: ${trouble.detail}` }
        talk = await begin(input, shape, talk.iteration + 1)
        continue
      }
      await endureTrouble(plan, trouble, { failures: failures++, failingSinceMs })
    }
  }
}

interface TurnsInput {
  input: LoopInput
  model: ModelClient
  tools: ReturnType<typeof createTools>
  context: ToolContext
  talk: Conversation
}

/** Turns until the model stops, concludes, or the conversation has grown too long. What was said and done is in talk.messages. */
async function runTurns({ input, model, tools, context, talk }: TurnsInput): Promise<TurnEnd> {
  const { plan } = input
  const cache = { type: 'ephemeral', ttl: '1h' } as const
  const runner = model.client.beta.messages.toolRunner({
    model: plan.start.model,
    max_tokens: MAX_OUTPUT_TOKENS,
    system: [{ type: 'text', text: SYSTEM_PROMPT, cache_control: cache }],
    cache_control: cache,
    thinking: { type: 'adaptive' },
    output_config: { effort: toEffort(plan.start.effort) },
    tools,
    messages: [...talk.messages],
    stream: true,
    thread: false,
  })
  for await (const stream of runner) {
    stream.on('error', () => {}) // finalMessage rejects with the same
    stream.on('abort', () => {})
    const message = await model.watch(stream)
    const reply: BetaMessageParam = { role: 'assistant', content: message.content }
    say(plan, talk, reply)
    announce(plan, message)
    if (message.stop_reason !== 'tool_use') return message.stop_reason
    const results = await runner.generateToolResponse()
    if (context.interruption !== null) throw context.interruption
    if (results === null) return message.stop_reason
    const news = context.conclusion === null ? takeMessages(plan) : []
    const words = [...(news.length === 0 ? [] : [steering(news)]), ...takeNotices(plan)]
    const answer: BetaMessageParam =
      words.length === 0 ? results : { role: 'user', content: [...blocksOf(results), ...words.map(toText)] }
    // A question's result is its answer, which comes with the next attempt.
    if (context.conclusion?.kind === 'question') return 'concluded'
    say(plan, talk, answer)
    talk.turns++
    await input.onTurn()
    if (context.conclusion !== null) return 'concluded'
    if (talk.turns >= MAX_TURNS || contextTokens(message) > MAX_CONTEXT_TOKENS) return 'fresh'
    if (words.length > 0) runner.pushMessages(reply, answer)
  }
  return null
}

const toText = (text: string): BetaTextBlockParam => ({ type: 'text', text })

/** The conversation a crash or a pause left, with what the model has not heard since: results of its calls, an answer, news. */
async function resume(context: ToolContext, shape: string): Promise<Conversation | null> {
  const { plan } = context
  const known = rebuildConversation(plan.journal.records(), shape)
  if (known === null) return null
  const talk: Conversation = { ...known, turns: Math.floor(known.messages.length / 2), nudges: 0 }
  const last = talk.messages.at(-1)
  const news = takeMessages(plan)
  plan.report({ kind: 'event', type: 'resumed', text: 'The agent goes on where it stood.' })
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

async function begin(
  { plan, baseHead, setupFailure, checks }: LoopInput,
  shape: string,
  iteration: number,
): Promise<Conversation> {
  takeMessages(plan)
  const facts = await gatherFacts({ plan, baseHead, setupFailure, checks, messages: plan.start.messages })
  plan.journal.append({ kind: 'conversation', iteration, shape })
  const talk: Conversation = { iteration, messages: [], turns: 0, nudges: 0 }
  say(plan, talk, { role: 'user', content: firstMessage(facts) })
  return talk
}

/** Into the journal first, then into the conversation. */
function say(plan: PlanRun, talk: Conversation, message: BetaMessageParam): void {
  const empty = Array.isArray(message.content) && message.content.length === 0
  const kept: BetaMessageParam = empty
    ? { role: message.role, content: [{ type: 'text', text: '(no words)' }] }
    : message
  plan.journal.append({ kind: 'message', message: kept })
  talk.messages.push(kept)
  plan.report({ kind: 'progress' })
}

/** After a stop without a conclusion: what to say so that the model goes on. False: nothing would help. */
function answerStop(
  plan: PlanRun,
  talk: Conversation,
  reason: BetaMessage['stop_reason'] | 'concluded',
): boolean {
  const last = talk.messages.at(-1)
  if (last?.role !== 'assistant' || talk.nudges >= MAX_NUDGES) return false
  if (reason === 'refusal' || reason === 'model_context_window_exceeded') return false
  talk.nudges++
  const news = takeMessages(plan)
  const nudge = reason === 'max_tokens' ? NUDGES.max_tokens : NUDGES.end_turn
  const cut = blocksOf(last).flatMap((block) =>
    block.type === 'tool_use'
      ? [{ type: 'tool_result' as const, tool_use_id: block.id, content: CUT_CALL, is_error: true }]
      : [],
  )
  say(plan, talk, {
    role: 'user',
    content: [...cut, { type: 'text', text: news.length > 0 ? steering(news) : nudge }],
  })
  return true
}

interface Failing {
  failures: number
  failingSinceMs: number
}

/** Waits as the trouble asks. Errors: PauseError with the reason when waiting does not help, RevokedError. */
async function endureTrouble(
  plan: PlanRun,
  trouble: ReturnType<typeof judgeModelError>,
  { failures, failingSinceMs }: Failing,
): Promise<void> {
  if (trouble.kind === 'revoked') throw new RevokedError('The gateway revoked the rights of this attempt.')
  if (trouble.kind === 'budget' || trouble.kind === 'monthly_budget')
    throw new PauseError(trouble.kind, trouble.detail)
  if (trouble.kind === 'expired') {
    if (await plan.token.renewed(plan.token.current(), RENEWAL_WAIT_MS)) return
    throw new PauseError('model_unavailable', 'The plan token expired and no new one came.')
  }
  const patienceMs = Number(process.env['RALPH_MODEL_PATIENCE_MS'] ?? DEFAULT_PATIENCE_MS)
  const detail = 'detail' in trouble ? trouble.detail : ''
  if (Date.now() - failingSinceMs > patienceMs)
    throw new PauseError('model_unavailable', `The model could not be reached: ${detail}`)
  if (failures === 0)
    plan.report({ kind: 'event', type: 'error', text: clipText(`Model: ${detail}; trying again.`, 500) })
  await sleep(Math.min(LONGEST_WAIT_MS, 1_000 * 2 ** failures))
}

function takeMessages(plan: PlanRun): string[] {
  const taken = plan.inbox.splice(0)
  for (const { n } of taken) {
    plan.journal.append({ kind: 'taken', n })
    plan.report({ kind: 'taken', n })
  }
  return taken.map(({ text }) => text)
}

function announce(plan: PlanRun, message: BetaMessage): void {
  for (const block of message.content) {
    if (block.type === 'text' && block.text.trim() !== '')
      plan.report({ kind: 'event', type: 'say', text: clipText(block.text.trim(), 2_000) })
  }
}

/** Thinking is bound to the exact system prompt, tools and model before it: with others, a new conversation is begun. */
function shapeOf(plan: PlanRun, tools: ReturnType<typeof createTools>): string {
  const shape = JSON.stringify([SYSTEM_PROMPT, tools, plan.start.model])
  return createHash('sha256').update(shape).digest('hex')
}
