// Decides what the model answers to one request: the judge's answer, the next turn of the plan's script, or a plain text.
import { isCompaction } from './compaction.ts'
import { answerJudge, answerTests, asksAboutTests, readingOf } from './judge.ts'
import { findPlan, makeToolId } from './plan.ts'
import type { PlanText, Progress } from './plan.ts'
import { toBlocks } from './request.ts'
import type { Block, MessagesRequest } from './request.ts'
import { parseScript } from './script.ts'
import type { Script, Step, Turn, UsageOverride } from './script.ts'

/** After a rejected finish the model calls finish again this many times, then it gives up. */
const MAX_FINISH_AGAIN = 3

export type Reply =
  | { kind: 'fail'; status: number; retryAfterS: number | null; sleepMs: number }
  | {
      kind: 'message'
      blocks: Block[]
      stopReason: string
      usage: UsageOverride | null
      sleepMs: number
      stallMs: number
      cutAfterBlocks: number | null
    }
export type Decision = {
  about: 'plan' | 'judge' | 'compaction' | 'other'
  plan: PlanText | null
  place: number | null
  reply: Reply
}

/** Throws an Error when the plan's script cannot be read. */
export function decide(request: MessagesRequest, progress: Progress): Decision {
  const schema = request.output_config?.format?.schema
  if (schema !== undefined && (request.tools ?? []).length === 0)
    return decideJudge(request, schema, progress)
  const plan = findPlan(request)
  if (plan === null || (request.tools ?? []).length === 0) {
    const text = schema === undefined ? 'Understood.' : answerJudge(schema, undefined)
    return { about: 'other', plan, place: null, reply: toMessage([toText(text)], 'end_turn') }
  }
  progress.remember(plan)
  if (isCompaction(request)) {
    progress.advance(plan.id, request)
    return { about: 'compaction', plan, place: null, reply: toMessage([], 'compaction') }
  }
  const script = parseScript(plan.text)
  const place = progress.advance(plan.id, request)
  return { about: 'plan', plan, place, reply: takeTurn({ request, progress, plan, script, place }) }
}

function decideJudge(request: MessagesRequest, schema: unknown, progress: Progress): Decision {
  const texts = request.messages.flatMap((message) =>
    toBlocks(message.content).map((block) => block.text ?? ''),
  )
  const lastText = texts.at(-1) ?? ''
  const plan = findPlan(request) ?? progress.findMentioned(texts.join('\n'))
  const script = plan === null ? null : parseScript(plan.text)
  const aboutTests = asksAboutTests(schema)
  const isNew = aboutTests || readingOf(lastText) === 1
  const index = plan === null ? 0 : progress.countJudged(plan.id, aboutTests ? 'tests' : 'work', isNew)
  const answer = aboutTests
    ? answerTests(lastText, nth(script?.judgeTests, index))
    : answerJudge(schema, nth(script?.judge, index))
  return { about: 'judge', plan, place: null, reply: toMessage([toText(answer)], 'end_turn') }
}

/** The nth of a list whose last one stays. */
const nth = <T>(list: readonly T[] | undefined, index: number): T | undefined =>
  list?.[Math.min(index, list.length - 1)]

type TurnInput = {
  request: MessagesRequest
  progress: Progress
  plan: PlanText
  script: Script
  place: number
}

function takeTurn({ request, progress, plan, script, place }: TurnInput): Reply {
  const step = script.steps[place] ?? takeFinish(request, script, place)
  if (step === null) return toMessage([toText(`Finished: ${script.title}`)], 'end_turn')
  const attempt = progress.countAttempt(plan.id, place)
  const turn: Turn | undefined = step.turns[Math.min(attempt, step.turns.length - 1)]
  if (turn === undefined || turn.kind === 'fail') {
    return turn ?? toMessage([toText('Nothing to do.')], 'end_turn')
  }
  const said = turn.say.map(toText)
  const { usage, sleepMs, stallMs, cutAfterBlocks } = turn
  const rest = { kind: 'message' as const, usage, sleepMs, stallMs, cutAfterBlocks }
  if (turn.stop !== null) {
    return { ...rest, blocks: said.length > 0 ? said : [toText(stopWords[turn.stop])], stopReason: turn.stop }
  }
  const call: Block = { type: 'tool_use', id: makeToolId(plan.id, place), ...step.call }
  return { ...rest, blocks: [...said, call], stopReason: 'tool_use' }
}

/** Returns the step after the last one: finish, and again after each rejection; null when accepted or rejected too often. */
function takeFinish(request: MessagesRequest, script: Script, place: number): Step | null {
  const finishes = readFinishes(request)
  const isAccepted = finishes.last === 'accepted'
  if (isAccepted || finishes.rejectedCount > MAX_FINISH_AGAIN) return null
  return place === script.steps.length
    ? script.finish
    : { ...script.finish, turns: script.finish.turns.slice(-1) }
}

function readFinishes(request: MessagesRequest): {
  rejectedCount: number
  last: 'accepted' | 'rejected' | null
} {
  const blocks = request.messages.flatMap((message) => toBlocks(message.content))
  const calls = new Set(
    blocks.flatMap((block) => (block.type === 'tool_use' && block.name === 'finish' ? [block.id] : [])),
  )
  const isFinish = (block: Block): boolean => block.type === 'tool_result' && calls.has(block.tool_use_id)
  const results = blocks.filter(isFinish)
  const newest = toBlocks(request.messages.at(-1)?.content ?? [])
  // A text beside the result reopens the plan, so the model does not simply end.
  const result = newest.some((block) => block.type === 'text') ? undefined : newest.find(isFinish)
  return {
    rejectedCount: results.filter((block) => block.is_error === true).length,
    last: result === undefined ? null : result.is_error === true ? 'rejected' : 'accepted',
  }
}

const stopWords = {
  end_turn: 'I think that is all.',
  max_tokens: 'There is so much to say about this that',
  refusal: 'I cannot help with that.',
}

const toText = (text: string): Block => ({ type: 'text', text })

function toMessage(blocks: Block[], stopReason: string): Reply {
  return { kind: 'message', blocks, stopReason, usage: null, sleepMs: 0, stallMs: 0, cutAfterBlocks: null }
}
