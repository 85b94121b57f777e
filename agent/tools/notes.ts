// The notes tool: the model writes what its next conversation must know.
import { ToolError } from '@anthropic-ai/sdk/lib/tools/ToolError'
import { z } from 'zod'
import { MAX_NOTES_CHARS, writeNotes } from './note-file.ts'
import { defineTool } from './context.ts'
import type { ToolContext } from './context.ts'

export function notesTool(context: ToolContext) {
  return defineTool(context, {
    name: 'notes',
    description: `Writes your notes for the next conversation, which is most likely you without this memory; replaces the old ones. What was tried and found, decisions with their reasons, commands that work, what comes next. Not what git log and the diff show already. At most ${MAX_NOTES_CHARS} characters.`,
    inputSchema: z.object({ text: z.string() }),
    describe: ({ text }) => text.trim().split('\n', 1)[0] ?? '',
    run({ text }, { plan }) {
      if (text.length > MAX_NOTES_CHARS)
        throw new ToolError(
          `The notes have ${text.length} characters; at most ${MAX_NOTES_CHARS} are kept. Leave out what no longer matters.`,
        )
      writeNotes(plan.home, text)
      context.keptNotes = true
      return 'Kept.'
    },
  })
}
