// The notes tool: the model writes what its next conversation must know, into a file in the plan's home, outside the repository.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ToolError } from '@anthropic-ai/sdk/lib/tools/ToolError'
import { z } from 'zod'
import { writeDurably } from '../machine/durable.ts'
import { readPlainFile } from '../machine/plain-file.ts'
import { defineTool } from './context.ts'
import type { ToolContext } from './context.ts'

/** About 4,000 tokens. The limit is small because each conversation reads the notes again. */
export const MAX_NOTES_CHARS = 16_000

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

export const notesFile = (home: string): string => join(home, '.ralph/progress.md')

export function readNotes(home: string): string {
  const file = notesFile(home)
  // The plan's user may have replaced the file, so it is read with care and cut to the limit.
  return existsSync(file)
    ? readPlainFile(file, file).toString('utf8').slice(0, MAX_NOTES_CHARS).toWellFormed()
    : ''
}

export function writeNotes(home: string, text: string): void {
  writeDurably(notesFile(home), `${text.trim()}\n`)
}
