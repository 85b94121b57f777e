// The answer to a push: reads the host's report while passing it on, and settles before the client sees its end. So a push that
// git calls done is already in the plan's status.
import { concatBytes } from '../../git/pkt-line.ts'
import type { LogFields } from '../../lib/log.ts'
import type { Settlement } from '../../workspace/contract.ts'
import type { GatewayRpc } from '../frame/context.ts'
import { settleLease } from '../frame/lease-watch.ts'
import type { LeaseWatch } from '../frame/lease-watch.ts'
import type { PushCommand } from '../../git/receive-pack.ts'
import { readReport, writeRefusal } from '../../git/receive-report.ts'

/** A report is a few lines and some progress text. A longer one is cut, and the refs are read instead. */
const MAX_REPORT_BYTES = 1_000_000

export const CUT = 'cut: the right to push ended while it was under way'

interface RelayInput {
  response: Response
  head: { commands: PushCommand[]; capabilities: string[] }
  leaseId: string
  rpc: GatewayRpc
  watch: LeaseWatch
}

export function relayReport(input: RelayInput): {
  readable: ReadableStream<Uint8Array>
  done: Promise<LogFields>
} {
  const { readable, client } = createClientStream()
  return { readable, done: relay(input, client) }
}

async function relay(
  { response, head, leaseId, rpc, watch }: RelayInput,
  client: ClientStream,
): Promise<LogFields> {
  const parts: Uint8Array[] = []
  let [size, whole] = [0, false]
  const reader = (response.body ?? new Blob([]).stream()).getReader()
  const cut = watch.whenEnded.then(() => null)
  try {
    while (size <= MAX_REPORT_BYTES) {
      const next = await Promise.race([reader.read(), cut])
      whole = next?.done === true
      if (next === null || next.done) break
      size += next.value.byteLength
      parts.push(next.value)
      client.send(next.value)
    }
  } catch {
    // The host's answer was cut: it is settled as unknown below, and the object reads the refs.
  }
  watch.stop()
  if (!whole) await reader.cancel().catch(() => {}) // it may be broken already
  const settlement: Settlement = whole ? settlementOf(concatBytes(parts), head) : { kind: 'unknown' }
  await settleLease(rpc, leaseId, settlement)
  const told = size === 0 && watch.ended() !== null ? writeCut(head) : null
  if (told !== null) client.send(told)
  if (whole || told !== null) client.close()
  else client.fail()
  return { outcome: watch.ended() ?? settlement.kind, reportBytes: size }
}

function settlementOf(
  answered: Uint8Array<ArrayBuffer>,
  { commands, capabilities }: RelayInput['head'],
): Settlement {
  const report = readReport(answered, capabilities)
  if (report === null) return { kind: 'unknown' }
  const updated = commands
    .filter(({ ref }) => report.ok.includes(ref))
    .map(({ ref, newId }) => ({ ref, newId }))
  if (updated.length > 0) return { kind: 'pushed', updated }
  const detail = report.unpackError ?? report.refused.map(({ ref, text }) => `${ref}: ${text}`).join('; ')
  return { kind: 'refused_upstream', detail: detail.slice(0, 500) }
}

/** Returns the cut as a report in our own words, when the host sent only headers; null when the client takes no report. */
function writeCut({ capabilities, commands }: RelayInput['head']): Uint8Array | null {
  const reasons = commands.map(({ ref }) => ({ ref, text: CUT }))
  return writeRefusal({ capabilities, commands, reasons, message: `gateway: ${CUT}` })
}

interface ClientStream {
  send(chunk: Uint8Array): void
  close(): void
  fail(): void
}

/** Never waits for the client: one that hangs up or reads slowly must not keep us from learning what the host did. */
function createClientStream(): { readable: ReadableStream<Uint8Array>; client: ClientStream } {
  let controller: ReadableStreamDefaultController<Uint8Array> | null = null
  const readable = new ReadableStream<Uint8Array>({
    start: (given) => void (controller = given),
    cancel: () => void (controller = null),
  })
  const client: ClientStream = {
    send: (chunk) => controller?.enqueue(chunk),
    close: () => controller?.close(),
    fail: () => controller?.error(new Error('the push was cut')),
  }
  return { readable, client }
}
