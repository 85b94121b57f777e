// A tool is data: the texts for the model, two schemas and one handler. The arguments are parsed here, so that MCP and POST
// /plans refuse the same things with the same words, and a handler only sees parsed input.
import type { z } from 'zod'
import type { Scope } from '../../auth/scopes.ts'
import type { ToolContext } from './context.ts'
import { parseArguments } from './parse-arguments.ts'

/** The answer of a handler: models see structured; text says the same, for clients that show only text. */
export interface ToolAnswer<Structured = { next_step: string }> {
  structured: Structured
  text: string
}

/** Returns the whole text form. A text of several lines gets the next step as a section of its own. */
export const fullText = ({ text, structured }: ToolAnswer): string =>
  text.includes('\n') ? `${text}\n\n## Next step\n${structured.next_step}` : `${text} ${structured.next_step}`

/** The circumstances of a call, apart from its arguments. */
export interface ToolCall {
  /** Aborts when the client went away. It ends waiting, never the plan. */
  signal: AbortSignal
  /** Present when the client asked for progress. */
  progress?: (step: { progress: number; total: number; message: string }) => Promise<void>
}

export interface ToolSpec<Input extends z.ZodObject, Output extends z.ZodType<{ next_step: string }>> {
  name: string
  title: string
  description: string
  annotations: {
    readOnlyHint: boolean
    destructiveHint: boolean
    idempotentHint: boolean
    openWorldHint: boolean
  }
  input: Input
  output: Output
  handler: (
    args: z.output<Input>,
    context: ToolContext,
    call: ToolCall,
  ) => Promise<ToolAnswer<z.output<Output>>>
}

export interface Tool extends Omit<ToolSpec<z.ZodObject, z.ZodType<{ next_step: string }>>, 'handler'> {
  /** Throws UserError for arguments that do not fit, and everything the handler throws. */
  run: (args: unknown, context: ToolContext, call: ToolCall) => Promise<ToolAnswer>
}

export function defineTool<Input extends z.ZodObject, Output extends z.ZodType<{ next_step: string }>>(
  spec: ToolSpec<Input, Output>,
): Tool {
  const { handler, ...rest } = spec
  return {
    ...rest,
    run: async (args, context, call) => handler(parseArguments(spec.name, spec.input, args), context, call),
  }
}

/** Returns the scope a call needs: "read" for read-only tools, "write" for all others. */
export function scopeOf(tool: Pick<Tool, 'annotations'>): Scope {
  return tool.annotations.readOnlyHint ? 'read' : 'write'
}
