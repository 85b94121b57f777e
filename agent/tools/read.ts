// The read tool: it shows lines of a text file, or a picture.
import { ToolError } from '@anthropic-ai/sdk/lib/tools/ToolError'
import { z } from 'zod'
import { fitImage, identifyImage } from './image.ts'
import { readPlainFile } from '../machine/plain-file.ts'
import { defineTool, resolvePath } from './context.ts'
import type { ToolContext } from './context.ts'

const DEFAULT_LINES = 400
const MAX_BYTES = 24 * 1024

export function readTool(context: ToolContext) {
  return defineTool(context, {
    name: 'read',
    description:
      'Reads a text file with line numbers, 400 lines or 24 KB at a time, or shows a picture (PNG, JPEG, GIF, WebP), for instance a screenshot.',
    inputSchema: z.object({
      path: z.string().min(1),
      offset: z.int().min(1).optional().describe('First line to show, from 1.'),
      limit: z.int().min(1).max(2_000).optional(),
    }),
    describe: ({ path }) => path,
    async run({ path, offset = 1, limit = DEFAULT_LINES }, { plan }) {
      const file = resolvePath(context, path, 'read')
      const bytes = readPlainFile(file, path)
      const image = identifyImage(bytes)
      if (image === null) return showLines(bytes, offset, limit)
      const fitted = await fitImage({ file, bytes, image, env: plan.env })
      return [
        {
          type: 'image',
          source: {
            type: 'base64',
            media_type: fitted.image.mediaType,
            data: fitted.bytes.toString('base64'),
          },
        },
        { type: 'text', text: `${path}: ${image.width} x ${image.height} pixels` },
      ]
    },
  })
}

export function showLines(bytes: Buffer, offset: number, limit: number): string {
  if (bytes.subarray(0, 8_000).includes(0)) throw new ToolError('This is a binary file.')
  const lines = bytes.toString('utf8').split(/\r?\n/)
  if (lines.at(-1) === '') lines.pop()
  const shown: string[] = []
  let size = 0
  for (const [index, line] of lines.slice(offset - 1, offset - 1 + limit).entries()) {
    const text = `${offset + index}\t${line.length > 2_000 ? `${line.slice(0, 2_000).toWellFormed()}… (line cut)` : line}`
    size += Buffer.byteLength(text) + 1
    if (size > MAX_BYTES && shown.length > 0) break
    shown.push(text)
  }
  const next = offset + shown.length
  if (next <= lines.length) shown.push(`[${lines.length - next + 1} more lines; go on with offset ${next}]`)
  return shown.length === 0 ? `(no lines from ${offset} on; the file has ${lines.length})` : shown.join('\n')
}
