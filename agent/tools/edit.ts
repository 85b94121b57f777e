// The edit tool: it replaces one exact piece of text in a file.
import { ToolError } from '@anthropic-ai/sdk/lib/tools/ToolError'
import { z } from 'zod'
import { decodeFile, readPlainFile, writePlainFile } from '../machine/plain-file.ts'
import { defineTool, resolvePath } from './context.ts'
import type { ToolContext } from './context.ts'

export function editTool(context: ToolContext) {
  return defineTool(context, {
    name: 'edit',
    description:
      'Replaces text in a file. old_text must match the file exactly, with its indentation, and occur only once unless replace_all is set.',
    inputSchema: z.object({
      path: z.string().min(1),
      old_text: z.string().min(1),
      new_text: z.string(),
      replace_all: z.boolean().optional(),
    }),
    describe: ({ path }) => path,
    run({ path, old_text, new_text, replace_all }) {
      const file = resolvePath(context, path, 'write')
      const { text, toBytes, toInner, toShown } = decodeFile(readPlainFile(file, path))
      const edited = replaceText(text, toInner(old_text), toInner(new_text), replace_all ?? false)
      writePlainFile(file, path, toBytes(edited.text))
      const how = edited.isLoose ? ', matched without regard to spaces at line ends' : ''
      return `Replaced ${edited.count === 1 ? 'it' : `${edited.count} times`} in ${path}${how}.\n${toShown(edited.shown)}`
    },
  })
}

export interface Replaced {
  text: string
  count: number
  /** The first replacement and the lines around it, with line numbers. */
  shown: string
  /** True when the text was found only by ignoring spaces at line ends. */
  isLoose: boolean
}

/** Pure. Errors: ToolError with the nearest lines when the text is not found, or with the line numbers when it is not unique. */
export function replaceText(text: string, oldText: string, newText: string, replaceAll: boolean): Replaced {
  const exact = split(text, oldText)
  const parts = exact.length > 1 ? exact : splitLoosely(text, oldText)
  const count = parts.length - 1
  if (count === 0) throw new ToolError(`old_text was not found. ${nearest(text, oldText)}`)
  if (count > 1 && !replaceAll)
    throw new ToolError(
      `old_text occurs ${count} times, at lines ${lineNumbers(parts).join(', ')}. Give more of the lines around the one you mean, or set replace_all.`,
    )
  // Models send LF. A file with CRLF keeps its line ends.
  const usesCrlf = text.includes('\r\n') && !oldText.includes('\r\n')
  const replacement = usesCrlf ? newText.replace(/\r?\n/g, '\r\n') : newText
  const before = parts[0]?.before ?? ''
  const edited = parts.map((part) => part.before).join(replacement)
  return { text: edited, count, shown: around(edited, before, replacement), isLoose: parts !== exact }
}

/** The text before a match, and the match itself. */
type Part = { before: string; found: string }

function split(text: string, wanted: string): Part[] {
  const isCrlf = text.includes('\r\n') && !text.includes(wanted)
  const found = isCrlf ? wanted.replace(/\r?\n/g, '\r\n') : wanted
  return text.split(found).map((before) => ({ before, found }))
}

/** Splits like split(), but ignores CRLF versus LF and spaces at line ends. */
function splitLoosely(text: string, wanted: string): Part[] {
  const lines = wanted.split('\n').map((line) => escapeRegExp(line.trimEnd()))
  if (lines.every((line) => line === '')) return [{ before: text, found: '' }]
  const pattern = new RegExp(lines.join('[ \\t]*\\r?\\n'), 'g')
  const parts: Part[] = []
  let from = 0
  for (const { index, 0: found } of text.matchAll(pattern)) {
    parts.push({ before: text.slice(from, index), found })
    from = index + found.length
  }
  return [...parts, { before: text.slice(from), found: '' }]
}

const escapeRegExp = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')

function lineNumbers(parts: Part[]): number[] {
  const numbers: number[] = []
  let lines = 1
  for (const { before, found } of parts.slice(0, -1)) {
    lines += before.split('\n').length - 1
    numbers.push(lines)
    lines += found.split('\n').length - 1
  }
  return numbers.slice(0, 20)
}

/** Returns the lines of the first replacement with three lines around it, numbered. */
function around(text: string, before: string, replacement: string): string {
  const first = before.split('\n').length
  const last = first + replacement.split('\n').length - 1
  return numbered(text.split('\n'), Math.max(1, first - 3), Math.min(last + 3, first + 20))
}

const squeeze = (line: string): string => line.replace(/\s+/g, '')

/** Returns the lines most similar to the wanted text, compared line by line without white space. */
function nearest(text: string, oldText: string): string {
  const wanted = oldText.split('\n').map(squeeze)
  const lines = text.split('\n')
  const squeezed = lines.map(squeeze)
  let best = { score: 0, at: 0 }
  for (let at = 0; at < lines.length; at++) {
    const score = wanted.filter((line, offset) => line !== '' && squeezed[at + offset] === line).length
    if (score > best.score) best = { score, at }
  }
  if (best.score === 0) return 'The file contains nothing similar; read it first.'
  return `The nearest text is this; mind white space:\n${numbered(lines, best.at + 1, best.at + Math.min(wanted.length, 20))}`
}

function numbered(lines: string[], first: number, last: number): string {
  return lines
    .slice(first - 1, last)
    .map((line, index) => `${first + index}\t${line.replace(/\r$/, '')}`)
    .join('\n')
}
