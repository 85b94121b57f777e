// Every error that may become an answer. `code` and `status` survive Durable Object RPC (own properties are kept, measured at
// compatibility date 2026-11-02); the class does not, so code that catches uses isRuntimeError and never instanceof. `message` is
// text we wrote and is shown to the caller; `cause` is for the log only.

import { redact } from './redact.ts'

export class RuntimeError extends Error {
  override name = 'RuntimeError'
  readonly status: number
  readonly code: string
  constructor(code: string, status: number, message: string, cause?: unknown) {
    super(redact(message), cause === undefined ? undefined : { cause })
    this.code = code
    this.status = status
  }
}

/** The caller can correct it: the message names the value and the next step. */
export class UserError extends RuntimeError {
  override name = 'UserError'
  constructor(message: string, code = 'bad_request', status = 400) {
    super(code, status, message)
  }
}

export class NotFoundError extends RuntimeError {
  override name = 'NotFoundError'
  constructor(message: string) {
    super('not_found', 404, message)
  }
}

export class ForbiddenError extends RuntimeError {
  override name = 'ForbiddenError'
  constructor(message: string, code = 'forbidden', status = 403) {
    super(code, status, message)
  }
}

/** A setting is missing or malformed. The message names it and says what to do. */
export class SettingsError extends RuntimeError {
  override name = 'SettingsError'
  constructor(message: string) {
    super('settings', 412, message)
  }
}

/** An outside service failed. `permanent` means: trying again unchanged cannot help. */
export class UpstreamError extends RuntimeError {
  override name = 'UpstreamError'
  readonly kind: 'transient' | 'permanent'
  constructor(kind: 'transient' | 'permanent', code: string, message: string, cause?: unknown) {
    super(code, 502, message, cause)
    this.kind = kind
  }
}

/** True for our own errors, also after they crossed RPC and lost their class. */
export function isRuntimeError(error: unknown): error is RuntimeError {
  return (
    error instanceof Error &&
    'code' in error &&
    'status' in error &&
    typeof error.code === 'string' &&
    typeof error.status === 'number'
  )
}
