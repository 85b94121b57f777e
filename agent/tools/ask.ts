// The ask tool: puts a question to the person, which pauses the plan or makes Ralph note an assumption.
import { z } from 'zod'
import type { JournalRecord } from '../plan/journal.ts'
import { clipText } from '../machine/output.ts'
import { defineTool } from './context.ts'
import type { ToolContext } from './context.ts'

export function askTool(context: ToolContext) {
  return defineTool(context, {
    name: 'ask',
    description:
      'Asks the person a question that only they can decide. The work may stop until they answer, which can take days: decide yourself whenever a reasonable person could.',
    inputSchema: z.object({
      question: z.string().min(1),
      assumption: z
        .string()
        .optional()
        .describe('What you will do if nobody answers, with its reason in half a sentence.'),
    }),
    describe: ({ question }) => question,
    run({ question, assumption }, { plan }) {
      const pauses = plan.start.onQuestion === 'pause'
      plan.journal.append({
        kind: 'asked',
        question,
        pauses,
        ...(assumption === undefined ? {} : { assumption }),
      })
      plan.report({ kind: 'event', type: 'question', text: clipText(question, 2_000) })
      if (pauses) {
        context.conclusion = { kind: 'question', question }
        return 'The work stops here until the person answers.'
      }
      plan.report({ kind: 'event', type: 'assumption', text: clipText(assumption ?? ASSUMED, 2_000) })
      return 'Nobody answers: this plan is to go on by itself. Take the most reasonable assumption, write it down in your notes and in the summary, and go on.'
    },
  })
}

const ASSUMED = 'The agent decides by itself and names it in the summary.'

/** The summary with what was decided instead of asked, so that the person finds it whatever the model wrote. */
export function withAssumptions(summary: string, records: JournalRecord[]): string {
  const asked = records.flatMap((record) => (record.kind === 'asked' && !record.pauses ? [record] : []))
  if (asked.length === 0) return summary
  const lines = asked.map(
    ({ question, assumption }) => `- ${question} Assumed: ${assumption ?? 'see above.'}`,
  )
  return `${clipText(summary, 6_000)}\n\nDecided without asking:\n${clipText(lines.join('\n'), 1_900)}`
}
