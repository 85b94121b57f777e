import { z } from 'zod'
import { defineTool } from './context.ts'
import type { ToolContext } from './context.ts'

export function finishTool(context: ToolContext) {
  return defineTool(context, {
    name: 'finish',
    description:
      'Says that the plan is carried out. What is uncommitted is committed, the declared checks run, and the branch is pushed.',
    inputSchema: z.object({
      summary: z
        .string()
        .min(1)
        .describe(
          'First line: what was done, as a commit subject. Then what changed, how it was verified, what is open.',
        ),
    }),
    describe: ({ summary }) => summary,
    run({ summary }) {
      context.conclusion = { kind: 'finished', summary }
      context.plan.journal.append({ kind: 'finished', summary })
      return 'Taken. The work is now committed, checked and pushed.'
    },
  })
}
