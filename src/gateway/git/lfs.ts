// LFS for reading: the batch API for `download`, and the objects that lie at the git host itself. What lies elsewhere a VM fetches
// there, with the signed address that the host gave. Uploads are refused in words.
import type { PlanClaims, VmKeyClaims } from '../../auth/vm-token.ts'
import { readCapped } from '../../lib/http.ts'
import { answer } from '../frame/answers.ts'
import type { GatewayContext, Handle, Handled } from '../frame/context.ts'
import { denial } from '../frame/denials.ts'
import { settleLease, watchRead } from '../frame/lease-watch.ts'
import type { Place } from './lfs-place.ts'
import { parseBatchRequest } from './lfs-schema.ts'
import type { LfsObject } from './lfs-schema.ts'
import { openRead } from './read-stream.ts'
import { fetchObject, LFS_JSON, locateObjects } from './upstream-lfs.ts'

type Reader = PlanClaims | VmKeyClaims

/** Room for more objects than one request may name, so that too many are refused with their own words. */
const MAX_REQUEST_BYTES = 2_000_000
const OBJECT_PATH = /^info\/lfs\/objects\/([0-9a-f]{64})$/
const SIZE = /^\?size=(\d{1,12})$/
const BATCH_PATH = 'info/lfs/objects/batch'

/** Status of a refusal that the host caused. git-lfs tries 429 and 5xx again. */
const STATUS: Readonly<Record<string, number>> = {
  no_object: 404,
  gone: 410,
  not_found: 404,
  busy: 429,
  upstream_unavailable: 502,
}

/** Answers below `info/lfs`. */
export function lfsHandle(method: string, rest: string, search: string): Handle<Reader> {
  if (method === 'POST' && rest === BATCH_PATH && search === '') return batch
  const [, oid] = OBJECT_PATH.exec(rest) ?? []
  const [, size] = SIZE.exec(search) ?? []
  if (method === 'GET' && oid !== undefined && size !== undefined)
    return (_request, claims, context) => object({ oid, size: Number(size) }, claims, context)
  return async () =>
    lfsRefusal(404, 'not_offered', 'Only the batch API for downloads is served here: no locks, no uploads.')
}

const batch: Handle<Reader> = async (request, claims, context) => {
  const body = await readCapped(request.body, MAX_REQUEST_BYTES).catch(() => null) // the client hung up
  if (body === null) return lfsRefusal(413, 'too_large', 'The request is too long; ask for fewer objects.')
  const asked = parseBatchRequest(new TextDecoder().decode(body))
  if (!asked.ok) return lfsRefusal(asked.status, asked.outcome, asked.text)
  const rpc = await context.workspace(claims.workspace)
  const right = await rpc.authorize(claims, { kind: 'git_read' })
  if (!right.ok) return lfsRefusal(403, right.reason, denial(right.reason).message)
  const { leaseId, deadlineMs, gitRemote } = right
  const watch = watchRead({ rpc, leaseId, deadlineMs, nowMs: context.nowMs })
  const located = await locateObjects(context, { gitRemote, signal: watch.signal }, asked.objects)
  watch.stop()
  await settleLease(rpc, leaseId, { kind: 'read' })
  if (watch.ended() !== null)
    return lfsRefusal(403, 'revoked', 'The right to fetch ended while it was under way.')
  if (!located.ok) return refuseUpstream(located.code, located.text)
  const here = new URL(request.url)
  const base = `${here.origin}${here.pathname.slice(0, -'/batch'.length)}`
  const objects = located.places.map((one) => tell(one, base))
  return {
    response: answer(200, LFS_JSON, JSON.stringify({ transfer: 'basic', objects, hash_algo: 'sha256' })),
    outcome: 'lfs_batch',
  }
}

/** Returns what git-lfs is told of one object. The host's own headers and words are left out. */
function tell({ object: { oid, size }, place }: { object: LfsObject; place: Place }, base: string) {
  if (place.kind === 'none') return { oid, size, error: { code: place.code, message: place.text } }
  if (place.kind === 'host')
    return { oid, size, actions: { download: { href: `${base}/${oid}?size=${size}` } } }
  const { expires_in, expires_at } = place.action
  return {
    oid,
    size,
    actions: {
      download: {
        href: place.href,
        ...(typeof expires_in === 'number' ? { expires_in } : {}),
        ...(typeof expires_at === 'string' ? { expires_at } : {}),
      },
    },
  }
}

async function object(wanted: LfsObject, claims: Reader, context: GatewayContext): Promise<Handled> {
  const opened = await openRead({
    claims,
    context,
    intent: 'git_read',
    ask: (at) => fetchObject(context, at, wanted),
    refuse: refuseUpstream,
  })
  if ('response' in opened) return opened
  const location = opened.headers.get('location')
  if (location !== null) {
    await opened.drop()
    return { response: answer(302, LFS_JSON, null, { location }), outcome: 'lfs_elsewhere' }
  }
  const { readable, done } = opened.pass({ length: wanted.size })
  return { response: answer(200, 'application/octet-stream', readable), outcome: 'lfs_object', done }
}

const refuseUpstream = (code: string, text: string): Handled =>
  lfsRefusal(STATUS[code] ?? 403, code, `${text} (code ${code})`)

/** Returns a refusal that git-lfs prints with its words. */
export function lfsRefusal(status: number, outcome: string, message: string): Handled {
  return { response: answer(status, LFS_JSON, JSON.stringify({ message })), outcome }
}
