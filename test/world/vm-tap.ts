// The connection from the VMs to the Worker: a streaming reverse proxy that shows every byte of an answer to the secret watch. It
// buffers nothing and cuts one side when the other is cut, so that what a VM meets is what it would meet directly.
import { Agent, createServer, request as httpRequest } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { listen, shut } from './listen.ts'
import type { SecretWatch } from './secrets.ts'

export interface VmTap {
  url: string
  close: () => Promise<void>
}

export interface VmTapOptions {
  port: number
  workerPort: number
  secrets: Pick<SecretWatch, 'stream'>
}

export async function startVmTap(options: VmTapOptions): Promise<VmTap> {
  const server = createServer((incoming, outgoing) => relay(options, incoming, outgoing))
  server.requestTimeout = 0 // a pack or a model's answer may take long
  const url = await listen(server, options.port)
  return { url, close: () => shut(server) }
}

// A connection stays open until both sides have sent everything. Closing it while bytes are on their way would reset it, and an
// early answer would be lost. No connection is used twice, so none is stale.
const agent = new Agent({ keepAlive: true, maxFreeSockets: 0 })
const HOP_BY_HOP = new Set(['connection', 'keep-alive'])

function relay(options: VmTapOptions, incoming: IncomingMessage, outgoing: ServerResponse): void {
  const headers = { ...incoming.headers }
  // Compressed answers would hide the secrets. The server has already answered "100 continue".
  delete headers['accept-encoding']
  delete headers.expect
  delete headers.connection
  const upstream = httpRequest({
    host: '127.0.0.1',
    port: options.workerPort,
    method: incoming.method,
    path: incoming.url,
    headers,
    agent,
  })
  let isAnswered = false
  upstream.on('response', (answer) => {
    isAnswered = true
    const [path = ''] = (incoming.url ?? '').split('?')
    const watch = options.secrets.stream(`answer to ${incoming.method ?? ''} ${path}`)
    watch(Buffer.from(JSON.stringify(answer.rawHeaders)))
    outgoing.writeHead(answer.statusCode ?? 502, withoutHops(answer.rawHeaders))
    outgoing.flushHeaders()
    answer.on('data', watch)
    answer.on('error', () => outgoing.destroy())
    answer.on('close', () => {
      if (!answer.complete) outgoing.destroy()
    })
    answer.pipe(outgoing)
  })
  // Unanswered: the VM sees its connection end, as it would without us. Once answered, the answer's own end decides: a Worker
  // that refuses early closes its side while the VM is still sending.
  upstream.on('error', () => {
    if (isAnswered) incoming.resume()
    else outgoing.destroy()
  })
  incoming.on('error', () => upstream.destroy())
  outgoing.on('error', () => upstream.destroy())
  outgoing.on('close', () => {
    if (!outgoing.writableFinished) upstream.destroy()
  })
  incoming.pipe(upstream)
}

/** Names and values alternate, as in node:http. */
function withoutHops(raw: string[]): string[] {
  return raw.filter((_, index) => !HOP_BY_HOP.has((raw[index - (index % 2)] ?? '').toLowerCase()))
}
