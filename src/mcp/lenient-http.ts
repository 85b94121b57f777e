// What real clients send around a message: an Accept header that asks for JSON or for nothing in particular, and `arguments: null`.
// The SDK refuses both, so a request is put into the form it takes, and its stream is turned into JSON where the client asked for that.
import * as z from 'zod'
import { parseJson } from '../shared/json.ts'

const BOTH_FORMS = 'application/json, text/event-stream'
const NULL_ARGUMENTS = /"arguments"\s*:\s*null/

/** True when the client takes JSON and does not ask for a stream. */
export function wantsJson(headers: Headers): boolean {
  const accept = (headers.get('accept') ?? '').toLowerCase()
  if (accept.includes('text/event-stream')) return false
  return accept.trim() === '' || /(?:^|[\s,])(?:\*\/\*|application\/\*|application\/json)/.test(accept)
}

/** Returns headers that the SDK's transport of the 2025 versions takes. */
export function acceptingBoth(headers: Headers): Headers {
  const changed = new Headers(headers)
  changed.set('accept', BOTH_FORMS)
  return changed
}

const Message = z.looseObject({ params: z.looseObject({ arguments: z.null() }) })

/** Returns the body with `arguments: null` of a message as an empty object. Other bodies are returned as they are. */
export function withArguments(body: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const text = new TextDecoder().decode(body)
  if (!NULL_ARGUMENTS.test(text)) return body
  const json = parseJson(body)
  const mended = Array.isArray(json) ? json.map(mend) : mend(json)
  try {
    return Uint8Array.from(new TextEncoder().encode(JSON.stringify(mended)))
  } catch {
    return body // nested deeper than JSON.stringify goes: the SDK answers it as it came
  }
}

function mend(message: unknown): unknown {
  const parsed = Message.safeParse(message)
  if (!parsed.success) return message
  return { ...parsed.data, params: { ...parsed.data.params, arguments: {} } }
}

const Answer = z.looseObject({ id: z.union([z.string(), z.number(), z.null()]) })

/** Returns an event stream as one JSON answer, without the notifications in between; any other response as it is. */
export async function asJson(response: Response): Promise<Response> {
  if (!(response.headers.get('content-type') ?? '').startsWith('text/event-stream')) return response
  const answers = (await response.text()).split(/\r?\n\r?\n/).flatMap((event) => {
    const message = parseJson(dataOf(event))
    // A notification has no id. The message itself is passed on, in the order of its fields.
    return Answer.safeParse(message).success && !isRequest(message) ? [message] : []
  })
  const headers = new Headers(response.headers)
  headers.set('content-type', 'application/json')
  return new Response(JSON.stringify(answers.length === 1 ? answers[0] : answers), {
    status: response.status,
    headers,
  })
}

const isRequest = (message: unknown): boolean =>
  typeof message === 'object' && message !== null && 'method' in message

const dataOf = (event: string): string =>
  event
    .split(/\r?\n/)
    .filter((line) => line.startsWith('data:'))
    .map((line) => line.slice('data:'.length).trimStart())
    .join('\n')
