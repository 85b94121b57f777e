// Redacts messages of a plan's process before they leave it: secrets by their shape, and the plan's tokens.
import { MAX_EVENT_TEXT } from '../../src/shared/protocol.ts'
import type { FromPlan } from './plan-pipe.ts'
import { redact, redactAll } from './secrets.ts'

/** Redacts the texts of one message for the supervisor. Its ids and numbers stay as they are. */
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
