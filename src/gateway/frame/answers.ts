// Builds every answer under /vm/: a content type we chose, and headers that make a browser ignore the content.
import { FLUSH, concatBytes, pkt } from '../../git/pkt-line.ts'
import type { Handled } from './context.ts'

const SAFE_HEADERS = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "sandbox; default-src 'none'",
  'cache-control': 'no-store',
}

type Body = ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer> | string | null

export function answer(
  status: number,
  contentType: string,
  body: Body,
  headers: Record<string, string> = {},
): Response {
  return new Response(body, { status, headers: { ...headers, ...SAFE_HEADERS, 'content-type': contentType } })
}

/** Returns `{error: {code, message}}`, the form used everywhere except for the model API and git. */
export function jsonError(status: number, code: string, message: string): Response {
  return answer(status, 'application/json', JSON.stringify({ error: { code, message } }))
}

/** A refusal in that form; the log gets the code, or the reason behind it. */
export function jsonRefusal(status: number, code: string, message: string, outcome = code): Handled {
  return { response: jsonError(status, code, message), outcome }
}

/** A refusal that git, or a person, reads as plain text. */
export function plainRefusal(status: number, outcome: string, text: string): Handled {
  return { response: answer(status, 'text/plain; charset=utf-8', `${text}\n`), outcome }
}

export interface ModelErrorInput {
  status: number
  type: string
  message: string
  details?: { error_code: string }
  headers?: Record<string, string>
}

/** Returns an error in the model API's own shape, so that its SDK raises its typed errors. */
export function modelError({ status, type, message, details, headers = {} }: ModelErrorInput): Response {
  const error = details === undefined ? { type, message } : { type, message, details }
  return answer(status, 'application/json', JSON.stringify({ type: 'error', error }), headers)
}

export type GitService = 'git-upload-pack' | 'git-receive-pack'

/** Returns a refusal that git prints as `fatal: remote error: {text}`: the only form that it shows for info/refs and fetch. */
export function gitError(service: GitService, of: 'advertisement' | 'result', text: string): Response {
  const error = pkt(`ERR ${text}\n`)
  const body = of === 'advertisement' ? concatBytes([pkt(`# service=${service}\n`), FLUSH, error]) : error
  return answer(200, `application/x-${service}-${of}`, body)
}
