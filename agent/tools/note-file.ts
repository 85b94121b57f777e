// Reads and writes the notes that one conversation leaves to the next. The file is in the plan's home, outside the repository.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { writeDurably } from '../machine/durable.ts'
import { readPlainFile } from '../machine/plain-file.ts'

/** About 4,000 tokens. The limit is small because each conversation reads the notes again. */
export const MAX_NOTES_CHARS = 16_000

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
