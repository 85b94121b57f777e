import { z } from 'zod'
import { defineTool } from './context.ts'
import type { ToolContext } from './context.ts'

export function askTool(context: ToolContext) {
  return defineTool(context, {
    name: 'ask',
    description:
      'Asks the person a question that only they can decide. The work may stop until they answer, which can take days: decide yourself whenever a reasonable person could.',
    inputSchema: z.object({ question: z.string().min(1) }),
    describe: ({ question }) => question,
    run({ question }, { plan }) {
      plan.report({ kind: 'event', type: 'question', text: question.slice(0, 2_000).toWellFormed() })
      const pauses = plan.start.onQuestion === 'pause'
      plan.journal.append({ kind: 'asked', question, pauses })
      if (!pauses)
        return 'Nobody answers now. Make the most reasonable assumption, go on, and name it in your summary.'
      context.conclusion = { kind: 'question', question }
      return 'The work stops here until the person answers.'
    },
  })
}
