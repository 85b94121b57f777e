// A loopback proxy in front of the Worker that writes down what a client really says: which protocol, which method, which name.
// It changes nothing on the way. OAuth goes round it: tokens are bound to the Worker's own address.
import { createServer, request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { z } from 'zod'
import { listen, shut } from '../../world/listen.ts'

export interface Heard {
  /** JSON-RPC method, such as `tools/call`. */
  method: string
  /** What the client takes the protocol to be; for `initialize`, which only proposes, what it was answered. */
  protocol: string | null
  /** Name and version as the client gives them. */
  client: string | null
}

export interface Recorder extends AsyncDisposable {
  mcpUrl: string
  heard: Heard[]
}

const PREFIX = 'io.modelcontextprotocol/'
const ClientInfo = z.object({ name: z.string(), version: z.string() }).optional()
const Message = z.object({
  method: z.string(),
  params: z
    .object({
      clientInfo: ClientInfo,
      _meta: z.object({ [`${PREFIX}clientInfo`]: ClientInfo }).optional(),
    })
    .optional(),
})

export async function startRecorder(baseUrl: string): Promise<Recorder> {
  const heard: Heard[] = []
  const server = createServer((incoming, outgoing) => {
    void (async () => {
      const body = await buffer(incoming)
      const said = incoming.method === 'POST' ? read(incoming, body) : null
      if (said !== null) heard.push(said)
      const { hostname, port } = new URL(baseUrl)
      const onward = request(
        // Without an agent each request has a connection of its own: the Worker ends idle ones.
        {
          hostname,
          port,
          method: incoming.method,
          path: incoming.url,
          headers: incoming.headers,
          agent: false,
        },
        (answer) => {
          outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
          // Some clients end after it and never name the version themselves.
          if (said?.method === 'initialize')
            answer.on('data', (chunk) => (said.protocol ??= agreed(String(chunk))))
          answer.pipe(outgoing)
        },
      )
      onward.on('error', () => outgoing.destroy())
      outgoing.on('close', () => onward.destroy())
      onward.end(body)
    })()
  })
  const url = await listen(server, 0)
  return { mcpUrl: `${url}/mcp`, heard, [Symbol.asyncDispose]: () => shut(server) }
}

function read({ headers }: IncomingMessage, body: Buffer): Heard | null {
  const parsed = Message.safeParse(parseJson(body.toString()))
  if (!parsed.success) return null
  const { method, params } = parsed.data
  const { clientInfo, _meta: meta } = params ?? {}
  const info = clientInfo ?? meta?.[`${PREFIX}clientInfo`]
  const version = headers['mcp-protocol-version']
  return {
    method,
    protocol: typeof version === 'string' && method !== 'initialize' ? version : null,
    client: info === undefined ? null : `${info.name} ${info.version}`,
  }
}

const agreed = (answer: string): string | null => /"protocolVersion":"([\d-]+)"/.exec(answer)?.[1] ?? null

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null // an answer or a broken body: nothing to write down
  }
}

/** The protocol versions a client settled on, oldest first. */
export function protocolsOf(heard: Heard[]): string[] {
  return [...new Set(heard.map(({ protocol }) => protocol).filter((version) => version !== null))].toSorted()
}
