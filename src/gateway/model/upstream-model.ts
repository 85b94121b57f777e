// Makes one request to the model API, with headers built by us and the real key added last. Its refusals become a status and,
// where known, an error type, in our own words; the API's own text never reaches a VM.
import * as z from 'zod'
import { readCapped } from '../../lib/http.ts'
import { modelError } from '../frame/answers.ts'
import type { GatewayContext } from '../frame/context.ts'
import { parseJson } from '../../shared/json.ts'

export interface ModelUpstreamInput {
  path: string
  method: 'GET' | 'POST'
  version: string
  betas: string[]
  body?: Uint8Array<ArrayBuffer>
  signal: AbortSignal
}

export async function askModel(context: GatewayContext, input: ModelUpstreamInput): Promise<Response> {
  const { anthropicApiKey, anthropicBaseUrl } = context.settings
  const headers = new Headers({
    accept: 'application/json, text/event-stream',
    // A compressed stream could not be counted while it passes.
    'accept-encoding': 'identity',
    'anthropic-version': input.version,
    'user-agent': 'agent-execution-runtime',
  })
  if (input.body !== undefined) headers.set('content-type', 'application/json')
  if (input.betas.length > 0) headers.set('anthropic-beta', input.betas.join(','))
  // Both forms are sent: the API takes Bearer since version 2026-10-21, and x-api-key before.
  headers.set('authorization', `Bearer ${anthropicApiKey}`)
  headers.set('x-api-key', anthropicApiKey)
  return context.fetch(`${anthropicBaseUrl}${input.path}`, {
    method: input.method,
    headers,
    redirect: 'manual',
    signal: input.signal,
    ...(input.body === undefined ? {} : { body: input.body }),
  })
}

const PROBE_TIMEOUT_MS = 10_000

/** Asks for something free. Returns true when the API itself answers. */
export async function isModelThere(
  context: GatewayContext,
  { model, version }: { model: string; version: string },
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const response = await askModel(context, {
      path: `/v1/models/${encodeURIComponent(model)}`,
      method: 'GET',
      version,
      betas: [],
      signal: AbortSignal.any([signal, AbortSignal.timeout(PROBE_TIMEOUT_MS)]),
    })
    await response.body?.cancel()
    return response.status < 500
  } catch {
    return false // no answer means: not there
  }
}

/** Response headers a VM may see. */
const PASSED = ['request-id', 'retry-after', 'retry-after-ms', 'x-should-retry']

export function passedHeaders(response: Response): Record<string, string> {
  return Object.fromEntries(
    PASSED.flatMap((name) => {
      const value = response.headers.get(name)
      return value !== null && /^[\x20-\x7e]{1,200}$/.test(value) ? [[name, value]] : []
    }),
  )
}

const STATUSES = new Set([400, 401, 402, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504, 529])
const MAX_ERROR_BYTES = 65_536
const UpstreamErrorBody = z.object({ error: z.object({ type: z.string(), message: z.string().catch('') }) })

const WORDS: Record<string, string> = {
  invalid_request_error: 'The model API refused the request as invalid.',
  authentication_error: 'The model API refused the stored key; the owner renews ANTHROPIC_API_KEY.',
  permission_error: 'The stored model key may not do this; the owner checks ANTHROPIC_API_KEY.',
  billing_error: 'The account behind the stored model key cannot pay; the owner checks its billing.',
  not_found_error: 'The model API does not know this model or address.',
  request_too_large: 'The model API refused the request as too large.',
  rate_limit_error: 'The model API is limiting requests. Try again later.',
  timeout_error: 'The model API took too long. Try again.',
  overloaded_error: 'The model API is overloaded. Try again later.',
  api_error: 'The model API failed. Try again.',
}

/** Statuses of a proxy on the way, when they are not in the API's own shape: the API may have received and billed the request. */
const AMBIGUOUS = new Set([500, 502, 504, 520, 524])

/** `mayHaveCost`: the upstream may have worked on the call. Refusals of the API itself are free. */
export async function modelRefusal(response: Response): Promise<{ answer: Response; mayHaveCost: boolean }> {
  const bytes = await readCapped(response.body, MAX_ERROR_BYTES).catch(() => null)
  const parsed = UpstreamErrorBody.safeParse(parseJson(bytes ?? ''))
  const [upstreamType, said] = parsed.success ? [parsed.data.error.type, parsed.data.error.message] : ['', '']
  const status = STATUSES.has(response.status) ? response.status : 502
  const type = upstreamType in WORDS ? upstreamType : 'api_error'
  // An agent can act on this one error, so it keeps its own text, still in our words.
  const tooLong = type === 'invalid_request_error' && said.includes('prompt is too long')
  const message = tooLong ? 'prompt is too long for this model' : (WORDS[type] ?? '')
  return {
    answer: modelError({ status, type, message, headers: passedHeaders(response) }),
    mayHaveCost: AMBIGUOUS.has(response.status) && !parsed.success,
  }
}
