// What one plan's process has done, in its own home: the truth from which a conversation is rebuilt after a crash, message
// by message as it was sent. Everything a tool does is written before and after; a call without an end is never run again.
import { z } from 'zod'
import type { BetaMessageParam, BetaToolResultBlockParam } from '@anthropic-ai/sdk/resources/beta'
import { openAppendLog, readLog } from './durable.ts'

export type JournalRecord =
  | { kind: 'attempt'; attempt: number }
  | { kind: 'prepared'; baseHead: string | null }
  | { kind: 'setup_done' }
  | { kind: 'conversation'; iteration: number; shape: string }
  | { kind: 'message'; message: BetaMessageParam }
  | { kind: 'tool_start'; id: string; name: string }
  | { kind: 'tool_end'; id: string; content: string; isError: boolean }
  | { kind: 'taken'; n: number }
  | { kind: 'asked'; question: string }
  | { kind: 'finished'; summary: string }
  | { kind: 'ended'; how: string }

export interface Journal {
  append(record: JournalRecord): void
  records(): JournalRecord[]
}

export function openJournal(file: string): Journal {
  const records = readLog(file).filter(isRecord)
  const write = openAppendLog(file)
  // A torn last line has no newline: without this one the next record would be torn with it.
  write({ kind: 'opened' })
  return {
    append(record) {
      write(record)
      records.push(record)
    },
    records: () => records,
  }
}

/** The last conversation of this attempt, ready to be sent on; null when there is none or it was held with other tools or words. */
export function rebuildConversation(
  records: JournalRecord[],
  attempt: number,
  shape: string,
): { iteration: number; messages: BetaMessageParam[] } | null {
  const ofAttempt = recordsOf(records, attempt)
  const start = ofAttempt.findLastIndex((record) => record.kind === 'conversation')
  const conversation = ofAttempt[start]
  if (conversation?.kind !== 'conversation' || conversation.shape !== shape) return null
  const since = ofAttempt.slice(start)
  const messages = since.flatMap((record) => (record.kind === 'message' ? [record.message] : []))
  if (messages.length === 0) return null
  const answers = answerOpenCalls(messages.at(-1), since)
  return {
    iteration: conversation.iteration,
    messages: answers === null ? messages : [...messages, answers],
  }
}

/** Records since the start of this attempt. */
export function recordsOf(records: JournalRecord[], attempt: number): JournalRecord[] {
  const start = records.findLastIndex((record) => record.kind === 'attempt' && record.attempt === attempt)
  return start === -1 ? [] : records.slice(start)
}

const RESTARTED =
  'The agent restarted while this command ran; it may have run fully, partly or not at all. Inspect what it changed before you repeat it.'
const NEVER_STARTED = 'The agent restarted before this call began; it was not run.'

function answerOpenCalls(
  last: BetaMessageParam | undefined,
  records: JournalRecord[],
): BetaMessageParam | null {
  if (last?.role !== 'assistant' || typeof last.content === 'string') return null
  const calls = last.content.filter((block) => block.type === 'tool_use')
  if (calls.length === 0) return null
  return { role: 'user', content: calls.map((call) => answerOpenCall(call.id, records)) }
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
    'tool_start',
    'tool_end',
    'taken',
    'asked',
    'finished',
    'ended',
  ]),
})
function isRecord(value: unknown): value is JournalRecord {
  return KINDS.safeParse(value).success
}
