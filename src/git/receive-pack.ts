// Parses the head of a push strictly, refuses anything unusual, and rewrites what goes upstream. Real git accepts much that looks
// odd (capabilities on any command, a list ended by 0001, push certificates that were never offered). A gateway that forwards
// what it merely recognised could therefore be bypassed. receive-report.ts handles the reports.
import type { ByteReader } from './byte-reader.ts'
import { concatBytes, FLUSH, pkt } from './pkt-line.ts'
import { decodeUtf8 } from '../shared/json.ts'

export interface PushCommand {
  oldId: string
  newId: string
  ref: string
}

export type PushHead =
  /** Four bytes that git sends before a chunked push to see whether it may push. They change nothing. */
  | { kind: 'probe' }
  | {
      kind: 'push'
      commands: PushCommand[]
      capabilities: string[]
      /** Goes upstream in place of the bytes that were read; the pack follows it unchanged. */
      head: Uint8Array<ArrayBuffer>
    }
  /** `capabilities` and `commands` hold what was read so far, so that the client can show the refusal. */
  | { kind: 'malformed'; reason: string; capabilities: string[]; commands: PushCommand[] }

const MAX_COMMANDS = 8
/** Leaves room for the boundary of a shallow clone: about 9,000 lines. */
const MAX_HEAD_BYTES = 524_288
const MAX_REF_LENGTH = 400
const OID = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/
const KEPT = new Set([
  'report-status',
  'report-status-v2',
  'side-band-64k',
  'quiet',
  'atomic',
  'ofs-delta',
  'delete-refs',
])
const AGENT = 'agent=agent-execution-runtime'

/** True for a capability that may pass between client and host. Push options and certificates may not. */
function isKept(capability: string): boolean {
  return KEPT.has(capability) || /^object-format=sha(?:1|256)$/.test(capability)
}

/** Reads up to the flush after the commands, and no byte of the pack. */
export async function readPushHead(reader: Pick<ByteReader, 'read'>): Promise<PushHead> {
  const commands: PushCommand[] = []
  const shallow: string[] = []
  let capabilities: string[] | null = null
  const malformed = (reason: string): PushHead => ({
    kind: 'malformed',
    reason,
    capabilities: capabilities ?? [],
    commands,
  })
  for (let total = 0; ;) {
    const length = await readLength(reader)
    if (typeof length === 'string') return malformed(length)
    if (length === 0) break
    total += length
    if (total > MAX_HEAD_BYTES) return malformed('the command list is too long')
    const payload = await reader.read(length - 4)
    if (payload === null) return malformed('the request ends inside the command list')
    const text = decodeUtf8(payload)
    if (text === null) return malformed('a ref name is not UTF-8')

    const nul = text.indexOf('\0')
    if (nul >= 0) {
      if (capabilities !== null) return malformed('a second capability list')
      capabilities = text
        .slice(nul + 1)
        .replace(/\n$/, '')
        .split(' ')
        .filter((one) => one !== '')
      if (capabilities.includes('push-options')) return malformed('push options are not offered here')
    }
    const line = (nul < 0 ? text : text.slice(0, nul)).replace(/\n$/, '')
    if (line.startsWith('push-cert')) return malformed('signed pushes are not offered here')
    if (line.startsWith('shallow ')) {
      const oid = line.slice('shallow '.length)
      if (nul >= 0 || commands.length > 0 || !OID.test(oid)) return malformed('a misplaced shallow line')
      shallow.push(oid)
      continue
    }
    const command = parseCommand(line)
    if (command === null) return malformed('a command that is not "old new ref"')
    if (capabilities === null) return malformed('no capability list')
    if (commands.length >= MAX_COMMANDS) return malformed(`more than ${MAX_COMMANDS} refs in one push`)
    if (commands.some((earlier) => earlier.ref === command.ref)) return malformed('the same ref twice')
    if (commands.some((earlier) => earlier.oldId.length !== command.oldId.length))
      return malformed('object ids of two lengths')
    commands.push(command)
  }
  if (commands.length === 0) return shallow.length > 0 ? malformed('no command') : { kind: 'probe' }
  const kept = (capabilities ?? []).filter(isKept)
  return { kind: 'push', commands, capabilities: kept, head: writeHead(shallow, commands, kept) }
}

/** Returns the length with its four digits, 0 for the flush that ends the list, or a text that says why it is neither. */
async function readLength(reader: Pick<ByteReader, 'read'>): Promise<number | string> {
  const header = await reader.read(4)
  if (header === null) return 'the request ends inside the command list'
  const digits = String.fromCharCode(...header)
  // Git also accepts uppercase and 0001 here. No real client sends them, so they only ever mean an attack or an error.
  if (!/^[0-9a-f]{4}$/.test(digits)) return 'a malformed pkt length'
  const length = parseInt(digits, 16)
  if (length > 0 && length < 5) return 'a special pkt in the command list'
  return length
}

function parseCommand(line: string): PushCommand | null {
  const [oldId = '', newId = '', ref = '', ...more] = line.split(' ')
  const wellFormed =
    more.length === 0 && OID.test(oldId) && OID.test(newId) && oldId.length === newId.length && isRefText(ref)
  return wellFormed ? { oldId, newId, ref } : null
}

/** True when this name may stand in a report. Which ref may be pushed is decided by the object, by equality. */
function isRefText(ref: string): boolean {
  return ref.length > 0 && ref.length <= MAX_REF_LENGTH && !/\p{Cc}/u.test(ref)
}

function writeHead(
  shallow: string[],
  commands: PushCommand[],
  capabilities: string[],
): Uint8Array<ArrayBuffer> {
  return concatBytes([
    ...shallow.map((oid) => pkt(`shallow ${oid}`)),
    ...commands.map(({ oldId, newId, ref }, index) =>
      pkt(`${oldId} ${newId} ${ref}${index === 0 ? `\0 ${[...capabilities, AGENT].join(' ')}` : ''}`),
    ),
    FLUSH,
  ])
}

/** True for a capability the client is offered. The host uses `no-thin` for packs it cannot take; the client never repeats it. */
const isOffered = (capability: string): boolean => isKept(capability) || capability === 'no-thin'

/** Returns the first ref line of a receive-pack advertisement with only the capabilities we let through; null when it is none. */
export function stripAdvertised(line: Uint8Array): Uint8Array<ArrayBuffer> | null {
  const text = decodeUtf8(line)
  if (text === null || !text.includes('\0')) return null
  const nul = text.indexOf('\0')
  const offered = text
    .slice(nul + 1)
    .trim()
    .split(' ')
    .filter(isOffered)
  return pkt(`${text.slice(0, nul)}\0${[...offered, AGENT].join(' ')}\n`)
}
