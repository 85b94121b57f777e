// Handles one POST /v1/messages from its parsed JSON to the last byte: it checks, decides, counts, sends and records.
import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { findBrokenBinding, signThinking } from './binding.ts'
import { countTokens } from './cache.ts'
import { findBadCompaction, isCompaction, toCompaction, toCompactionUsage } from './compaction.ts'
import type { PromptCache } from './cache.ts'
import type { CallLog, ModelCall } from './calls.ts'
import { decide } from './decide.ts'
import type { Decision, Reply } from './decide.ts'
import { findModel } from './models.ts'
import type { ModelInfo } from './models.ts'
import { findPlan } from './plan.ts'
import type { Progress } from './plan.ts'
import { MessagesRequest, toBlocks } from './request.ts'
import type { Block, Problem } from './request.ts'
import { sendStream, toMessageBody } from './stream.ts'
import type { MessageAnswer, Sent } from './stream.ts'
import { toDollars, toUsage } from './usage.ts'
import type { Usage } from './usage.ts'
import { findOffence } from './validate.ts'

export type World = {
  progress: Progress
  cache: PromptCache
  log: CallLog
  /** Calls that had a thinking block before them. The caller must send that block back with them. */
  thought: Set<string>
}
export type TurnInput = { body: unknown; call: ModelCall; response: ServerResponse; signal: AbortSignal }

/** Answers the request, or returns what is wrong with it. It fills in `call`, which the caller keeps. */
export async function takeTurn(
  world: World,
  { body, call, response, signal }: TurnInput,
): Promise<Problem | null> {
  const checked = check(world, body, call)
  if ('problem' in checked) return checked.problem
  const { request, model } = checked
  let decision: Decision
  try {
    decision = decide(request, world.progress)
  } catch (error) {
    return { status: 400, message: `scripted model: ${String(error)}`, offence: false }
  }
  Object.assign(call, { about: decision.about, place: decision.place, plan: decision.plan?.id ?? null })
  call.planSha256 = decision.plan?.sha256 ?? null
  try {
    if (decision.reply.sleepMs > 0) await sleep(decision.reply.sleepMs, undefined, { signal })
  } catch {
    call.ended = 'client_gone' // the client left while we waited, so there is nothing to answer or bill
    return null
  }
  if (decision.reply.kind === 'fail') return toScriptedFailure(decision.reply)
  const answer = toAnswer(world, request, model, decision.reply)
  const settle = (sent: Sent): void => settleCall(call, model, answer, sent)
  const { reply } = decision
  if (request.stream === true) await sendStream(response, answer, reply, signal, settle)
  else await sendWhole(response, answer, reply, signal, settle)
  return null
}

type Checked = { request: MessagesRequest; model: ModelInfo } | { problem: Problem }

const refuse = (message: string, status = 400): Checked => ({ problem: { status, message, offence: true } })

function check(world: World, body: unknown, call: ModelCall): Checked {
  const parsed = MessagesRequest.safeParse(body)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    return refuse(`${issue?.path.join('.') || 'body'}: ${issue?.message ?? 'invalid'}`)
  }
  const request = parsed.data
  const plan = findPlan(request)
  Object.assign(call, {
    model: request.model,
    stream: request.stream === true,
    messages: request.messages.length,
  })
  Object.assign(call, { plan: plan?.id ?? null, planSha256: plan?.sha256 ?? null })
  const model = findModel(request.model)
  if (model === undefined) return refuse(`model: ${request.model}`, 404)
  if (request.thread !== undefined) {
    const message = 'thread: message threads are not supported for this request'
    return { problem: { status: 400, message, errorCode: 'thread_unsupported_request', offence: false } }
  }
  const offence =
    findOffence(request, model) ??
    findBadCompaction(request, call.betas) ??
    findLostThinking(world, request) ??
    findUnbound(request)
  if (offence !== null) return refuse(offence)
  const tokens = countTokens([request.tools, request.system, request.messages])
  return tokens > model.maxInputTokens
    ? refuse(`prompt is too long: ${tokens} tokens > ${model.maxInputTokens} maximum`)
    : { request, model }
}

function findUnbound(request: MessagesRequest): string | null {
  const isRelaxed = request.thinking?.block_binding?.prefix_mismatch_behavior === 'drop_block'
  return isRelaxed ? null : findBrokenBinding(request)
}

/** Finds a dropped thinking block. Without this check an agent could avoid the binding by dropping the blocks. */
function findLostThinking(world: World, request: MessagesRequest): string | null {
  for (const [at, message] of request.messages.entries()) {
    if (message.role !== 'assistant') continue
    const blocks = toBlocks(message.content)
    if (blocks.some((block) => block.type === 'thinking')) continue
    if (blocks.some((block) => block.type === 'tool_use' && world.thought.has(block.id ?? ''))) {
      return `messages.${at}.content.0.type: Expected \`thinking\` or \`redacted_thinking\`, but found \`${blocks[0]?.type}\`. The blocks of an assistant message with tool use must be sent back as they came`
    }
  }
  return null
}

function toScriptedFailure(reply: Extract<Reply, { kind: 'fail' }>): Problem {
  const retry = reply.retryAfterS === null ? {} : { retryAfterS: reply.retryAfterS }
  return { status: reply.status, message: 'scripted failure', offence: false, ...retry }
}

type MessageReply = Extract<Reply, { kind: 'message' }>

function toAnswer(
  world: World,
  request: MessagesRequest,
  model: ModelInfo,
  reply: MessageReply,
): MessageAnswer {
  if (isCompaction(request)) return toSummary(world, request, model)
  const blocks = request.max_tokens === 0 ? [] : [...think(request, model), ...reply.blocks]
  if (blocks[0]?.type === 'thinking') {
    for (const block of blocks)
      if (block.type === 'tool_use' && block.id !== undefined) world.thought.add(block.id)
  }
  const counted: Usage = { ...world.cache.charge(request), output_tokens: countOutput(blocks) }
  const usage = toUsage(counted, reply.usage)
  const stopReason = request.max_tokens === 0 ? 'max_tokens' : reply.stopReason
  return { id: newMessageId(), model: model.id, blocks, stopReason, usage }
}

const newMessageId = (): string => `msg_${randomUUID().replaceAll('-', '').slice(0, 24)}`

function toSummary(world: World, request: MessagesRequest, model: ModelInfo): MessageAnswer {
  const blocks = [toCompaction(request)]
  const counted: Usage = { ...world.cache.charge(request), output_tokens: countOutput(blocks) }
  const usage = toCompactionUsage(counted)
  return { id: newMessageId(), model: model.id, blocks, stopReason: 'compaction', usage }
}

/** Returns the thinking block, which comes first. Its text is empty unless the request asks to see it. */
function think(request: MessagesRequest, model: ModelInfo): Block[] {
  const isOff = request.thinking === undefined || request.thinking.type === 'disabled'
  if (!model.adaptiveOnly && isOff) return []
  const display = request.thinking?.display ?? 'omitted'
  const thinking = display === 'omitted' ? '' : 'Looking at what comes next in the plan.'
  return [{ type: 'thinking', thinking, signature: signThinking(request, thinking) }]
}

const countOutput = (blocks: Block[]): number => (blocks.length === 0 ? 0 : countTokens(blocks))

async function sendWhole(
  response: ServerResponse,
  answer: MessageAnswer,
  reply: MessageReply,
  signal: AbortSignal,
  settle: (sent: Sent) => void,
): Promise<void> {
  if (reply.cutAfterBlocks !== null) {
    settle({ ended: 'cut', blocks: 0 })
    response.socket?.destroy()
    return
  }
  try {
    if (reply.stallMs > 0) await sleep(reply.stallMs, undefined, { signal })
  } catch {
    return settle({ ended: 'client_gone', blocks: 0 }) // the client left while we were silent
  }
  settle({ ended: 'full', blocks: answer.blocks.length })
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(toMessageBody(answer)))
}

/** Bills the answer. One that was not sent completely is billed for the part that was sent. */
function settleCall(call: ModelCall, model: ModelInfo, answer: MessageAnswer, sent: Sent): void {
  const usage =
    sent.ended === 'full'
      ? answer.usage
      : { ...answer.usage, output_tokens: Math.max(1, countOutput(answer.blocks.slice(0, sent.blocks))) }
  const tools = answer.blocks.flatMap((block) => (block.type === 'tool_use' ? [block.name ?? ''] : []))
  Object.assign(call, {
    status: 200,
    tools,
    stopReason: answer.stopReason,
    ended: sent.ended,
    usage,
    usd: toDollars(usage, model),
  })
}
