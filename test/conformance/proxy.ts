// A loopback proxy that adds one header to every request: the official suite has no way to log in. Everything else passes as it
// is, Host and Origin too, because the suite tests what the server makes of them.
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface HeaderProxy extends AsyncDisposable {
  /** Same path as the target. */
  url: string
}

export async function startHeaderProxy(target: string, name: string, value: string): Promise<HeaderProxy> {
  const { hostname, port, pathname } = new URL(target)
  const server = createServer((incoming, outgoing) => {
    const onward = request(
      {
        hostname,
        port,
        path: incoming.url,
        method: incoming.method,
        // The header named twice by the suite itself stays what it sent.
        headers: { [name]: value, ...incoming.headers },
        setHost: false,
      },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders)
        answer.pipe(outgoing)
      },
    )
    onward.on('error', () => outgoing.destroy())
    outgoing.on('close', () => onward.destroy())
    incoming.pipe(onward)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // An address of a listening TCP server is never a string.
  const address = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${address.port}${pathname}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
