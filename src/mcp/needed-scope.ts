// Reads from a request to /mcp which scope it needs, before any server sees it. A caller without that scope gets a 403 with a
// challenge in both protocol eras. The SDK's own scopeChallenge skips tokens it does not know, such as OWNER_TOKEN.
import * as z from 'zod'
import type { Scope } from '../auth/scopes.ts'
import { scopeOf } from './kit/define-tool.ts'
import { TOOLS } from './tools/index.ts'
import { parseJson } from '../shared/json.ts'

export interface Demand {
  scope: Scope
  /** The tool or method, named in the refusal. */
  what: string
}

const Message = z.object({
  method: z.string(),
  params: z.object({ name: z.string() }).optional().catch(undefined),
})

/** Methods other than tools/call that change something. */
const WRITING_METHODS = new Set(['tasks/update', 'tasks/cancel'])

/** Returns the highest demand of all messages in the body. What is no JSON-RPC message the server refuses by itself. */
export function demandOf(body: Uint8Array): Demand {
  const demands = messagesOf(body).map(demandOfMessage)
  return demands.find(({ scope }) => scope === 'write') ?? demands[0] ?? { scope: 'read', what: 'This' }
}

function demandOfMessage({ method, params }: z.infer<typeof Message>): Demand {
  if (method !== 'tools/call') return { scope: WRITING_METHODS.has(method) ? 'write' : 'read', what: method }
  const tool = TOOLS.find(({ name }) => name === params?.name)
  return tool === undefined ? { scope: 'read', what: method } : { scope: scopeOf(tool), what: tool.name }
}

/** Returns the messages of a body, a list in the oldest versions. As in the server, the last of two equal keys counts. */
function messagesOf(body: Uint8Array): z.infer<typeof Message>[] {
  const json = parseJson(new TextDecoder().decode(body))
  return (Array.isArray(json) ? json : [json]).flatMap((one) => Message.safeParse(one).data ?? [])
}
