// The messages between the supervisor and a plan's process: JSON lines over its stdin and stdout. Secrets are passed only here.
// Messages from the plan's side are untrusted, because the plan's user can write to this pipe itself.
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { z } from 'zod'
import { AttemptEnd, CheckResult, DesiredPlan, EventLine, ObjectId } from '../../src/shared/protocol.ts'
import { LookFirst, TestsReport } from '../../src/shared/results.ts'
import { CheckState, Outcome, OutcomeReason, Phase, Proof, VmPauseReason } from '../../src/shared/words.ts'
import type { VmEventType } from '../../src/shared/event-types.ts'
import { parseJson } from '../../src/shared/json.ts'

/** Longest line accepted. A start with a long plan and an end with 100 commits and 50 checks stay far below it. */
const MAX_LINE_BYTES = 8_000_000

export const Message = DesiredPlan.shape.messages.element
export type Message = z.infer<typeof Message>

/** What a plan's process is told of the plan, as the Worker wants it. */
export const Orders = DesiredPlan.pick({
  id: true,
  attempt: true,
  title: true,
  branch: true,
  base: true,
  setup: true,
  checks: true,
  model: true,
  effort: true,
  onQuestion: true,
  pushedHead: true,
  checkpointHead: true,
  checkpointMs: true,
  workMs: true,
  messages: true,
})

export const Start = Orders.extend({
  kind: z.literal('start'),
  /** stop means: do no more work, commit what is there and report it. */
  mode: z.enum(['work', 'stop']),
  text: z.string(),
  token: z.string(),
  /** The Worker's address for VMs, without a slash at the end. */
  url: z.string(),
  workspace: z.string(),
  checkout: z.string(),
  mirror: z.string(),
})
export type Start = z.infer<typeof Start>

const judged = {
  reasons: z.array(OutcomeReason),
  proof: Proof,
  checks: z.array(CheckResult).max(50),
  tests: TestsReport.optional(),
  lookFirst: LookFirst.optional(),
}

/** How set-up and checks stand at a base, as a plan is told of it. */
export const BaseChecks = z.object({
  /** What failed in the set-up; null when it went well. */
  setup: z.string().nullable(),
  checks: z
    .array(
      z.object({
        command: z.string(),
        state: CheckState,
        exitCode: z.int(),
        seconds: z.number(),
        flaky: z.boolean(),
      }),
    )
    .max(50),
})
export type BaseChecks = z.infer<typeof BaseChecks>

/** The result of the proof of one head, as the supervisor got it from its prover. */
export const Verdict = z.discriminatedUnion('kind', [
  /** The model has nothing more to do. The outcome may still be unverified. */
  z.object({ kind: z.literal('accepted'), outcome: Outcome, ...judged }),
  /** text tells the model what failed and what to do. */
  z.object({ kind: z.literal('rejected'), text: z.string(), ...judged }),
  /** The proof could not be finished now. */
  z.object({ kind: z.literal('paused'), reason: VmPauseReason, detail: z.string() }),
  z.object({ kind: z.literal('revoked') }),
])
export type Verdict = z.infer<typeof Verdict>

export const ToPlan = z.discriminatedUnion('kind', [
  Start,
  z.object({ kind: z.literal('verdict'), head: ObjectId, verdict: Verdict }),
  /** null: the baseline could not be measured. */
  z.object({ kind: z.literal('baseline'), base: ObjectId, found: BaseChecks.nullable() }),
  z.object({ kind: z.literal('token'), token: z.string() }),
  z.object({ kind: z.literal('message'), message: Message }),
])
export type ToPlan = z.infer<typeof ToPlan>

/** A line of history. */
export const HistoryLine = EventLine.pick({ type: true, text: true, data: true }).extend({
  kind: z.literal('event'),
})

export const FromPlan = z.discriminatedUnion('kind', [
  HistoryLine,
  z.object({ kind: z.literal('phase'), phase: Phase }),
  /** A sign of activity: bytes came from the model or a command. */
  z.object({ kind: z.literal('activity') }),
  /** A tool gave its result or a commit was made, so a crash now counts as a new one. */
  z.object({ kind: z.literal('progress') }),
  z.object({ kind: z.literal('taken'), n: z.int().min(1) }),
  /** Asks for the baseline at a commit of the base branch. */
  z.object({ kind: z.literal('baseline'), base: ObjectId }),
  /**
   * Asks the supervisor to prove the head that was pushed to the checkpoint ref or the branch. It answers with a verdict for that
   * head. `n` counts the finishes of the attempt: the same head asked again with a new n is proven again.
   */
  z.object({ kind: z.literal('prove'), head: ObjectId, n: z.int().min(1), summary: z.string().max(8_000) }),
  z.object({ kind: z.literal('end'), end: AttemptEnd }),
])
export type FromPlan = z.infer<typeof FromPlan>

/** A message of ours: its event types are those that docs/states.md explains. */
export type Typed<Message extends { kind: string }> =
  | Exclude<Message, { kind: 'event' }>
  | (Omit<Extract<Message, { kind: 'event' }>, 'type'> & { type: VmEventType })

export function writeLine(stream: Writable, message: object): void {
  stream.write(`${JSON.stringify(message)}\n`)
}

/** Calls onMessage for each valid line and ignores others. A line that is too long ends the reading. */
export function readLines<T>(stream: Readable, schema: z.ZodType<T>, onMessage: (message: T) => void): void {
  let sinceNewline = 0
  stream.on('data', (chunk: Buffer) => {
    const newline = chunk.lastIndexOf(10)
    sinceNewline = newline === -1 ? sinceNewline + chunk.byteLength : chunk.byteLength - newline
    if (sinceNewline > MAX_LINE_BYTES) stream.destroy()
  })
  createInterface({ input: stream, crlfDelay: Infinity }).on('line', (line) => {
    const parsed = schema.safeParse(parseJson(line))
    if (parsed.success) onMessage(parsed.data)
  })
}
