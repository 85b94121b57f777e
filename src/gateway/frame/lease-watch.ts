// Ends a stream when its lease ends. A push races one open call to the object. A model stream or a fetch may last for minutes, so
// it asks once a second instead, because an open call would bill the object for the whole stream. Every watch must be stopped.
import { isRuntimeError } from '../../lib/errors.ts'
import { errorFields, log } from '../../lib/log.ts'
import type { GatewayContext, GatewayRpc } from './context.ts'
import type { Settlement } from '../../workspace/contract.ts'

export interface LeaseWatch {
  /** Aborts when the right has ended. */
  signal: AbortSignal
  /** Why the right ended; null while it holds. */
  ended(): 'revoked' | 'deadline' | null
  /** Resolves once `ended` is not null; never rejects. */
  whenEnded: Promise<void>
  /** The call cannot cost more than this any more; the object is told with the next question. */
  lower: (this: void, mostUsd: number) => void
  stop(): void
}

interface WatchInput {
  rpc: GatewayRpc
  leaseId: string
  deadlineMs: number
  nowMs(this: void): number
}

const ASK_EVERY_MS = 1_000
/** The object restarts now and then. A lease counts as ended when this many questions in a row fail. */
const MAX_FAILED_ASKS = 3

export function watchPush(input: WatchInput): LeaseWatch {
  return watch(input, 0, () => input.rpc.untilRevoked(input.leaseId))
}

export function watchModel(input: WatchInput): LeaseWatch {
  return watch(input, 0, async (mostUsd) =>
    (await input.rpc.leaseLives(input.leaseId, mostUsd)) ? 'lives' : 'revoked',
  )
}

/** The lease was granted a moment ago, so the first question waits a second as well: a short read then needs no question. */
export function watchRead(input: WatchInput): LeaseWatch {
  return watch(input, ASK_EVERY_MS, async () =>
    (await input.rpc.leaseLives(input.leaseId)) ? 'lives' : 'revoked',
  )
}

/** Well below the time that a cancel waits for its streams to be cut. */
const GRACE_MS = 1_000

/**
 * The same watch, but it ends a second later while `finishing` says that only the host's answer is missing. The host has
 * everything and will carry it out anyway; it is better when that happens before the cancel is answered.
 */
export function withGrace(strict: LeaseWatch, finishing: () => boolean): LeaseWatch {
  const controller = new AbortController()
  const { promise: whenEnded, resolve } = Promise.withResolvers<void>()
  let timer: ReturnType<typeof setTimeout> | null = null
  const end = () => {
    controller.abort(strict.signal.reason)
    resolve()
  }
  void strict.whenEnded.then(() => {
    if (finishing()) timer = setTimeout(end, GRACE_MS)
    else end()
  })
  return {
    ...strict,
    signal: controller.signal,
    ended: () => (controller.signal.aborted ? strict.ended() : null),
    whenEnded,
    stop() {
      strict.stop()
      if (timer !== null) clearTimeout(timer)
    },
  }
}

/** `ask` returns 'over' when the lease was settled (by us) or reached its deadline: then there is nothing left to watch. */
function watch(
  { deadlineMs, nowMs }: WatchInput,
  firstAfterMs: number,
  ask: (mostUsd: number | undefined) => Promise<'lives' | 'revoked' | 'over'>,
): LeaseWatch {
  const controller = new AbortController()
  const { promise: whenEnded, resolve } = Promise.withResolvers<void>()
  const state: { cause: 'revoked' | 'deadline' | null; timer: ReturnType<typeof setTimeout> | null } = {
    cause: null,
    timer: null,
  }
  const stopped = new AbortController()
  let most: number | undefined
  const finish = (cause: 'revoked' | 'deadline') => {
    if (stopped.signal.aborted || state.cause !== null) return
    state.cause = cause
    controller.abort(new DOMException('the right to this stream has ended', 'AbortError'))
    resolve()
  }
  const deadline = setTimeout(() => finish('deadline'), Math.max(0, deadlineMs - nowMs()))
  let failures = 0
  const askOnce = async () => {
    const told = most
    try {
      const said = await ask(told)
      if (most === told) most = undefined
      failures = 0
      if (said !== 'lives') finish(said === 'over' ? 'deadline' : 'revoked')
    } catch (error) {
      failures += 1
      if (isRuntimeError(error) || failures >= MAX_FAILED_ASKS) {
        log('gateway.watch', errorFields(error))
        finish('revoked')
      }
    }
    if (!stopped.signal.aborted && state.cause === null)
      state.timer = setTimeout(() => void askOnce(), ASK_EVERY_MS)
  }
  if (firstAfterMs === 0) void askOnce()
  else state.timer = setTimeout(() => void askOnce(), firstAfterMs)
  return {
    signal: controller.signal,
    ended: () => state.cause,
    whenEnded,
    lower(mostUsd) {
      most = mostUsd
    },
    stop() {
      stopped.abort()
      clearTimeout(deadline)
      if (state.timer !== null) clearTimeout(state.timer)
    },
  }
}

/** Settles a lease, with one retry. A lease that stays open is charged in full at its deadline; a push is looked up. */
export async function settleLease(rpc: GatewayRpc, leaseId: string, settlement: Settlement): Promise<void> {
  try {
    await rpc.settle(leaseId, settlement)
  } catch {
    // The first failure is mostly an object that was just moved; the second one is logged.
    await rpc
      .settle(leaseId, settlement)
      .catch((error: unknown) => log('gateway.settle_failed', { leaseId, ...errorFields(error) }))
  }
}

/** Returns a signal that aborts at the deadline, for calls without a stream to cut. */
export function deadlineSignal(context: Pick<GatewayContext, 'nowMs'>, deadlineMs: number): AbortSignal {
  return AbortSignal.timeout(Math.max(1, deadlineMs - context.nowMs()))
}
