// Starts a server on a loopback port, and closes it without waiting for idle clients.
import type { Server } from 'node:http'

/** Returns `http://127.0.0.1:{port}`; port 0 takes any free one. Errors: throws a sentence that names a taken port. */
export async function listen(server: Server, port: number): Promise<string> {
  // The client ends what is idle. Were it the server, a request could meet its end on a machine too busy to see it: ECONNRESET.
  server.keepAliveTimeout = 0
  await new Promise<void>((done, fail) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      fail(error.code === 'EADDRINUSE' ? new Error(`Port ${port} is taken by another program.`) : error),
    )
    server.listen(port, '127.0.0.1', () => done())
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no TCP address')
  return `http://127.0.0.1:${address.port}`
}

export async function shut(server: Server): Promise<void> {
  if (!server.listening) return
  await new Promise<void>((done) => {
    server.close(() => done())
    server.closeAllConnections()
  })
}
