// The way back of a model call: passed on chunk by chunk as it comes, counted in passing, cut when its right ends, and settled
// before the client sees its end. Settled as the upstream's own final figures, or, when it never gave them, as unknown, which
// the object charges in full: a stream that was cut costs more than it showed.
import { concatBytes } from '../git/pkt-line.ts'
import type { LogFields } from '../lib/log.ts'
import type { Settlement } from '../workspace/state.ts'
import type { GatewayRpc } from './context.ts'
import { denial } from './denials.ts'
import { settleLease } from './lease-watch.ts'
import type { LeaseWatch } from './lease-watch.ts'
import { createUsageReader, readMessageUsage, spentOn } from './usage.ts'
import type { UsageReader } from './usage.ts'

/** A whole message of 128,000 tokens is about 1 MB; images do not come back. */
const MAX_MESSAGE_BYTES = 16_000_000

interface RelayInput {
  response: Response
  judged: { model: string; stream: boolean; worstCaseUsd: number }
  leaseId: string
  rpc: GatewayRpc
  watch: LeaseWatch
  /** Aborts when the client hung up: the upstream is then told to stop, too. */
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
  let whole = false
  try {
    for (;;) {
      const next = await Promise.race([reader.read(), ended])
      whole = next?.done === true
      if (next === null || next.done) break
      counter.read(next.value)
      const passed = await Promise.race([client.write(next.value).then(() => true), ended])
      if (passed === null) break
    }
  } catch {
    // The upstream cut its stream: settled below by what it said until then.
  }
  watch.stop()
  if (!whole) await reader.cancel().catch(() => {}) // already broken, perhaps: that is why it is cancelled
  const settlement = settlementOf(judged, counter.result())
  await settleLease(rpc, leaseId, settlement)
  await finish(client, watch, judged.stream, whole)
  return {
    outcome: watch.ended() ?? (whole ? 'passed' : 'cut'),
    model: judged.model,
    ...(settlement.kind === 'model' ? { usd: settlement.usd, ...settlement.tokens } : { usd: null }),
  }
}

/** Answers null when there is no point in going on: the right ended, or nobody listens any more. */
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
  { model, worstCaseUsd }: RelayInput['judged'],
  { usage, final }: ReturnType<UsageReader['result']>,
): Settlement {
  if (usage === null) return { kind: 'unknown' }
  const spent = spentOn(model, usage)
  // Figures that are not final are still a lower bound, and an estimate that fell short of them is corrected by them.
  if (!final && spent.usd <= worstCaseUsd) return { kind: 'unknown' }
  return { kind: 'model', ...spent }
}

/** A cut by us is told in the stream's own words, so that the SDK raises an error instead of taking half an answer for a whole. */
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
    // After an empty line: the cut may have come inside an event.
    await client.write(new TextEncoder().encode(`\n\nevent: error\ndata: ${error}\n\n`))
    await client.close()
  } catch {
    // The client is gone: nobody is left to be told.
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
    result() {
      const usage = size <= MAX_MESSAGE_BYTES ? readMessageUsage(concatBytes(parts)) : null
      return { usage, final: usage !== null }
    },
  }
}
