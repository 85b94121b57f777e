// The journal of one plan, a file in its home. A conversation is rebuilt from it after a crash, message by message as it was
// sent. Each tool call is recorded before it runs and after; a call without an end is never run again, except `finish`.
import { z } from 'zod'
import type { BetaMessageParam, BetaToolResultBlockParam } from '@anthropic-ai/sdk/resources/beta'
import { CheckResult } from '../../src/shared/protocol.ts'
import type { BaseChecks } from '../machine/plan-pipe.ts'
import { OutcomeReason, Proof } from '../../src/shared/words.ts'
import { openAppendLog, readLog } from '../machine/durable.ts'
import { createFailpoint } from './failpoint.ts'

export type JournalRecord =
  | { kind: 'attempt'; attempt: number }
  | { kind: 'prepared'; baseHead: string | null }
  | { kind: 'setup_done' }
  /** The remote has this commit from us, so the work can be taken up from there when the git folder is lost. */
  | { kind: 'kept'; head: string; ref: 'branch' | 'checkpoint' }
  | { kind: 'conversation'; iteration: number; shape: string }
  | { kind: 'message'; message: BetaMessageParam }
  | { kind: 'tool_start'; id: string; name: string }
  | { kind: 'tool_end'; id: string; content: ToolResultContent; isError: boolean }
  | { kind: 'taken'; n: number }
  | { kind: 'asked'; question: string; pauses: boolean; assumption?: string }
  /** Replaces the last message, which the model has not answered. */
  | { kind: 'amended'; message: BetaMessageParam }
  /** How the checks stood before any work. A record of an older version has no `found`. */
  | { kind: 'baseline'; found?: BaseChecks | null }
  | { kind: 'preflight_done' }
  /** A conversation ended and a fresh one follows; `why` is what the fresh one is told. */
  | { kind: 'conversation_ended'; why: string }
  /** Replaces all messages of this conversation. */
  | { kind: 'compacted'; messages: BetaMessageParam[] }
  /** The finish gate's final result for this attempt. The model has nothing more to do. */
  | { kind: 'finished'; summary: string; outcome?: FinishOutcome }
  /** The finish gate rejected the work; text is what the model was told. A notice is told once and does not count. */
  | { kind: 'rejected'; text: string; notice?: 'conflict' | 'red' | 'elsewhere' }
  /** over says that a later attempt begins a new conversation. */
  | { kind: 'ended'; how: string; over: boolean }

type ToolResultContent = Exclude<BetaToolResultBlockParam['content'], undefined>
/** What deliver() reports to the Worker. It is a claim; the supervisor replaces it by its own record of the proof. */
export const FinishOutcome = z.object({
  reasons: z.array(OutcomeReason),
  proof: Proof,
  checks: z.array(CheckResult),
})
export type FinishOutcome = z.infer<typeof FinishOutcome>

export interface Journal {
  append(record: JournalRecord): void
  records(): JournalRecord[]
}

export function openJournal(file: string): Journal {
  const records = readLog(file).filter(isRecord)
  const write = openAppendLog(file)
  // A last line that a crash cut has no newline. This record ends that line, so that the next one is not damaged.
  write({ kind: 'opened' })
  const fail = createFailpoint(file)
  return {
    append(record) {
      fail('before', records.length + 1)
      write(record)
      records.push(record)
      fail('after', records.length)
    },
    records: () => records,
  }
}

export interface OpenCall {
  name: string
  input: unknown
  /** True when the call began and the journal does not know how it ended. */
  isCut: boolean
  result: BetaToolResultBlockParam
}

export interface Rebuilt {
  iteration: number
  messages: BetaMessageParam[]
  /** Calls of the last reply whose results the model has not seen, each with its result. */
  open: OpenCall[]
}

/** Returns the last conversation to be continued; null when there is none, it has ended, or had other tools, prompt or model. */
export function rebuildConversation(records: JournalRecord[], shape: string): Rebuilt | null {
  const start = records.findLastIndex((record) => record.kind === 'conversation')
  const conversation = records[start]
  if (conversation?.kind !== 'conversation' || conversation.shape !== shape) return null
  const since = records.slice(start)
  const isOver = (record: JournalRecord) =>
    record.kind === 'finished' ||
    record.kind === 'conversation_ended' ||
    (record.kind === 'ended' && record.over)
  if (since.some(isOver)) return null
  const messages: BetaMessageParam[] = []
  for (const record of since) {
    if (record.kind === 'amended') messages.pop()
    if (record.kind === 'compacted') messages.splice(0, messages.length, ...record.messages)
    if (record.kind === 'message' || record.kind === 'amended') messages.push(record.message)
  }
  if (messages.length === 0) return null
  return { iteration: conversation.iteration, messages, open: openCalls(messages.at(-1), since) }
}

/** Returns the question whose answer this attempt still waits for; null when it waits for none. */
export function pendingQuestion(records: JournalRecord[], attempt: number): string | null {
  const since = recordsOf(records, attempt)
  const at = since.findLastIndex((record) => record.kind === 'asked' && record.pauses)
  const asked = since[at]
  const isAnswered = since.slice(at + 1).some((record) => record.kind === 'message')
  return asked?.kind !== 'asked' || isAnswered ? null : asked.question
}

/** Returns the base commit of the work; a rebase moves it. Returns null when the repository had no commit. */
export const baseIn = (records: JournalRecord[]): string | null =>
  records.findLast((record) => record.kind === 'prepared')?.baseHead ?? null

/** Returns the records since the start of this attempt. */
export function recordsOf(records: JournalRecord[], attempt: number): JournalRecord[] {
  const start = records.findLastIndex((record) => record.kind === 'attempt' && record.attempt === attempt)
  return start === -1 ? [] : records.slice(start)
}

const RESTARTED =
  'The agent restarted while this command ran; it may have run fully, partly or not at all. Inspect what it changed before you repeat it.'
const NEVER_STARTED = 'The agent restarted before this call began; it was not run.'

function openCalls(last: BetaMessageParam | undefined, records: JournalRecord[]): Rebuilt['open'] {
  if (last?.role !== 'assistant' || typeof last.content === 'string') return []
  return last.content.flatMap((block) => {
    if (block.type !== 'tool_use') return []
    const { id, name, input } = block
    return [{ name, input, isCut: isCut(id, records), result: answerOpenCall(id, records) }]
  })
}

function isCut(id: string, records: JournalRecord[]): boolean {
  const about = records.filter((record) => 'id' in record && record.id === id)
  return about.length > 0 && !about.some((record) => record.kind === 'tool_end')
}

function answerOpenCall(id: string, records: JournalRecord[]): BetaToolResultBlockParam {
  const result = { type: 'tool_result', tool_use_id: id } as const
  const end = records.find((record) => record.kind === 'tool_end' && record.id === id)
  if (end?.kind === 'tool_end')
    return { ...result, content: end.content, ...(end.isError ? { is_error: true } : {}) }
  const started = records.some((record) => record.kind === 'tool_start' && record.id === id)
  return { ...result, content: started ? RESTARTED : NEVER_STARTED, is_error: true }
}

/** The known kinds of records. A line of another kind, for instance of another version, is ignored. */
const KINDS = z.object({
  kind: z.enum([
    'attempt',
    'prepared',
    'setup_done',
    'kept',
    'conversation',
    'message',
    'amended',
    'compacted',
    'conversation_ended',
    'tool_start',
    'tool_end',
    'taken',
    'asked',
    'finished',
    'rejected',
    'baseline',
    'preflight_done',
    'ended',
  ]),
})
/** A damaged 'finished' record is ignored and the model finishes again. The Worker would reject its text for ever. */
const FINISHED = z.object({ summary: z.string() })

function isRecord(value: unknown): value is JournalRecord {
  const tag = KINDS.safeParse(value)
  return tag.success && (tag.data.kind !== 'finished' || FINISHED.safeParse(value).success)
}
