// When a conversation should end for a fresh one, and what the next one is told beside the plan and the repository.
import type { BetaMessageParam } from '@anthropic-ai/sdk/resources/beta'
import { z } from 'zod'
import { describeItems, readItems } from '../tools/item-list.ts'
import { recordsOf } from '../plan/journal.ts'
import type { Limits } from '../plan/limits.ts'
import { blocksOf } from '../model/messages.ts'
import { MAX_NOTES_CHARS, readNotes } from '../tools/note-file.ts'
import { clipText } from '../machine/output.ts'
import type { PlanRun } from '../plan/plan-context.ts'

export interface HandoffInput {
  /** The prompt and the reply of the last turn. */
  tokens: number
  turns: number
  /** Nothing uncommitted. */
  isClean: boolean
  /** A commit or notes came with this very turn. */
  isGoodMoment: boolean
  /** A commit or notes came in this conversation: the next one would not begin from nothing. */
  leavesTrace: boolean
  canCompact: boolean
}

/** hand_over: the model writes its notes with its next reply, and a fresh conversation begins. */
export type HandoffStep = 'go_on' | 'hand_over' | 'compact'

/**
 * Pure. Small contexts are cheaper and better, so a long conversation ends at the next commit; in the middle of an item nothing is
 * cut off: there the summary of the API takes the place of the history.
 */
export function nextStep(
  { tokens, turns, isClean, isGoodMoment, leavesTrace, canCompact }: HandoffInput,
  limits: Pick<Limits, 'turns' | 'handoffTokens' | 'contextTokens'>,
): HandoffStep {
  if (turns >= limits.turns) return 'hand_over'
  if (tokens > limits.contextTokens) return (isClean && leavesTrace) || !canCompact ? 'hand_over' : 'compact'
  return tokens > limits.handoffTokens && isClean && isGoodMoment ? 'hand_over' : 'go_on'
}

/** The notes a model wrote with its last reply; null when it wrote none. */
export function notesIn(reply: BetaMessageParam): string | null {
  const call = blocksOf(reply).findLast((block) => block.type === 'tool_use' && block.name === 'notes')
  const input = call?.type === 'tool_use' ? Notes.safeParse(call.input) : undefined
  return input?.data?.text ?? null
}
const Notes = z.object({ text: z.string().max(MAX_NOTES_CHARS) })

/** Sections of the first message, each with its title; none where there is nothing to say. */
export function describeHandoff({ home, journal, start }: PlanRun): [title: string, text: string][] {
  const records = recordsOf(journal.records(), start.attempt)
  const last = records.findLast(({ kind }) => kind === 'conversation_ended')
  const rejected = records.findLast(({ kind }) => kind === 'rejected')
  return [
    ['Your notes', readNotes(home).trim()],
    ['Items of the plan', describeItems(readItems(home))],
    ['How the last conversation ended', last?.kind === 'conversation_ended' ? last.why : ''],
    [
      'Why your last request to finish was turned down',
      rejected?.kind === 'rejected' ? clipText(rejected.text, 6_000) : '',
    ],
  ]
}
