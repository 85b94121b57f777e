// The answer of a model call: it is passed on chunk by chunk, counted, cut when its right ends, and settled before the client
// sees its end. It is settled with the upstream's own final figures. When those never came but the input is known, it is settled
// with the most the call can have cost. Before that it is settled as unknown, which the object charges in full.
import { concatBytes } from '../../git/pkt-line.ts'
import type { LogFields } from '../../lib/log.ts'
import type { Settlement } from '../../workspace/contract.ts'
import type { GatewayRpc } from '../frame/context.ts'
import { denial } from '../frame/denials.ts'
import { settleLease } from '../frame/lease-watch.ts'
import type { LeaseWatch } from '../frame/lease-watch.ts'
import { createUsageReader, readMessageUsage } from '../../shared/usage.ts'
import type { UsageReader } from '../../shared/usage.ts'
import { spentAtMost, spentOn } from './usage.ts'

/** A whole message of 128,000 tokens is about 1 MB; answers hold no images. */
const MAX_MESSAGE_BYTES = 16_000_000
/** The platform keeps a request alive for 30 s after its client hung up. */
const INPUT_WAIT_MS = 20_000

interface RelayInput {
  response: Response
  judged: { model: string; stream: boolean; maxTokens: number; compactionUsd: number }
  leaseId: string
  rpc: GatewayRpc
  watch: LeaseWatch
  /** Aborts when the client hung up; the upstream is then stopped too. */
  clientGone: AbortSignal
}

export function relayMessage(input: RelayInput): {
  readable: ReadableStream<Uint8Array>
  done: Promise<LogFields>
} {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
  return { readable, done: relay(input, writable.getWriter()) }
}

async function relay(
  { response, judged, leaseId, rpc, watch, clientGone }: RelayInput,
  client: WritableStreamDefaultWriter<Uint8Array>,
): Promise<LogFields> {
  const counter = judged.stream ? createUsageReader() : createMessageReader()
  const ended = endOf(watch, clientGone, client)
  const reader = (response.body ?? new Blob([]).stream()).getReader()
  const count = (chunk: Uint8Array) => {
    const knew = counter.knowsInput()
    counter.read(chunk)
    if (knew || !counter.knowsInput()) return
    const { usage } = counter.result()
    if (usage !== null) watch.lower(spentAtMost({ ...judged, usage }).usd)
  }
  let whole = false
  let pending: ReturnType<typeof reader.read> | null = null
  try {
    for (;;) {
      pending ??= reader.read()
      const next = await Promise.race([pending, ended])
      if (next === null) break
      pending = null
      whole = next.done
      if (next.done) break
      count(next.value)
      const passed = await Promise.race([client.write(next.value).then(() => true), ended])
      if (passed === null) break
    }
    // The client or the right is gone: read on only until the call's cost is known.
    const patience = givenUp(watch)
    for (;;) {
      if (whole || counter.knowsInput()) break
      const next = await Promise.race([pending ?? reader.read(), patience.over])
      pending = null
      if (next === null) break
      whole = next.done
      if (!next.done) count(next.value)
    }
    patience.stop()
  } catch {
    // The upstream cut its stream: it is settled below with what it said until then.
  }
  watch.stop()
  if (!whole) await reader.cancel().catch(() => {}) // it may be broken already
  const settlement = settlementOf(judged, counter.result())
  await settleLease(rpc, leaseId, settlement)
  await finish(client, watch, judged.stream, whole)
  return {
    outcome: watch.ended() ?? (whole ? 'passed' : 'cut'),
    model: judged.model,
    ...(settlement.kind === 'model' ? { usd: settlement.usd, ...settlement.tokens } : { usd: null }),
  }
}

/** Resolves with null when there is no reason to continue: the right ended, or the client is gone. */
async function endOf(
  watch: LeaseWatch,
  clientGone: AbortSignal,
  client: WritableStreamDefaultWriter<Uint8Array>,
): Promise<null> {
  const { promise, resolve } = Promise.withResolvers<void>()
  if (clientGone.aborted) resolve()
  clientGone.addEventListener('abort', () => resolve(), { once: true })
  client.closed.catch(() => resolve())
  await Promise.race([watch.whenEnded, promise])
  return null
}

function settlementOf(
  { model, maxTokens, compactionUsd }: RelayInput['judged'],
  { usage, final }: ReturnType<UsageReader['result']>,
): Settlement {
  if (usage === null) return { kind: 'unknown' }
  const spent = final ? spentOn(model, usage) : spentAtMost({ model, usage, maxTokens, compactionUsd })
  return { kind: 'model', ...spent }
}

/** `over` resolves with null when the right ended or the time is over. */
function givenUp(watch: LeaseWatch): { over: Promise<null>; stop: () => void } {
  const { promise, resolve } = Promise.withResolvers<null>()
  const timer = setTimeout(() => resolve(null), INPUT_WAIT_MS)
  void watch.whenEnded.then(() => resolve(null))
  return { over: promise, stop: () => clearTimeout(timer) }
}

/** Reports a cut of ours as an event of the stream: the SDK then raises an error and does not take half an answer for whole. */
async function finish(
  client: WritableStreamDefaultWriter<Uint8Array>,
  watch: LeaseWatch,
  stream: boolean,
  whole: boolean,
): Promise<void> {
  try {
    if (whole) return await client.close()
    if (watch.ended() === null || !stream)
      return await client.abort(new Error('the model API cut its answer'))
    const { type, message } = denial('plan_not_running')
    const error = JSON.stringify({ type: 'error', error: { type, message } })
    // The empty line comes first, because the cut may have come inside an event.
    await client.write(new TextEncoder().encode(`\n\nevent: error\ndata: ${error}\n\n`))
    await client.close()
  } catch {
    // The client is gone.
  }
}

function createMessageReader(): UsageReader {
  const parts: Uint8Array[] = []
  let size = 0
  return {
    read(chunk) {
      size += chunk.byteLength
      if (size <= MAX_MESSAGE_BYTES) parts.push(chunk)
    },
    // A message that is not streamed says its cost only when it is whole.
    knowsInput: () => false,
    result() {
      const usage = size <= MAX_MESSAGE_BYTES ? readMessageUsage(concatBytes(parts)) : null
      return { usage, final: usage !== null }
    },
  }
}
