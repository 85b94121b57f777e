// Errors outside tools (resources, tasks) are JSON-RPC errors. The SDK sends the message of anything that was thrown, so only our
// own words may leave here. This is the second place beside server.ts that turns an error into an MCP answer.
import { ProtocolError, ProtocolErrorCode } from '@modelcontextprotocol/server'
import { isRuntimeError } from '../../lib/errors.ts'
import { errorFields, log } from '../../lib/log.ts'

/** Runs one request. What it throws becomes a ProtocolError: -32602 for errors the caller can correct, else a bare -32603. */
export async function asProtocol<Answer>(method: string, work: () => Promise<Answer>): Promise<Answer> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof ProtocolError) throw error
    if (isRuntimeError(error) && error.status < 500)
      throw new ProtocolError(ProtocolErrorCode.InvalidParams, error.message)
    log('mcp.request', { method, outcome: 'internal', ...errorFields(error) })
    throw new ProtocolError(
      ProtocolErrorCode.InternalError,
      isRuntimeError(error)
        ? error.message
        : 'Something failed inside the runtime. Try again in a moment; the log of the Worker has the cause.',
    )
  }
}
