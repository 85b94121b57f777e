// The ask tool: it puts a question to the person. Depending on the plan's setting the plan pauses, or goes on with an assumption.
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
      return 'The person will not answer: this plan goes on by itself. Take the most reasonable assumption, write it down in your notes and in the summary, and go on.'
    },
  })
}

const ASSUMED = 'The agent decides by itself and names it in the summary.'

/** Returns the summary followed by the questions and assumptions, so that the person finds them whatever the model wrote. */
export function withAssumptions(summary: string, records: JournalRecord[]): string {
  const asked = records.flatMap((record) => (record.kind === 'asked' && !record.pauses ? [record] : []))
  if (asked.length === 0) return summary
  const lines = asked.map(
    ({ question, assumption }) => `- ${question} Assumed: ${assumption ?? 'see above.'}`,
  )
  return `${clipText(summary, 6_000)}\n\nDecided without asking:\n${clipText(lines.join('\n'), 1_900)}`
}
