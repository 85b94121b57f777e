// Reads the tables of a document, so that tests can hold them against the code.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export const ROOT = join(import.meta.dirname, '../../..')

export const textOf = (file: string): string => readFileSync(join(ROOT, file), 'utf8')

/** The cells of each row of the first table below `heading` (the exact line), without the table's own head. */
export function tableBelow(file: string, heading: string): string[][] {
  const text = `\n${textOf(file)}`
  const at = text.indexOf(`\n${heading}\n`)
  if (at < 0) throw new Error(`${file} has no line "${heading}".`)
  return (/(?:^\|.*\n)+/m.exec(text.slice(at))?.[0] ?? '').trim().split('\n').slice(2).map(cellsOf)
}

export const cellsOf = (line: string): string[] =>
  line
    .replace(/^\| ?| ?\|$/g, '')
    .split(/ ?(?<!\\)\| ?/)
    .map((cell) => cell.trim())

/** The words of the code spans of a cell. */
export const spansOf = (cell = ''): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, word]) => word ?? '')
