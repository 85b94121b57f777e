// The road from the VMs to the Worker: a streaming reverse proxy that shows every byte of an answer to the secret watch. It adds
// nothing, buffers nothing, and cuts one side when the other is cut, so that what a VM meets is what it would meet directly.
import { once } from 'node:events'
import { createServer, request as httpRequest } from 'node:http'
import type { SecretWatch } from './secrets.ts'

export interface VmTap {
  url: string
  close: () => Promise<void>
}

export async function startVmTap(options: {
  port: number
  workerPort: number
  secrets: SecretWatch
}): Promise<VmTap> {
  const server = createServer((incoming, outgoing) => {
    const upstream = httpRequest({
      host: '127.0.0.1',
      port: options.workerPort,
      method: incoming.method,
      path: incoming.url,
      headers: incoming.headers,
      agent: false,
    })
    upstream.on('response', (answer) => {
      const watch = options.secrets.stream(
        `answer to ${incoming.method ?? ''} ${(incoming.url ?? '').split('?')[0] ?? ''}`,
      )
      watch(Buffer.from(JSON.stringify(answer.rawHeaders)))
      outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders)
      outgoing.flushHeaders()
      answer.on('data', watch)
      answer.on('error', () => outgoing.destroy())
      answer.on('close', () => {
        if (!answer.complete) outgoing.destroy()
      })
      answer.pipe(outgoing)
    })
    // The Worker is gone or cut the request: the VM sees its connection end, as it would without us.
    upstream.on('error', () => outgoing.destroy())
    incoming.on('error', () => upstream.destroy())
    outgoing.on('close', () => {
      if (!outgoing.writableFinished) upstream.destroy()
    })
    incoming.pipe(upstream)
  })
  server.requestTimeout = 0
  server.listen(options.port, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('vm tap: no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
