// Makes one call to Orgo's REST API: key, deadline, bounded body, parsed answer. Reads are tried three times. A call that changes
// something is sent once, because Orgo has no idempotency key. Bodies are never logged: they carry vnc_password.
import type { z } from 'zod'
import { fetchUpstream } from '../lib/fetch.ts'
import { readCapped } from '../lib/http.ts'
import { toVmError } from './orgo-errors.ts'
import { VmError } from './vm.ts'
import { parseJson } from '../shared/json.ts'

// A listing of a big account was 290 KB, and a command may print megabytes before its output is cut.
const MAX_ANSWER_BYTES = 8 * 1024 * 1024
const READ_RETRY_MS = [700, 1_400]

export interface OrgoOptions {
  /** Ends in /api, without a slash after it. */
  apiUrl: string
  apiKey: string
}

export interface OrgoCall<T> {
  /** What the call does, for messages: "creating a computer". */
  what: string
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** Built with path``. */
  path: string
  body?: Record<string, unknown>
  timeoutMs: number
  schema: z.ZodType<T>
}

export async function callOrgo<T>(options: OrgoOptions, call: OrgoCall<T>): Promise<T> {
  for (const waitMs of READ_RETRY_MS) {
    try {
      return await callOnce(options, call)
    } catch (error) {
      // Only reads fail with this code: a lost change has an unknown outcome.
      if (!(error instanceof VmError) || error.code !== 'failed') throw error
      await new Promise((resolve) => {
        setTimeout(resolve, waitMs)
      })
    }
  }
  return callOnce(options, call)
}

async function callOnce<T>(options: OrgoOptions, call: OrgoCall<T>): Promise<T> {
  const mutates = call.method !== 'GET'
  const lost = (why: string, cause?: unknown): VmError =>
    new VmError({
      kind: 'transient',
      code: mutates ? 'unknown_outcome' : 'failed',
      message: mutates
        ? `${why} while ${call.what}; whether it happened is not known.`
        : `${why} while ${call.what}.`,
      executed: mutates ? 'unknown' : 'no',
      cause,
    })
  let response: Response
  let bytes: Uint8Array<ArrayBuffer> | null
  try {
    response = await fetchUpstream('Orgo', `${options.apiUrl}${call.path}`, call.timeoutMs, {
      method: call.method,
      headers: {
        authorization: `Bearer ${options.apiKey}`,
        accept: 'application/json',
        ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
    })
    bytes = await readCapped(response.body, MAX_ANSWER_BYTES)
  } catch (error) {
    throw lost('Orgo could not be reached or went silent', error)
  }
  if (bytes === null) throw lost(`Orgo answered with more than ${MAX_ANSWER_BYTES / 1024 / 1024} MB`)
  const body = parseJson(new TextDecoder().decode(bytes))
  if (!response.ok)
    throw toVmError({
      what: call.what,
      status: response.status,
      headers: response.headers,
      body,
      mutates,
      nowMs: Date.now(),
    })
  // A proxy in between sent a page with a success status: nothing is known to have been done.
  if (body === undefined && bytes.byteLength > 0) throw lost('Orgo answered in an unknown form')
  const parsed = call.schema.safeParse(body ?? {})
  if (!parsed.success) throw lost('Orgo answered in an unknown form', parsed.error)
  return parsed.data
}
