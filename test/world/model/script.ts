// Reads from the plan's text what the scripted model does for that plan. Pure.
//
// The script is the text's fenced blocks in order. An `sh` block is one bash call. A `model` block is a JSON object, an array of
// them, or one object per line; an object may have several keys. A step is one tool call; after the last step comes `finish`. Keys
// that call no tool belong to the next step (or to `finish`). Each is used once at its place, so that a retry does not meet it again:
//   say              text before the tool call, in the same answer
//   sleep_ms         wait before answering, once
//   stall_ms         silence in the middle of the stream, once
//   cut_after_blocks the connection dies after n content blocks, once
//   usage            replaces the answer's usage (what is absent is 0)
//   stop             one answer without a tool call
//   fail             `times` answers (1) with `status`, `retry_after` s
//   judge            answer to the judge; several: one each (the readings of one request get the same), the last stays
//   judge_tests      may the tests change? "yes", "no" (as without it), or the paths that may; several: one each, the last stays
//   loop             repeats a step n times with all that belongs to it: the tool or stop in the same object, else the next step,
//                    else the step before; with no step at all: bash `true`
import { z } from 'zod'
import { findFences } from './fences.ts'

const StopReason = z.enum(['end_turn', 'max_tokens', 'refusal'])
type StopReason = z.infer<typeof StopReason>

/** Unknown keys pass through into the answer (iterations, server_tool_use). */
export const UsageOverride = z.looseObject({
  input_tokens: z.int().min(0).default(0),
  output_tokens: z.int().min(0).default(0),
  cache_read_input_tokens: z.int().min(0).default(0),
  cache_creation_input_tokens: z.int().min(0).default(0),
  cache_creation: z
    .object({
      ephemeral_5m_input_tokens: z.int().min(0).default(0),
      ephemeral_1h_input_tokens: z.int().min(0).default(0),
    })
    .optional(),
})
export type UsageOverride = z.infer<typeof UsageOverride>

const Ms = z.number().min(0).max(3_600_000)
const ModelBlock = z.strictObject({
  say: z.string().min(1).optional(),
  tool: z.string().min(1).optional(),
  input: z.record(z.string(), z.unknown()).optional(),
  ask: z.string().optional(),
  sleep_ms: Ms.optional(),
  loop: z.int().min(1).max(10_000).optional(),
  stop: StopReason.optional(),
  usage: UsageOverride.optional(),
  fail: z
    .strictObject({
      status: z.int().min(400).max(599),
      times: z.int().min(1).default(1),
      retry_after: z.number().optional(),
    })
    .optional(),
  cut_after_blocks: z.int().min(0).optional(),
  stall_ms: Ms.optional(),
  judge: z.unknown().optional(),
  judge_tests: z.union([z.enum(['yes', 'no']), z.array(z.string())]).optional(),
})
type ModelBlock = z.infer<typeof ModelBlock>

type ToolCall = { name: string; input: Record<string, unknown> }

type FailTurn = { kind: 'fail'; status: number; retryAfterS: number | null; sleepMs: number }
type AnswerTurn = {
  kind: 'answer'
  say: string[]
  /** The stop reason; null when the step's tool is called. */
  stop: StopReason | null
  usage: UsageOverride | null
  sleepMs: number
  stallMs: number
  cutAfterBlocks: number | null
}
export type Turn = FailTurn | AnswerTurn

/** The nth request at this place gets the nth turn. The last turn is plain and repeats. */
export type Step = { call: ToolCall; turns: Turn[] }
/** What the judge says to a question about tests: all may change, none, or these paths. */
export type TestsWord = 'yes' | 'no' | string[]
export type Script = {
  title: string
  steps: Step[]
  finish: Step
  judge: unknown[]
  judgeTests: TestsWord[]
}

/** Throws an Error that names the block when a `model` block is not understood. */
export function parseScript(planText: string): Script {
  const builder = createBuilder()
  for (const [index, fence] of findFences(planText).entries()) {
    if (fence.info === 'sh') builder.add({ tool: 'bash', input: { command: fence.text } })
    else if (fence.info === 'model') {
      for (const block of readBlocks(fence.text, index + 1)) builder.add(block)
    }
  }
  return builder.end(firstLine(planText))
}

/** The plan's first line that is not blank. */
function firstLine(planText: string): string {
  return planText.trim().split(/\r?\n/, 1)[0]?.trim() || '(no title)'
}

function readBlocks(text: string, number: number): ModelBlock[] {
  const parsed = z.array(ModelBlock).safeParse(readJson(text))
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  throw new Error(`fenced block ${number} (model): ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`)
}

function readJson(text: string): unknown[] {
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) ? value : [value]
  } catch {
    // The text is not one JSON value, so it is read as one object per line. The schema refuses a broken line.
    return text
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map(readLine)
  }
}

function readLine(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return line
  }
}

type Dress = Omit<AnswerTurn, 'kind' | 'stop' | 'cutAfterBlocks'>
const bare = (): Dress => ({ say: [], usage: null, sleepMs: 0, stallMs: 0 })

function createBuilder(): { add(block: ModelBlock): void; end(title: string): Script } {
  const steps: Step[][] = []
  const judge: unknown[] = []
  const judgeTests: TestsWord[] = []
  let turns: Turn[] = []
  let dress = bare()
  let nextLoop: number | null = null

  const turn = (stop: StopReason | null, cutAfterBlocks: number | null): AnswerTurn => ({
    kind: 'answer',
    ...dress,
    stop,
    cutAfterBlocks,
  })
  const spendOnce = (): void => {
    dress = { ...dress, sleepMs: 0, stallMs: 0 }
  }
  const closeStep = (call: ToolCall): Step => {
    if (dress.sleepMs > 0 || dress.stallMs > 0) turns.push(turn(null, null))
    spendOnce()
    const step = { call, turns: [...turns, turn(null, null)] }
    turns = []
    dress = bare()
    return step
  }

  return {
    add(block) {
      const call = toCall(block)
      if (block.judge !== undefined) judge.push(block.judge)
      if (block.judge_tests !== undefined) judgeTests.push(block.judge_tests)
      if (block.sleep_ms !== undefined) dress.sleepMs += block.sleep_ms
      if (block.fail !== undefined) {
        const { status, times, retry_after: retryAfterS = null } = block.fail
        for (let n = 0; n < times; n += 1) {
          turns.push({ kind: 'fail', status, retryAfterS, sleepMs: n === 0 ? dress.sleepMs : 0 })
        }
        dress.sleepMs = 0
      }
      if (block.say !== undefined) dress = { ...dress, say: [...dress.say, block.say] }
      if (block.usage !== undefined) dress.usage = block.usage
      if (block.stall_ms !== undefined) dress.stallMs += block.stall_ms
      if (block.cut_after_blocks !== undefined) {
        turns.push(turn(null, block.cut_after_blocks))
        spendOnce()
      }
      if (block.stop !== undefined) {
        const repeat = call === null ? (block.loop ?? 1) : 1
        for (let n = 0; n < repeat; n += 1) turns.push(turn(block.stop, null))
        dress = bare()
      }
      if (call !== null) {
        const repeat = block.loop ?? nextLoop ?? 1
        nextLoop = null
        steps.push(Array.from<Step>({ length: repeat }).fill(closeStep(call)))
      } else if (block.loop !== undefined && block.stop === undefined) {
        nextLoop = block.loop
      }
    },
    end(title) {
      if (nextLoop !== null) {
        const last = steps.pop()?.[0] ?? closeStep({ name: 'bash', input: { command: 'true' } })
        steps.push(Array.from<Step>({ length: nextLoop }).fill(last))
      }
      const finish = closeStep({ name: 'finish', input: { summary: title } })
      return { title, steps: steps.flat(), finish, judge, judgeTests }
    },
  }
}

function toCall(block: ModelBlock): ToolCall | null {
  if (block.tool !== undefined) return { name: block.tool, input: block.input ?? {} }
  if (block.ask !== undefined) return { name: 'ask', input: { question: block.ask } }
  return null
}
