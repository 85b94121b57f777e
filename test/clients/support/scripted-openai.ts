// A Responses API on loopback with a scripted model behind it, for Codex. Only what the client asks for is there.
import { createServer } from 'node:http'
import { json } from 'node:stream/consumers'
import { z } from 'zod'
import { listen, shut } from '../../world/listen.ts'
import type { ScriptedModel } from './scripted-anthropic.ts'
import { nextMove } from './scripted-planner.ts'
import type { Move } from './scripted-planner.ts'

const Tool = z.looseObject({
  type: z.string(),
  name: z.string().optional(),
  tools: z.array(z.looseObject({ name: z.string() })).optional(),
})
const Item = z.looseObject({ type: z.string().optional(), output: z.unknown().optional() })
const Request = z.object({ tools: z.array(Tool).default([]), input: z.array(Item) })

/** namespace: what Codex calls the server's tools by, all together. */
export async function startOpenAi(namespace: string, workspace: string): Promise<ScriptedModel> {
  const offered = new Set<string>()
  const server = createServer((incoming, outgoing) => {
    void (async () => {
      if (incoming.method !== 'POST' || !(incoming.url ?? '').startsWith('/v1/responses'))
        return outgoing.writeHead(404).end('{}')
      const { tools, input } = Request.parse(await json(incoming))
      const ours = tools.find(({ type, name }) => type === 'namespace' && name === namespace)?.tools ?? []
      for (const { name } of ours) offered.add(name)
      const answers = input.filter(({ type }) => type === 'function_call_output')
      const move: Move =
        ours.length === 0
          ? { say: `NO TOOLS of ${namespace} among ${JSON.stringify(tools).slice(0, 2_000)}` }
          : nextMove(
              answers.map(({ output }) => textOf(output)),
              workspace,
            )
      outgoing.writeHead(200, { 'content-type': 'text/event-stream' })
      for (const event of eventsOf(move, namespace))
        outgoing.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
      return outgoing.end()
    })()
  })
  const url = await listen(server, 0)
  return { url, offered, [Symbol.asyncDispose]: () => shut(server) }
}

/** The text of a tool's answer, which is one string or a list of parts. */
function textOf(output: unknown): string {
  const parts = z.array(z.looseObject({ text: z.string().optional() })).safeParse(output)
  return parts.success ? parts.data.map(({ text }) => text ?? '').join('') : String(output)
}

function eventsOf(move: Move, namespace: string) {
  const id = crypto.randomUUID()
  const item =
    'say' in move
      ? { type: 'message', role: 'assistant', id, content: [{ type: 'output_text', text: move.say }] }
      : {
          type: 'function_call',
          call_id: id,
          namespace,
          name: move.tool,
          arguments: JSON.stringify(move.args),
        }
  const usage = {
    input_tokens: 10,
    input_tokens_details: null,
    output_tokens: 10,
    output_tokens_details: null,
    total_tokens: 20,
  }
  return [
    { type: 'response.created', response: { id } },
    { type: 'response.output_item.done', output_index: 0, item },
    { type: 'response.completed', response: { id, usage } },
  ]
}
