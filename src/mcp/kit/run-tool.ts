// Runs one tool call, from MCP or plain HTTP: it retries where that is safe and writes one log line. Errors stay errors.
import { holds } from '../../auth/scopes.ts'
import { ForbiddenError, isRuntimeError } from '../../lib/errors.ts'
import { errorFields, log } from '../../lib/log.ts'
import { redactAll } from '../../lib/redact.ts'
import type { ToolContext } from './context.ts'
import { scopeOf } from './define-tool.ts'
import type { Tool, ToolAnswer, ToolCall } from './define-tool.ts'

export interface RunToolInput {
  tool: Tool
  args: unknown
  context: ToolContext
  call: ToolCall
  door: 'mcp' | 'http'
}

export async function runTool({ tool, args, context, call, door }: RunToolInput): Promise<ToolAnswer> {
  const startedMs = context.now()
  const line = (outcome: string, fields = {}): void =>
    log('tool.call', { tool: tool.name, door, outcome, durationMs: context.now() - startedMs, ...fields })
  try {
    // Both callers refuse with a 403 before this. The check makes sure that nothing runs if one of them forgets.
    if (!holds(context.scopes, scopeOf(tool)))
      throw new ForbiddenError(
        `${tool.name} needs the scope "${scopeOf(tool)}", which this connection was not given.`,
        'insufficient_scope',
      )
    const answer = redactAll(await withOneRetry(tool, () => tool.run(args, context, call)))
    line('ok')
    return answer
  } catch (error) {
    // The caller can correct an error of ours, and its message may repeat an argument: the code says enough.
    const ours = isRuntimeError(error)
    line(ours ? error.code : 'internal', ours && error.status < 500 ? {} : errorFields(error))
    throw error
  }
}

/** An object that was just replaced or moved sets `retryable`. Only tools that may run twice are run again, with a fresh stub. */
async function withOneRetry(tool: Tool, attempt: () => Promise<ToolAnswer>): Promise<ToolAnswer> {
  try {
    return await attempt()
  } catch (error) {
    const { readOnlyHint, idempotentHint } = tool.annotations
    if ((readOnlyHint || idempotentHint) && isRetryable(error)) return attempt()
    throw error
  }
}

/** The platform sets these marks on errors of Durable Object calls. An overloaded object must not be asked again at once. */
function isRetryable(error: unknown): boolean {
  return (
    error instanceof Error &&
    'retryable' in error &&
    error.retryable === true &&
    !('overloaded' in error && error.overloaded === true)
  )
}
