// Connections to an MCP server as its clients of 2025-06-18 keep them, without an SDK in between, so that only the server is
// timed.
import { Agent, request } from 'node:http'
import { z } from 'zod'

export interface Ask {
  method: string
  params: object
}
export type Connections = Array<(ask: Ask) => Promise<void>>

const VERSION = '2025-06-18'
const Answered = z.looseObject({ result: z.looseObject({ isError: z.boolean().optional() }) })

/**
 * Opens initialised connections, each on a socket of its own. Throws at once on anything but a result, because a figure would
 * otherwise count refusals.
 */
export async function openConnections(
  count: number,
  server: { url: string; headers: Record<string, string> },
): Promise<Connections> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 })
      const headers: Record<string, string> = {
        ...server.headers,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      }
      const post = (message: object) => send(server.url, agent, headers, { jsonrpc: '2.0', ...message })
      const hello = await post({
        id: 0,
        method: 'initialize',
        params: { protocolVersion: VERSION, capabilities: {}, clientInfo: { name: 'bench', version: '1' } },
      })
      headers['mcp-protocol-version'] = VERSION
      if (hello.session !== undefined) headers['mcp-session-id'] = hello.session
      await post({ method: 'notifications/initialized' })
      let id = 0
      return async (ask: Ask) => {
        const { body } = await post({ id: ++id, ...ask })
        const { result } = Answered.parse(JSON.parse(body.replace(/^[\s\S]*?data: /, '')))
        if (result.isError === true) throw new Error(`${ask.method} failed: ${body.slice(0, 500)}`)
      }
    }),
  )
}

function send(
  url: string,
  agent: Agent,
  headers: Record<string, string>,
  message: object,
): Promise<{ body: string; session: string | undefined }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method: 'POST', agent, headers, timeout: 60_000 }, (incoming) => {
      let body = ''
      incoming.setEncoding('utf8').on('data', (text: string) => (body += text))
      incoming.on('error', reject).on('end', () => {
        const session = incoming.headers['mcp-session-id']
        if ((incoming.statusCode ?? 0) < 300)
          resolve({ body, session: typeof session === 'string' ? session : undefined })
        else reject(new Error(`${url} answered ${incoming.statusCode}: ${body.slice(0, 500)}`))
      })
    })
    outgoing.on('timeout', () => outgoing.destroy(new Error(`${url} did not answer within a minute.`)))
    outgoing.on('error', reject).end(JSON.stringify(message))
  })
}
