// The model behind the gateway: one client whose credential is always the current plan token, a watchdog for streams that
// fall silent (the SDK has none), and what each failure means for the plan.
import Anthropic, { APIError } from '@anthropic-ai/sdk'
import { z } from 'zod'
import { GatewayErrorType } from '../src/protocol.ts'
import type { PlanRun } from './plan-run.ts'

const DEFAULT_IDLE_STREAM_MS = 120_000
const RETRIES_OF_THE_SDK = 2

export interface ModelClient {
  client: Anthropic
  /** Runs one streamed reply; rejects with StalledError when no byte came for two minutes. Pings count as bytes. */
  watch<T>(stream: { abort(): void; finalMessage(): Promise<T> }): Promise<T>
}

export class StalledError extends Error {
  override name = 'StalledError'
}

export function createModelClient({ start, token, report }: PlanRun): ModelClient {
  const idleMs = Number(process.env['RALPH_IDLE_STREAM_MS'] ?? DEFAULT_IDLE_STREAM_MS)
  let onBytes: (() => void) | null = null
  const client = new Anthropic({
    baseURL: `${start.url}/vm/model`,
    // A placeholder: the real one is set on each request, because it changes while the plan runs.
    apiKey: 'plan-token',
    maxRetries: RETRIES_OF_THE_SDK,
    logLevel: 'off',
    fetch: async (input, init) => {
      const headers = new Headers(init?.headers)
      headers.set('authorization', `Bearer ${token.current()}`)
      const response = await fetch(input, { ...init, headers, redirect: 'manual' })
      onBytes?.()
      return tap(response, () => onBytes?.())
    },
  })
  return {
    client,
    async watch(stream) {
      let stalled = false
      let timer: NodeJS.Timeout | undefined
      let lastReportMs = 0
      onBytes = () => {
        clearTimeout(timer)
        timer = setTimeout(() => {
          stalled = true
          stream.abort()
        }, idleMs)
        if (performance.now() - lastReportMs < 1_000) return
        lastReportMs = performance.now()
        report({ kind: 'activity' })
      }
      onBytes()
      try {
        return await stream.finalMessage()
      } catch (error) {
        throw stalled ? new StalledError('The model fell silent.', { cause: error }) : error
      } finally {
        clearTimeout(timer)
        onBytes = null
      }
    },
  }
}

export type ModelTrouble =
  | { kind: 'retry'; detail: string }
  | { kind: 'expired' }
  | { kind: 'revoked' }
  | { kind: 'budget' | 'monthly_budget'; detail: string }
  /** The request itself was refused: the same one again cannot help. */
  | { kind: 'refused'; detail: string }

/** What a failed call means. Anything unknown is worth another try: most of it is the network. */
export function judgeModelError(error: unknown): ModelTrouble {
  if (!(error instanceof APIError) || error.status === undefined)
    return { kind: 'retry', detail: error instanceof Error ? error.message.slice(0, 300) : 'unknown' }
  const body = ErrorBody.safeParse(error.error)
  const type = GatewayErrorType.safeParse(body.data?.error.type)
  const detail = (body.data?.error.message ?? error.message).slice(0, 1_500)
  if (type.success) {
    const kinds = {
      budget_exceeded: 'budget',
      monthly_budget_exceeded: 'monthly_budget',
      token_expired: 'expired',
      token_revoked: 'revoked',
      request_refused: 'refused',
    } as const
    return { kind: kinds[type.data], detail }
  }
  if (error.status === 402) return { kind: 'budget', detail }
  const isRefusal = error.status >= 400 && error.status < 500 && ![401, 408, 409, 429].includes(error.status)
  return isRefusal
    ? { kind: 'refused', detail: `HTTP ${error.status}: ${detail}` }
    : { kind: 'retry', detail }
}

const ErrorBody = z.object({ error: z.object({ type: z.string(), message: z.string() }) })

/** The same response; calls onChunk for each piece of its body as it passes. */
function tap(response: Response, onChunk: () => void): Response {
  if (response.body === null) return response
  const watched = response.body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        onChunk()
        controller.enqueue(chunk)
      },
    }),
  )
  return new Response(watched, response)
}
