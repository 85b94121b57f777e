// Calls the deployed runtime for doctor and destroy, over its own MCP endpoint and with the owner's token.
import { z } from 'zod'
import { DeployError } from './errors.ts'
import { parseJson } from '../src/shared/json.ts'

const Reply = z.object({
  result: z.object({
    isError: z.boolean().optional(),
    structuredContent: z.json().optional(),
    content: z.array(z.object({ text: z.string() })),
  }),
})

/** Returns a tool's structured answer. Throws DeployError with the tool's own words, or with why the runtime did not answer. */
export async function callTool<T>(
  url: string,
  token: string,
  name: string,
  args: object,
  schema: z.ZodType<T>,
): Promise<T> {
  const response = await fetch(`${url}/mcp`, {
    method: 'POST',
    redirect: 'manual',
    signal: AbortSignal.timeout(60_000),
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2025-06-18',
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args } }),
  }).catch((error: unknown) => {
    throw new DeployError(`${url} does not answer (${error instanceof Error ? error.message : 'unknown'}).`)
  })
  if (response.status === 401)
    throw new DeployError(
      'The runtime does not accept this owner token. Make a new one with npm run deploy -- --new-owner-token.',
    )
  if (!response.ok) throw new DeployError(`${url}/mcp answered ${response.status}. See npm run doctor.`)
  const reply = Reply.safeParse(lastData(await response.text()))
  if (!reply.success) throw new DeployError(`${url}/mcp answered something this version does not know.`)
  const { result } = reply.data
  if (result.isError === true) throw new DeployError(result.content.map(({ text }) => text).join('\n'))
  return schema.parse(result.structuredContent)
}

/** Returns the answer, which is in the last event of the stream or is the whole body. */
function lastData(body: string): unknown {
  const data = body.split('\n').findLast((line) => line.startsWith('data: '))
  return parseJson(data === undefined ? body : data.slice('data: '.length))
}
