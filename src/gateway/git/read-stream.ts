// Reads one thing from a git host under a lease: the host's answer is passed on natively while the lease lives.
import type { PlanClaims, VmKeyClaims } from '../../auth/vm-token.ts'
import type { LogFields } from '../../lib/log.ts'
import type { GatewayContext, Handled } from '../frame/context.ts'
import { denial } from '../frame/denials.ts'
import { settleLease, watchRead } from '../frame/lease-watch.ts'

type HostAnswer = { ok: true; response: Response } | { ok: false; code: string; text: string }

export interface OpenReadInput {
  claims: PlanClaims | VmKeyClaims
  context: GatewayContext
  intent: 'git_read' | 'git_push_discover'
  /** Asks the host. The signal aborts when the right ends. */
  ask(this: void, at: { gitRemote: string; signal: AbortSignal }): Promise<HostAnswer>
  /** Builds a refusal in the form that this git request shows. */
  refuse(this: void, outcome: string, text: string): Handled
}

export interface OpenRead {
  /** The host's own headers. They are not passed on. */
  headers: Headers
  body: ReadableStream<Uint8Array>
  /**
   * Passes `start` and then the rest of the body on; with `length`, exactly so many bytes, or the stream breaks. Either this or
   * `drop` is called, once.
   */
  pass(options?: { start?: Uint8Array; length?: number }): {
    readable: ReadableStream<Uint8Array>
    done: Promise<LogFields>
  }
  drop(): Promise<void>
}

export async function openRead(input: OpenReadInput): Promise<OpenRead | Handled> {
  const { claims, context, intent, ask, refuse } = input
  const rpc = await context.workspace(claims.workspace)
  const right = await rpc.authorize(claims, { kind: intent })
  if (!right.ok) return refuse(right.reason, denial(right.reason).message)
  const { leaseId, deadlineMs, gitRemote } = right
  const watch = watchRead({ rpc, leaseId, deadlineMs, nowMs: context.nowMs })
  const close = () => {
    watch.stop()
    return settleLease(rpc, leaseId, { kind: 'read' })
  }
  const upstream = await ask({ gitRemote, signal: watch.signal })
  if (!upstream.ok) {
    context.waitUntil(close())
    return watch.ended() === null
      ? refuse(upstream.code, upstream.text)
      : refuse('revoked', 'cut: the right to fetch ended while it was under way')
  }
  const body = upstream.response.body ?? new Blob([]).stream()
  return {
    headers: upstream.response.headers,
    body,
    pass({ start, length } = {}) {
      const { readable, writable } =
        length === undefined ? new IdentityTransformStream() : new FixedLengthStream(length)
      const relay = async (): Promise<LogFields> => {
        const whole = await pour(start, body, writable, { signal: watch.signal })
        await close()
        return { outcome: watch.ended() ?? (whole ? intent : 'cut') }
      }
      return { readable, done: relay() }
    },
    async drop() {
      await body.cancel().catch(() => {}) // it may be broken already
      await close()
    },
  }
}

/**
 * Writes `start`, then lets the platform move the body. Returns true when all of it went. It never rejects: the client hung up, the
 * host broke off or answered early, or the right ended, and what follows shows where the answer is read.
 */
export async function pour(
  start: Uint8Array | undefined,
  body: ReadableStream<Uint8Array>,
  to: WritableStream<ArrayBuffer | ArrayBufferView>,
  options: StreamPipeOptions,
): Promise<boolean> {
  try {
    if (start !== undefined) {
      const writer = to.getWriter()
      await writer.write(start)
      writer.releaseLock()
    }
    await body.pipeTo(to, options)
    return true
  } catch {
    return false
  }
}
