// The grep tool: it searches the files of the checkout for a pattern.
import { ToolError } from '@anthropic-ai/sdk/lib/tools/ToolError'
import { z } from 'zod'
import { relative } from 'node:path'
import { run } from '../machine/process.ts'
import { cleanOutput } from '../machine/output.ts'
import { defineTool, resolvePath } from './context.ts'
import type { ToolContext } from './context.ts'

const MAX_MATCHES = 100
const MAX_LINE_CHARS = 300
const TIMEOUT_MS = 60_000

export function grepTool(context: ToolContext) {
  return defineTool(context, {
    name: 'grep',
    description: `Searches files for an extended regular expression; up to ${MAX_MATCHES} matching lines with file and line number. Leaves out .git, node_modules and binary files.`,
    inputSchema: z.object({
      pattern: z.string().min(1),
      path: z.string().optional().describe('File or directory; default: the working directory.'),
      glob: z.string().optional().describe('Only files whose name matches, for example *.ts'),
    }),
    describe: ({ pattern, path }) => `${pattern}${path === undefined ? '' : ` in ${path}`}`,
    async run({ pattern, path, glob }, { plan, cwd }) {
      // Paths are relative to the model's working directory, which makes the lines shorter.
      const target = path === undefined ? '.' : relative(cwd, resolvePath(context, path, 'read')) || '.'
      const only = glob === undefined ? [] : [`--include=${glob}`]
      // With devices, grep would wait for ever on a pipe.
      const where = ['--devices=skip', '--exclude-dir=.git', '--exclude-dir=node_modules', ...only]
      const args = ['-rnHIE', ...where, '-m', String(MAX_MATCHES), '-e', pattern, '--', target]
      const result = await run('grep', args, {
        cwd,
        // The C locale compares bytes, so a file with invalid UTF-8 is searched like any other.
        env: { ...plan.env, LC_ALL: 'C' },
        timeoutMs: TIMEOUT_MS,
      })
      if (result.code === 2 && result.stdout === '') throw new ToolError(result.stderr.slice(0, 500))
      if (result.timedOut)
        throw new ToolError(
          `The search took more than ${TIMEOUT_MS / 1_000} s; give a smaller path or a glob.`,
        )
      const lines = result.stdout.split('\n').filter((line) => line !== '')
      if (lines.length === 0) return 'No match.'
      const shown = lines.slice(0, MAX_MATCHES).map((line) => cleanOutput(line).slice(0, MAX_LINE_CHARS))
      if (lines.length > MAX_MATCHES)
        shown.push(`[${lines.length - MAX_MATCHES} more matches; narrow the search]`)
      return shown.join('\n')
    },
  })
}
