// One HTTP request of the supervisor. Not fetch: loading it costs 15 MB in a process that lives as long as the machine. Follows no
// redirect: a credential goes to the Worker it was made for, or nowhere.
import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { buffer } from 'node:stream/consumers'

export interface HttpInput {
  method: 'GET' | 'POST'
  headers: Record<string, string>
  body?: string
  /** For the whole exchange, to the last byte of the answer. */
  timeoutMs: number
}

/** Errors: throws when no whole answer came in time. */
export async function askHttp(
  url: string,
  { timeoutMs, body, ...options }: HttpInput,
): Promise<{ status: number; body: Buffer }> {
  const request = url.startsWith('https:') ? requestHttps : requestHttp
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: Buffer }>()
  const signal = AbortSignal.timeout(timeoutMs)
  const sent = request(url, { ...options, signal }, (response) => {
    buffer(response).then((bytes) => resolve({ status: response.statusCode ?? 0, body: bytes }), reject)
  })
  sent.once('error', reject)
  sent.end(body)
  return promise
}
