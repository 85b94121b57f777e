// The client for the model behind the gateway. It always sends the current plan token, aborts streams that fall silent (the SDK
// does not), and says what each failure means for the plan.
import Anthropic, { APIError } from '@anthropic-ai/sdk'
import { z } from 'zod'
import { BUDGET_USED_HEADER, GatewayErrorType } from '../../src/shared/protocol.ts'
import { openUsageLog } from './usage-log.ts'
import type { PlanContext } from '../plan/plan-context.ts'

const DEFAULT_IDLE_STREAM_MS = 120_000
const RETRIES_OF_THE_SDK = 2

export interface ModelClient {
  client: Anthropic
  /** Waits for one streamed reply. Errors: StalledError when no byte came for two minutes. Pings count as bytes. */
  watch<T>(stream: { abort(): void; finalMessage(): Promise<T> }): Promise<T>
  /** Returns the share of the plan's budget, 0 to 1, that was used before the last answer. */
  budgetUsed(): number
}

export class StalledError extends Error {
  override name = 'StalledError'
}

export function createModelClient({ start, home, token, report }: PlanContext): ModelClient {
  const usage = openUsageLog(home, start.attempt)
  let budgetUsed = 0
  const idleMs = Number(process.env['RALPH_IDLE_STREAM_MS'] ?? DEFAULT_IDLE_STREAM_MS)
  let onBytes: (() => void) | null = null
  const client = new Anthropic({
    baseURL: `${start.url}/vm/model`,
    // A placeholder. The real token is set on each request, because it changes while the plan runs.
    apiKey: 'plan-token',
    maxRetries: RETRIES_OF_THE_SDK,
    logLevel: 'off',
    fetch: async (input, init) => {
      const headers = new Headers(init?.headers)
      headers.set('authorization', `Bearer ${token.current()}`)
      const response = await fetch(input, { ...init, headers, redirect: 'manual' })
      onBytes?.()
      budgetUsed = Number(response.headers.get(BUDGET_USED_HEADER) ?? budgetUsed)
      const counted = usage.reader(response.headers.get('content-type') ?? '')
      return tap(response, {
        onChunk(chunk) {
          onBytes?.()
          counted.read(chunk)
        },
        onEnd: () => counted.end(),
      })
    },
  })
  return {
    client,
    budgetUsed: () => budgetUsed,
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
  /** The request itself was refused, so repeating it does not help. */
  | { kind: 'refused'; detail: string }

/** Returns what a failed call means. An unknown failure is tried again, because most are network failures. */
export function toModelTrouble(error: unknown): ModelTrouble {
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

interface Tap {
  onChunk(chunk: Uint8Array): void
  /** Called once, however the body ended. */
  onEnd(): void
}

/** Returns the same response; the watcher sees each chunk of its body as it passes. */
function tap(response: Response, watcher: Tap): Response {
  if (response.body === null) return response
  const reader = response.body.getReader()
  let isOver = false
  const end = () => {
    if (!isOver) watcher.onEnd()
    isOver = true
  }
  const watched = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await reader.read()
        if (!done) {
          watcher.onChunk(value)
          return controller.enqueue(value)
        }
        end()
        controller.close()
      } catch (error) {
        end()
        controller.error(error)
      }
    },
    cancel(reason) {
      end()
      return reader.cancel(reason)
    },
  })
  return new Response(watched, response)
}
