// Reads a remote's refs over smart HTTP: ls-refs of protocol v2, else the v0 advertisement. Ref names are foreign text, so only
// refs of safe characters are returned. Called at registration, for merge checks and for pushes of unknown outcome.
import { fetchUpstream } from '../lib/fetch.ts'
import { readCapped } from '../lib/http.ts'
import { basicAuth } from './basic-auth.ts'
import { concatBytes, DELIM, FLUSH, parsePkts, pkt } from './pkt-line.ts'
import type { Pkt } from './pkt-line.ts'

/** A v0 host sends every ref it has; v2 hosts are asked by prefix. 16 MB is about 250,000 refs. */
const MAX_ANSWER_BYTES = 16_000_000
const OID = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/
const AGENT = 'git/2.50 (agent-execution-runtime)'

export interface ReadRefsInput {
  /** The https URL of the repository; built by us, never taken from a request. */
  remote: string
  credential: { user: string; token: string } | null
  /** Full names or their beginnings, such as `HEAD`, `refs/heads/agent/`. */
  prefixes: string[]
  /** Applies to each of at most two requests. */
  timeoutMs: number
}

/**
 * `head`: the branch HEAD points at, without `refs/heads/`; null when unknown. `refused`: the host answered, but not with refs.
 */
export type RemoteRefs =
  | { kind: 'ok'; head: string | null; refs: Record<string, string> }
  | { kind: 'refused'; status: number }
  | { kind: 'unreachable' }

export async function readRemoteRefs(input: ReadRefsInput): Promise<RemoteRefs> {
  try {
    const advertised = await ask(input, 'info/refs?service=git-upload-pack', null)
    if (!Array.isArray(advertised)) return advertised
    const lines = withoutServiceLine(advertised)
    if (lines[0] !== 'version 2') return pickRefs(input.prefixes, lines.flatMap(parseV0Line))
    const listed = await ask(input, 'git-upload-pack', lsRefsRequest(input.prefixes, lines))
    if (!Array.isArray(listed)) return listed
    return pickRefs(input.prefixes, textLines(listed).flatMap(parseV2Line))
  } catch {
    return { kind: 'unreachable' } // a time-out, a refused connection, an answer cut short: the caller tries again later
  }
}

async function ask(
  { remote, credential, timeoutMs }: ReadRefsInput,
  what: string,
  body: Uint8Array<ArrayBuffer> | null,
): Promise<Pkt[] | Extract<RemoteRefs, { kind: 'refused' | 'unreachable' }>> {
  const response = await fetchUpstream('The git host', `${remote.replace(/\/+$/, '')}/${what}`, timeoutMs, {
    method: body === null ? 'GET' : 'POST',
    headers: {
      'git-protocol': 'version=2',
      'user-agent': AGENT,
      accept: '*/*',
      ...(body === null ? {} : { 'content-type': 'application/x-git-upload-pack-request' }),
      ...(credential === null ? {} : { authorization: basicAuth(credential) }),
    },
    ...(body === null ? {} : { body }),
  })
  if (response.status !== 200) {
    await response.body?.cancel()
    const later = response.status === 429 || response.status >= 500
    return later ? { kind: 'unreachable' } : { kind: 'refused', status: response.status }
  }
  const type = response.headers.get('content-type') ?? ''
  const expected = `application/x-git-upload-pack-${body === null ? 'advertisement' : 'result'}`
  const bytes = type.startsWith(expected) ? await readCapped(response.body, MAX_ANSWER_BYTES) : null
  if (bytes === null) await response.body?.cancel()
  const pkts = bytes === null ? null : parsePkts(bytes)
  // A web page, a dumb server or an answer beyond the cap: something answers, but not a repository we can read.
  return pkts ?? { kind: 'refused', status: response.status }
}

function textLines(pkts: Pkt[]): string[] {
  return pkts.flatMap((one) =>
    one.kind === 'data' ? [new TextDecoder().decode(one.bytes).replace(/\n$/, '')] : [],
  )
}

function withoutServiceLine(pkts: Pkt[]): string[] {
  const lines = textLines(pkts)
  return lines[0]?.startsWith('# service=') === true ? lines.slice(1) : lines
}

function lsRefsRequest(prefixes: string[], advertised: string[]): Uint8Array<ArrayBuffer> {
  const format = advertised.find((line) => line.startsWith('object-format='))
  const unborn = advertised.some((line) => line.startsWith('ls-refs=') && line.includes('unborn'))
  return concatBytes([
    pkt('command=ls-refs\n'),
    ...(format === undefined ? [] : [pkt(`${format}\n`)]),
    DELIM,
    pkt('symrefs\n'),
    ...(unborn ? [pkt('unborn\n')] : []),
    ...prefixes.map((prefix) => pkt(`ref-prefix ${prefix}\n`)),
    FLUSH,
  ])
}

interface FoundRef {
  /** null for HEAD of a repository without commits, and for v0 lines that are not refs. */
  oid: string | null
  name: string
  symref: string | null
}

function parseV2Line(line: string): FoundRef[] {
  const [oid = '', name = '', ...attributes] = line.split(' ')
  const symref = attributes.find((part) => part.startsWith('symref-target:'))?.slice('symref-target:'.length)
  if (!OID.test(oid) && oid !== 'unborn') return []
  return [{ oid: oid === 'unborn' ? null : oid, name, symref: symref ?? null }]
}

function parseV0Line(line: string): FoundRef[] {
  const [reference = '', capabilities = ''] = line.split('\0')
  const [oid = '', name = ''] = reference.split(' ')
  const symref = capabilities.split(' ').find((part) => part.startsWith('symref=HEAD:'))
  const head: FoundRef[] =
    symref === undefined ? [] : [{ oid: null, name: 'HEAD', symref: symref.slice('symref=HEAD:'.length) }]
  const real = OID.test(oid) && !name.endsWith('^{}')
  return real ? [...head, { oid, name, symref: null }] : head
}

function pickRefs(prefixes: string[], found: FoundRef[]): RemoteRefs {
  const refs: Record<string, string> = {}
  let head: string | null = null
  for (const { oid, name, symref } of found) {
    if (!isSafeRef(name)) continue
    if (name === 'HEAD' && symref !== null && symref.startsWith('refs/heads/') && isSafeRef(symref))
      head = symref.slice('refs/heads/'.length)
    if (oid !== null && prefixes.some((prefix) => name.startsWith(prefix))) refs[name] = oid
  }
  return { kind: 'ok', head, refs }
}

/** Segments of [A-Za-z0-9._-], none beginning with a dash, no `..`: such a name is safe in an argument, a path and a shell. */
function isSafeRef(name: string): boolean {
  return (
    name.length <= 255 &&
    !name.includes('..') &&
    name.split('/').every((segment) => /^[A-Za-z0-9._][A-Za-z0-9._-]*$/.test(segment))
  )
}
