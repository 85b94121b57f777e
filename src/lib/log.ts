// Writes one structured line per request, tool call, webhook and alarm; nothing else is logged when all goes well. Values are
// ids, counts and reasons: never headers, bodies, tokens or URLs with user names.

import { redactAll } from './redact.ts'

export type LogFields = Record<string, string | number | boolean | null | undefined>

export function log(event: string, fields: LogFields): void {
  console.log(JSON.stringify(redactAll({ event, ...fields })))
}

/**
 * Returns an error as log fields: its name, code and our message. The cause's message is cut, because it may quote an upstream.
 */
export function errorFields(error: unknown): LogFields {
  if (!(error instanceof Error)) return { error: 'unknown' }
  const cause = error.cause instanceof Error ? error.cause.message.slice(0, 200) : undefined
  return {
    error: error.name,
    errorCode: 'code' in error ? String(error.code) : undefined,
    errorMessage: error.message.slice(0, 500),
    ...(cause === undefined ? {} : { cause }),
  }
}
