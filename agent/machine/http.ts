// Makes one HTTP request for the supervisor. It does not use fetch, which costs 15 MB of memory in a process that runs as long as
// the machine. It follows no redirect, so that the key reaches only the Worker.
import { buffer } from 'node:stream/consumers'

export interface HttpInput {
  method: 'GET' | 'POST'
  headers: Record<string, string>
  body?: string
  /** Limit for the whole exchange, to the last byte of the answer. */
  timeoutMs: number
}

/** Returns the whole answer. Errors: throws when none came in time. */
export async function askHttp(
  url: string,
  { timeoutMs, body, ...options }: HttpInput,
): Promise<{ status: number; body: Buffer }> {
  // Not imported: when an ES module imports node:http, Node loads fetch with it, 0.16 s of processor (measured, Node 24).
  const { request } = process.getBuiltinModule(url.startsWith('https:') ? 'node:https' : 'node:http')
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: Buffer }>()
  const signal = AbortSignal.timeout(timeoutMs)
  const sent = request(url, { ...options, signal }, (response) => {
    buffer(response).then((bytes) => resolve({ status: response.statusCode ?? 0, body: bytes }), reject)
  })
  sent.once('error', reject)
  sent.end(body)
  return promise
}
