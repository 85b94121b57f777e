// The write tool: it creates a file or replaces the whole file.
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { z } from 'zod'
import { writePlainFile } from '../machine/plain-file.ts'
import { defineTool, resolvePath } from './context.ts'
import type { ToolContext } from './context.ts'

export function writeTool(context: ToolContext) {
  return defineTool(context, {
    name: 'write',
    description: 'Writes a whole file, replacing it if it exists. For a change in an existing file use edit.',
    inputSchema: z.object({ path: z.string().min(1), content: z.string() }),
    describe: ({ path }) => path,
    run({ path, content }) {
      const file = resolvePath(context, path, 'write')
      mkdirSync(dirname(file), { recursive: true })
      const bytes = Buffer.from(content)
      writePlainFile(file, path, bytes)
      return `Wrote ${bytes.byteLength} bytes to ${path}.`
    },
  })
}
