// A Messages API on loopback with a scripted model behind it, for Claude Code. Only what the client asks for is there.
import { createServer } from 'node:http'
import type { ServerResponse } from 'node:http'
import { json } from 'node:stream/consumers'
import { z } from 'zod'
import { listen, shut } from '../../world/listen.ts'
import { nextMove } from './scripted-planner.ts'
import type { Move } from './scripted-planner.ts'

export interface ScriptedModel extends AsyncDisposable {
  url: string
  /** Names of our tools as the model was offered them, without the client's prefix. */
  offered: Set<string>
}

const Block = z.looseObject({
  type: z.string(),
  text: z.string().optional(),
  content: z.unknown().optional(),
})
const Request = z.object({
  model: z.string(),
  stream: z.boolean().optional(),
  tools: z.array(z.looseObject({ name: z.string() })).default([]),
  messages: z.array(z.object({ role: z.string(), content: z.union([z.string(), z.array(Block)]) })),
})

export async function startAnthropic(prefix: string, workspace: string): Promise<ScriptedModel> {
  const offered = new Set<string>()
  const server = createServer((incoming, outgoing) => {
    void (async () => {
      if (!(incoming.url ?? '').startsWith('/v1/messages?') && incoming.url !== '/v1/messages')
        return outgoing.writeHead(404).end('{}')
      const { model, stream, tools, messages } = Request.parse(await json(incoming))
      const ours = tools.filter(({ name }) => name.startsWith(prefix))
      for (const { name } of ours) offered.add(name.slice(prefix.length))
      // Requests without our tools are the client's own small ones, such as a title for the session.
      const move: Move =
        ours.length === 0 ? { say: 'ok' } : nextMove(messages.flatMap(toolAnswers), workspace)
      return answer(outgoing, { model, stream: stream ?? false, move, prefix })
    })()
  })
  const url = await listen(server, 0)
  return { url, offered, [Symbol.asyncDispose]: () => shut(server) }
}

function toolAnswers({ content }: z.infer<typeof Request>['messages'][number]): string[] {
  if (typeof content === 'string') return []
  return content.filter(({ type }) => type === 'tool_result').map((block) => textOf(block.content))
}

/** The text of a tool's answer, which is one string or a list of blocks. */
function textOf(content: unknown): string {
  const parts = z.array(Block).safeParse(content)
  return parts.success ? parts.data.map(({ text }) => text ?? '').join('') : String(content)
}

interface AnswerInput {
  model: string
  stream: boolean
  move: Move
  prefix: string
}

function answer(outgoing: ServerResponse, { model, stream, move, prefix }: AnswerInput): void {
  const usage = { input_tokens: 10, output_tokens: 10 }
  const said = 'say' in move
  const block = said
    ? { type: 'text', text: move.say }
    : { type: 'tool_use', id: `toolu_${crypto.randomUUID()}`, name: prefix + move.tool, input: move.args }
  const stop = { stop_reason: said ? 'end_turn' : 'tool_use', stop_sequence: null }
  const message = { id: 'msg_scripted', type: 'message', role: 'assistant', model, usage }
  if (!stream) {
    outgoing.writeHead(200, { 'content-type': 'application/json' })
    outgoing.end(JSON.stringify({ ...message, ...stop, content: [block] }))
    return
  }
  const [start, delta] = said
    ? [
        { type: 'text', text: '' },
        { type: 'text_delta', text: move.say },
      ]
    : [
        { ...block, input: {} },
        { type: 'input_json_delta', partial_json: JSON.stringify(move.args) },
      ]
  outgoing.writeHead(200, { 'content-type': 'text/event-stream' })
  for (const event of [
    { type: 'message_start', message: { ...message, content: [], stop_reason: null, stop_sequence: null } },
    { type: 'content_block_start', index: 0, content_block: start },
    { type: 'content_block_delta', index: 0, delta },
    { type: 'content_block_stop', index: 0 },
    { type: 'message_delta', delta: stop, usage },
    { type: 'message_stop' },
  ])
    outgoing.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
  outgoing.end()
}
