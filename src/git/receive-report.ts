// The report of a push, in both directions. We write a refusal so that `git push` shows the reason as `remote rejected` (for a
// bare 403 git prints only "RPC failed"). We read the host's own report for what it did.
import { concatBytes, FLUSH, parsePkts, pkt } from './pkt-line.ts'
import type { PushCommand } from './receive-pack.ts'

export interface RefusalInput {
  /** The client's capabilities. The answer must mirror them, or git prints a protocol error. */
  capabilities: string[]
  commands: PushCommand[]
  /** By ref. Refs that are not named were legal and are listed as not applied. */
  reasons: { ref: string; text: string }[]
  /** One line for the person, shown as `remote: ...`. */
  message: string
  /** Set when the request itself was malformed: git prints `remote unpack failed: ...`. */
  unpackError?: string
}

const BAND_REPORT = 1
const BAND_MESSAGE = 2
const SIDE_BAND_PAYLOAD = 65_000

/** Returns the body of a 200; null when the client cannot take a report, so that plain HTTP must refuse. */
export function writeRefusal(input: RefusalInput): Uint8Array<ArrayBuffer> | null {
  const { capabilities, commands, reasons, message, unpackError } = input
  if (!wantsReport(capabilities)) return null
  const report = concatBytes([
    pkt(`unpack ${unpackError === undefined ? 'ok' : oneLine(unpackError)}\n`),
    ...commands.map(({ ref }) => pkt(`ng ${ref} ${oneLine(reasonFor(reasons, ref))}\n`)),
    FLUSH,
  ])
  if (!capabilities.includes('side-band-64k')) return report
  return concatBytes([
    pkt(concatBytes([Uint8Array.of(BAND_MESSAGE), new TextEncoder().encode(`${oneLine(message)}\n`)])),
    ...bands(report),
    FLUSH,
  ])
}

export function wantsReport(capabilities: string[]): boolean {
  return capabilities.includes('report-status') || capabilities.includes('report-status-v2')
}

function reasonFor(reasons: { ref: string; text: string }[], ref: string): string {
  const own = reasons.find((reason) => reason.ref === ref)?.text
  return own ?? 'not applied: another ref in this push was refused'
}

function bands(report: Uint8Array): Uint8Array<ArrayBuffer>[] {
  const parts: Uint8Array<ArrayBuffer>[] = []
  for (let at = 0; at < report.byteLength; at += SIDE_BAND_PAYLOAD)
    parts.push(pkt(concatBytes([Uint8Array.of(BAND_REPORT), report.subarray(at, at + SIDE_BAND_PAYLOAD)])))
  return parts
}

/** Removes line breaks and control characters, because the text goes into a protocol line and onto a terminal. */
const oneLine = (text: string): string => text.replaceAll(/\p{Cc}+/gu, ' ').slice(0, 400)

export interface PushReport {
  /** null when unpacking went well. */
  unpackError: string | null
  ok: string[]
  refused: { ref: string; text: string }[]
}

/** Returns what the host did; null when its answer holds no whole report. */
export function readReport(answer: Uint8Array<ArrayBuffer>, capabilities: string[]): PushReport | null {
  const report = capabilities.includes('side-band-64k') ? reportBand(answer) : answer
  const pkts = report === null ? null : parsePkts(report)
  // A flush ends the report. Without it the answer was cut, and a missing line may mean either outcome.
  if (pkts === null || !pkts.some(({ kind }) => kind === 'flush')) return null
  const found: PushReport = { unpackError: null, ok: [], refused: [] }
  let unpacked = false
  for (const one of pkts) {
    if (one.kind !== 'data') break
    const line = new TextDecoder().decode(one.bytes).replace(/\n$/, '')
    const [word = '', name = '', ...rest] = line.split(' ')
    if (word === 'unpack') {
      unpacked = true
      const outcome = line.slice('unpack '.length)
      if (outcome !== 'ok') found.unpackError = oneLine(outcome)
    } else if (word === 'ok') found.ok.push(name)
    else if (word === 'ng') found.refused.push({ ref: name, text: oneLine(rest.join(' ')) })
  }
  return unpacked ? found : null
}

function reportBand(answer: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> | null {
  const pkts = parsePkts(answer)
  if (pkts === null) return null
  return concatBytes(
    pkts.flatMap((one) =>
      one.kind === 'data' && one.bytes[0] === BAND_REPORT ? [one.bytes.subarray(1)] : [],
    ),
  )
}
