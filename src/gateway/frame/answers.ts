// Every answer under /vm/: a content type we chose, and headers that make a browser which got here anyway do nothing with it.
import { FLUSH, concatBytes, pkt } from '../../git/pkt-line.ts'

const GUARDS = {
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
  return new Response(body, { status, headers: { ...headers, ...GUARDS, 'content-type': contentType } })
}

/** `{error: {code, message}}`, as everywhere outside the model's and git's own formats. */
export function jsonError(status: number, code: string, message: string): Response {
  return answer(status, 'application/json', JSON.stringify({ error: { code, message } }))
}

export interface ModelErrorInput {
  status: number
  type: string
  message: string
  details?: { error_code: string }
  headers?: Record<string, string>
}

/** The model API's own error shape, so that its SDK raises its typed errors. */
export function modelError({ status, type, message, details, headers = {} }: ModelErrorInput): Response {
  const error = details === undefined ? { type, message } : { type, message, details }
  return answer(status, 'application/json', JSON.stringify({ type: 'error', error }), headers)
}

export type GitService = 'git-upload-pack' | 'git-receive-pack'

/** Git prints it as `fatal: remote error: {text}`: the one form of refusal in which it shows the text to info/refs and fetch. */
export function gitError(service: GitService, of: 'advertisement' | 'result', text: string): Response {
  const error = pkt(`ERR ${text}\n`)
  const body = of === 'advertisement' ? concatBytes([pkt(`# service=${service}\n`), FLUSH, error]) : error
  return answer(200, `application/x-${service}-${of}`, body)
}
