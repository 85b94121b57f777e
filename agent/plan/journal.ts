// What one plan's process has done, in its own home: the truth from which a conversation is rebuilt after a crash, message
// by message as it was sent. Everything a tool does is written before and after; a call without an end is never run again.
import { z } from 'zod'
import type { BetaMessageParam, BetaToolResultBlockParam } from '@anthropic-ai/sdk/resources/beta'
import { CheckResult, OutcomeReason } from '../../src/shared/protocol.ts'
import { openAppendLog, readLog } from '../machine/durable.ts'
import { createFailpoint } from './failpoint.ts'

export type JournalRecord =
  | { kind: 'attempt'; attempt: number }
  | { kind: 'prepared'; baseHead: string | null }
  | { kind: 'setup_done' }
  | { kind: 'conversation'; iteration: number; shape: string }
  | { kind: 'message'; message: BetaMessageParam }
  | { kind: 'tool_start'; id: string; name: string }
  | { kind: 'tool_end'; id: string; content: ToolResultContent; isError: boolean }
  | { kind: 'taken'; n: number }
  | { kind: 'asked'; question: string; pauses: boolean; assumption?: string }
  /** Takes the place of the last message, which the model has never answered. */
  | { kind: 'amended'; message: BetaMessageParam }
  /** How the checks stood before any work. */
  | { kind: 'baseline'; results: { command: string; exitCode: number; seconds: number }[] }
  | { kind: 'preflight_done' }
  /** A conversation that ended for a fresh one; why: what its successor is told. */
  | { kind: 'conversation_ended'; why: string }
  /** Takes the place of all messages of this conversation. */
  | { kind: 'compacted'; messages: BetaMessageParam[] }
  /** The gate's last word on this attempt's work: nothing more is asked of the model. */
  | { kind: 'finished'; summary: string; outcome?: FinishOutcome }
  /** A request to finish was turned down. text: what the model was told. A notice is given once and not counted. */
  | { kind: 'rejected'; text: string; notice?: 'conflict' | 'red' }
  /** over: a later attempt begins a new conversation. */
  | { kind: 'ended'; how: string; over: boolean }

type ToolResultContent = Exclude<BetaToolResultBlockParam['content'], undefined>
/** What deliver() tells the Worker; a claim, which the supervisor's own record of the proof replaces. */
export const FinishOutcome = z.object({
  reasons: z.array(OutcomeReason),
  proof: z.enum(['clean_checkout', 'in_place', 'none']),
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
  // A torn last line has no newline: without this one the next record would be torn with it.
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
  /** It began, and the journal does not know how it ended. */
  isCut: boolean
  result: BetaToolResultBlockParam
}

export interface Rebuilt {
  iteration: number
  messages: BetaMessageParam[]
  /** Calls of the last reply that the model has no answer to yet, each with what became of it. */
  open: OpenCall[]
}

/**
 * The last conversation, ready to be sent on, also by a later attempt; null when there is none, it came to its end, or it was held
 * with other tools or words.
 */
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

/** The question this attempt already asked and still waits for; null when it waits for none. */
export function pendingQuestion(records: JournalRecord[], attempt: number): string | null {
  const since = recordsOf(records, attempt)
  const at = since.findLastIndex((record) => record.kind === 'asked' && record.pauses)
  const asked = since[at]
  const isAnswered = since.slice(at + 1).some((record) => record.kind === 'message')
  return asked?.kind !== 'asked' || isAnswered ? null : asked.question
}

/** The commit the work stands on: it moves when the work is put on top of a newer base. null: the repository had none. */
export const baseIn = (records: JournalRecord[]): string | null =>
  records.findLast((record) => record.kind === 'prepared')?.baseHead ?? null

/** Records since the start of this attempt. */
export function recordsOf(records: JournalRecord[], attempt: number): JournalRecord[] {
  const start = records.findLastIndex((record) => record.kind === 'attempt' && record.attempt === attempt)
  return start === -1 ? [] : records.slice(start)
}

const RESTARTED =
  'The agent restarted while this command ran; it may have run fully, partly or not at all. Inspect what it changed before you repeat it.'
const NEVER_STARTED = 'The agent restarted before this call began; it was not run.'

function openCalls(last: BetaMessageParam | undefined, records: JournalRecord[]): Rebuilt['open'] {
  if (last?.role !== 'assistant' || typeof last.content === 'string') return []
  return last.content.flatMap((block) =>
    block.type === 'tool_use'
      ? [
          {
            name: block.name,
            input: block.input,
            isCut: isCut(block.id, records),
            result: answerOpenCall(block.id, records),
          },
        ]
      : [],
  )
}

function isCut(id: string, records: JournalRecord[]): boolean {
  const about = records.filter((record) => 'id' in record && record.id === id)
  return about.length > 0 && !about.some((record) => record.kind === 'tool_end')
}

function answerOpenCall(id: string, records: JournalRecord[]): BetaToolResultBlockParam {
  const end = records.find((record) => record.kind === 'tool_end' && record.id === id)
  if (end?.kind === 'tool_end')
    return {
      type: 'tool_result',
      tool_use_id: id,
      content: end.content,
      ...(end.isError ? { is_error: true } : {}),
    }
  const started = records.some((record) => record.kind === 'tool_start' && record.id === id)
  return {
    type: 'tool_result',
    tool_use_id: id,
    content: started ? RESTARTED : NEVER_STARTED,
    is_error: true,
  }
}

/** Written by this program alone; the tag tells ours from a line of another version. */
const KINDS = z.object({
  kind: z.enum([
    'attempt',
    'prepared',
    'setup_done',
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
/** Its words are sent to the Worker, which would refuse anything else for ever: a damaged one is none, and the model finishes again. */
const FINISHED = z.object({ summary: z.string() })

function isRecord(value: unknown): value is JournalRecord {
  const tag = KINDS.safeParse(value)
  return tag.success && (tag.data.kind !== 'finished' || FINISHED.safeParse(value).success)
}
