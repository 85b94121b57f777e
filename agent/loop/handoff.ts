// Decides when a conversation should end for a fresh one, and writes what the next one is told besides the plan and repository.
import type { BetaMessageParam } from '@anthropic-ai/sdk/resources/beta'
import { z } from 'zod'
import { describeItems, readItems } from '../tools/item-list.ts'
import { recordsOf } from '../plan/journal.ts'
import type { Limits } from '../plan/limits.ts'
import { blocksOf } from '../model/messages.ts'
import { MAX_NOTES_CHARS, readNotes } from '../tools/notes.ts'
import { clipText } from '../machine/output.ts'
import type { PlanContext } from '../plan/plan-context.ts'

export interface HandoffInput {
  /** Tokens of the last turn's prompt and reply together. */
  tokens: number
  turns: number
  /** True when nothing is uncommitted. */
  isClean: boolean
  /** True when this turn made a commit or notes. */
  isGoodMoment: boolean
  /** True when this conversation made a commit or notes, so that the next one does not begin from nothing. */
  leavesTrace: boolean
  canCompact: boolean
}

/** hand_over: the model writes its notes with its next reply, then a fresh conversation begins. compact: the API sums up. */
export type HandoffStep = 'go_on' | 'hand_over' | 'compact'

/**
 * Pure. Small contexts are cheaper and work better, so a long conversation ends at its next commit or notes. In the middle of an
 * item it is not cut off; there the API's summary replaces the history.
 */
export function nextStep(
  { tokens, turns, isClean, isGoodMoment, leavesTrace, canCompact }: HandoffInput,
  limits: Pick<Limits, 'turns' | 'handoffTokens' | 'contextTokens'>,
): HandoffStep {
  if (turns >= limits.turns) return 'hand_over'
  if (tokens > limits.contextTokens) return (isClean && leavesTrace) || !canCompact ? 'hand_over' : 'compact'
  return tokens > limits.handoffTokens && isClean && isGoodMoment ? 'hand_over' : 'go_on'
}

/** Returns the notes in the model's last reply; null when it wrote none. */
export function notesIn(reply: BetaMessageParam): string | null {
  const call = blocksOf(reply).findLast((block) => block.type === 'tool_use' && block.name === 'notes')
  const input = call?.type === 'tool_use' ? Notes.safeParse(call.input) : undefined
  return input?.data?.text ?? null
}
const Notes = z.object({ text: z.string().max(MAX_NOTES_CHARS) })

/** Returns sections of the first message with their titles. A section with an empty text is left out by the caller. */
export function describeHandoff({ home, journal, start }: PlanContext): [title: string, text: string][] {
  const records = recordsOf(journal.records(), start.attempt)
  const last = records.findLast((record) => record.kind === 'conversation_ended')
  const rejected = records.findLast((record) => record.kind === 'rejected')
  return [
    ['Your notes', readNotes(home).trim()],
    ['Items of the plan', describeItems(readItems(home))],
    ['How the last conversation ended', last?.why ?? ''],
    ['Why your last call of finish was rejected', clipText(rejected?.text ?? '', 6_000)],
  ]
}
