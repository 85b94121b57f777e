// Turns an error into an HTTP answer. It is the only such place besides mcp/server.ts, which does so for MCP.
import { isRuntimeError } from './errors.ts'
import { errorFields, log } from './log.ts'

/** Returns `{error: {code, message}}` with the error's own status. An error that is not ours becomes a bare 500. */
export function toErrorResponse(error: unknown): Response {
  if (isRuntimeError(error)) {
    if (error.status >= 500) log('http.error', errorFields(error))
    // Clients that know the header ask again by themselves.
    const headers: HeadersInit = error.status === 503 ? { 'retry-after': '30' } : {}
    return errorResponse(error.status, error.code, error.message, headers)
  }
  log('http.error', errorFields(error))
  const message = 'Something failed inside the runtime. Try again; the log has the cause.'
  return errorResponse(500, 'internal', message)
}

export function errorResponse(
  status: number,
  code: string,
  message: string,
  headers?: HeadersInit,
): Response {
  return Response.json({ error: { code, message } }, { status, headers: headers ?? {} })
}

/** `Authorization: Bearer x` → x; null when absent or another scheme. */
export function bearerToken(headers: Headers): string | null {
  const match = /^Bearer +([^\s]+)$/i.exec(headers.get('authorization') ?? '')
  return match?.[1] ?? null
}

/** Reads at most maxBytes of a body; null when it is longer. It counts what arrives: a content-length can be wrong or absent. */
export async function readCapped(
  body: ReadableStream<Uint8Array> | null,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer> | null> {
  if (body === null) return new Uint8Array()
  const chunks: Uint8Array[] = []
  let total = 0
  for await (const chunk of body) {
    total += chunk.byteLength
    if (total > maxBytes) return null
    chunks.push(chunk)
  }
  const whole = new Uint8Array(total)
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.byteLength
  }
  return whole
}
