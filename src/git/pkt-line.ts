// pkt-line framing, git's only wire format: four hex digits of length (including themselves), then the payload. 0000 is flush,
// 0001 delimiter, 0002 response end. 0003 and 0004 are refused, as git does. Spec: gitprotocol-common.
const encoder = new TextEncoder()

export const FLUSH = encoder.encode('0000')
export const DELIM = encoder.encode('0001')
/** The longest payload a pkt can carry (65520 with its length). */
export const MAX_PAYLOAD = 65_516

export type Pkt =
  | { kind: 'data'; bytes: Uint8Array<ArrayBuffer> }
  | { kind: 'flush' }
  | { kind: 'delim' }
  | { kind: 'end' }

/** Returns the pkt. Throws on more than MAX_PAYLOAD bytes: callers cut what they write. */
export function pkt(payload: string | Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = typeof payload === 'string' ? encoder.encode(payload) : payload
  if (bytes.byteLength > MAX_PAYLOAD) throw new RangeError('pkt-line payload too long')
  return concatBytes([encoder.encode((bytes.byteLength + 4).toString(16).padStart(4, '0')), bytes])
}

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((total, part) => total + part.byteLength, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.byteLength
  }
  return whole
}

/** Returns what the four length bytes say: the payload's length, a special pkt, or null for anything git does not accept. */
export function pktLength(header: Uint8Array): number | 'flush' | 'delim' | 'end' | null {
  const text = String.fromCharCode(...header)
  if (!/^[0-9a-fA-F]{4}$/.test(text)) return null
  const length = parseInt(text, 16)
  if (length === 0) return 'flush'
  if (length === 1) return 'delim'
  if (length === 2) return 'end'
  return length <= 4 || length - 4 > MAX_PAYLOAD ? null : length - 4
}

/** Returns every pkt of a whole buffer; null when it is malformed or ends inside one. */
export function parsePkts(bytes: Uint8Array<ArrayBuffer>): Pkt[] | null {
  const pkts: Pkt[] = []
  let at = 0
  while (at < bytes.byteLength) {
    const length = at + 4 > bytes.byteLength ? null : pktLength(bytes.subarray(at, at + 4))
    if (length === null) return null
    at += 4
    if (typeof length === 'string') {
      pkts.push({ kind: length })
      continue
    }
    if (at + length > bytes.byteLength) return null
    pkts.push({ kind: 'data', bytes: bytes.subarray(at, at + length) })
    at += length
  }
  return pkts
}
