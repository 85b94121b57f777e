// Nothing shaped like a secret, and none of the plan's own tokens, leaves a plan's process: neither in what the history is told nor
// in what the model is shown. Texts that hold none pass unchanged.
import { MAX_EVENT_TEXT } from '../../src/shared/protocol.ts'
import type { FromPlan } from './plan-pipe.ts'
import { redact } from './secrets.ts'

/** A line for the supervisor. Messages with commit ids and check results go through as they are but for their texts. */
export function redactLine(message: FromPlan, known: readonly string[]): FromPlan {
  if (message.kind === 'event') {
    const { data, ...line } = message
    return {
      ...line,
      text: redact(line.text, known).slice(0, MAX_EVENT_TEXT),
      ...(data === undefined ? {} : { data: redactAll(data, known) }),
    }
  }
  return message.kind === 'end' || message.kind === 'prove' ? redactAll(message, known) : message
}

/** Every text within a value of JSON's kind; its shape stays the same. */
export function redactAll<T>(value: T, known: readonly string[]): T {
  const clean = (part: unknown): unknown => {
    if (typeof part === 'string') return redact(part, known)
    if (Array.isArray(part)) return part.map(clean)
    if (typeof part === 'object' && part !== null)
      return Object.fromEntries(Object.entries(part).map(([name, inner]) => [name, clean(inner)]))
    return part
  }
  // Texts stay texts and nothing else is changed, which the type checker cannot see.
  return clean(value) as T
}
