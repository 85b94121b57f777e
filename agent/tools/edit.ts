import { readFileSync, writeFileSync } from 'node:fs'
import { ToolError } from '@anthropic-ai/sdk/lib/tools/ToolError'
import { z } from 'zod'
import { defineTool, resolvePath } from './context.ts'
import type { ToolContext } from './context.ts'

export function editTool(context: ToolContext) {
  return defineTool(context, {
    name: 'edit',
    description:
      'Replaces text in a file. old_text must stand there exactly, with its indentation, and once only unless replace_all is set.',
    inputSchema: z.object({
      path: z.string().min(1),
      old_text: z.string().min(1),
      new_text: z.string(),
      replace_all: z.boolean().optional(),
    }),
    describe: ({ path }) => path,
    run({ path, old_text, new_text, replace_all }) {
      const file = resolvePath(context, path, 'write')
      const edited = replaceText(readFileSync(file, 'utf8'), old_text, new_text, replace_all ?? false)
      writeFileSync(file, edited.text)
      return `Replaced ${edited.count === 1 ? 'it' : `${edited.count} times`} in ${path}.\n${edited.shown}`
    },
  })
}

/** Pure. Errors: ToolError that shows the nearest lines when the text is not found, or the places when it is not unique. */
export function replaceText(
  text: string,
  oldText: string,
  newText: string,
  replaceAll: boolean,
): { text: string; count: number; shown: string } {
  // Models send LF; a file with CRLF keeps its line ends.
  const usesCrlf = text.includes('\r\n') && !text.includes(oldText)
  const wanted = usesCrlf ? oldText.replace(/\r?\n/g, '\r\n') : oldText
  const replacement = usesCrlf ? newText.replace(/\r?\n/g, '\r\n') : newText
  const parts = text.split(wanted)
  const count = parts.length - 1
  if (count === 0) throw new ToolError(`old_text was not found. ${nearest(text, oldText)}`)
  if (count > 1 && !replaceAll)
    throw new ToolError(
      `old_text stands there ${count} times, at lines ${lineNumbers(parts).join(', ')}. Give more of the lines around the one you mean, or set replace_all.`,
    )
  const edited = parts.join(replacement)
  return { text: edited, count, shown: around(edited, parts[0] ?? '', replacement) }
}

function lineNumbers(parts: string[]): number[] {
  const numbers: number[] = []
  let lines = 1
  for (const part of parts.slice(0, -1)) {
    lines += part.split('\n').length - 1
    numbers.push(lines)
  }
  return numbers.slice(0, 20)
}

/** The lines of the first replacement with three around it, numbered. */
function around(text: string, before: string, replacement: string): string {
  const first = before.split('\n').length
  const last = first + replacement.split('\n').length - 1
  return numbered(text.split('\n'), Math.max(1, first - 3), Math.min(last + 3, first + 20))
}

const squeeze = (line: string): string => line.replace(/\s+/g, '')

/** The region most like the wanted text, compared line by line without white space. */
function nearest(text: string, oldText: string): string {
  const wanted = oldText.split('\n').map(squeeze)
  const lines = text.split('\n')
  const squeezed = lines.map(squeeze)
  let best = { score: 0, at: 0 }
  for (let at = 0; at < lines.length; at++) {
    const score = wanted.filter((line, offset) => line !== '' && squeezed[at + offset] === line).length
    if (score > best.score) best = { score, at }
  }
  if (best.score === 0) return 'Nothing like it is in the file; read it first.'
  return `The nearest text is this; mind white space:\n${numbered(lines, best.at + 1, best.at + Math.min(wanted.length, 20))}`
}

function numbered(lines: string[], first: number, last: number): string {
  return lines
    .slice(first - 1, last)
    .map((line, index) => `${first + index}\t${line.replace(/\r$/, '')}`)
    .join('\n')
}
