// Asks a workspace's git host for LFS objects. The address comes from the object's row; where an object lies is the host's word,
// and our credential goes to the host's own origin only. No redirect is followed.
import { credentialFor } from '../../auth/git-credentials.ts'
import type { GitCredential } from '../../auth/git-credentials.ts'
import { basicAuth } from '../../git/basic-auth.ts'
import { readCapped } from '../../lib/http.ts'
import { errorFields, log } from '../../lib/log.ts'
import type { GatewayContext } from '../frame/context.ts'
import { isPassable, placeOf } from './lfs-place.ts'
import type { Place, Surroundings } from './lfs-place.ts'
import { parseBatchAnswer } from './lfs-schema.ts'
import type { LfsObject } from './lfs-schema.ts'

export const LFS_JSON = 'application/vnd.git-lfs+json'
const AGENT = 'git-lfs/3.6 (agent-execution-runtime)'
const BATCH_TIMEOUT_MS = 60_000
/** A hundred objects with long signed addresses are well below this. */
const MAX_ANSWER_BYTES = 4_000_000

interface At {
  gitRemote: string
  signal: AbortSignal
}

export type LfsProblem =
  | 'credential'
  | 'not_found'
  | 'redirect'
  | 'busy'
  | 'upstream_unavailable'
  | 'not_lfs'
  | 'wrong_size'

interface Refused {
  ok: false
  code: string
  text: string
}

type Located = { ok: true; places: { object: LfsObject; place: Place }[]; around: Surroundings } | Refused

/** Asks the host where these objects lie. */
export async function locateObjects(
  context: GatewayContext,
  { gitRemote, signal }: At,
  objects: readonly LfsObject[],
): Promise<Located> {
  const { gitCredentials, local } = context.settings
  const credential = credentialFor(gitCredentials, gitRemote, { local })
  const batchUrl = `${gitRemote.replace(/\/+$/, '').replace(/(?:\.git)?$/, '.git')}/info/lfs/objects/batch`
  const around: Surroundings = { batchUrl, credential, local }
  const headers = headersFor(credential, LFS_JSON)
  headers.set('content-type', LFS_JSON)
  const body = JSON.stringify({ operation: 'download', transfers: ['basic'], objects, hash_algo: 'sha256' })
  const answered = await ask(context, batchUrl, {
    method: 'POST',
    headers,
    body,
    signal: AbortSignal.any([signal, AbortSignal.timeout(BATCH_TIMEOUT_MS)]),
  })
  if (answered === null) return problem('upstream_unavailable')
  const code = problemOf(answered) ?? (isJson(answered) ? null : 'not_lfs')
  if (code !== null) {
    await answered.body?.cancel()
    return problem(code)
  }
  const bytes = await readCapped(answered.body, MAX_ANSWER_BYTES).catch(() => null) // cut by the host or the lease
  const said = bytes === null ? null : parseBatchAnswer(new TextDecoder().decode(bytes))
  if (said === null) return problem('not_lfs')
  const places = objects.map((object) => ({ object, place: placeOf(object, said.get(object.oid), around) }))
  return { ok: true, places, around }
}

/** Returns the object's bytes, or a redirect to another host where they can be had without our credential. */
export async function fetchObject(
  context: GatewayContext,
  at: At,
  object: LfsObject,
): Promise<{ ok: true; response: Response } | Refused> {
  const located = await locateObjects(context, at, [object])
  if (!located.ok) return located
  const place = located.places[0]?.place
  if (place === undefined) return problem('not_lfs')
  if (place.kind === 'none') return { ok: false, code: place.outcome, text: place.text }
  if (place.kind === 'elsewhere') return { ok: true, response: redirectTo(place.href) }
  const { credential } = located.around
  const given = Object.entries(place.action.header ?? {})
  const headerOf = (wanted: string) => given.find(([name]) => name.toLowerCase() === wanted)?.[1]
  const headers = headersFor(credential, headerOf('accept') ?? '*/*')
  const minted = headerOf('authorization')
  if (minted !== undefined) headers.set('authorization', minted)
  const response = await ask(context, place.href, { method: 'GET', headers, signal: at.signal })
  if (response === null) return problem('upstream_unavailable')
  const location = locationOf(response, place.href)
  if (location !== null && isPassable(location, located.around)) {
    await response.body?.cancel()
    return { ok: true, response: redirectTo(location.href) }
  }
  const code = problemOf(response) ?? (hasSize(response, object.size) ? null : 'wrong_size')
  if (code === null) return { ok: true, response }
  await response.body?.cancel()
  return problem(code)
}

async function ask(context: GatewayContext, url: string, init: RequestInit): Promise<Response | null> {
  try {
    // Following a redirect would carry the credential to another address.
    return await context.fetch(url, { ...init, redirect: 'manual' })
  } catch (error) {
    log('gateway.lfs_upstream', errorFields(error))
    return null
  }
}

function headersFor(credential: GitCredential | null, accept: string): Headers {
  const headers = new Headers({ 'user-agent': AGENT, accept, 'accept-encoding': 'identity' })
  if (credential !== null) headers.set('authorization', basicAuth(credential))
  return headers
}

const redirectTo = (href: string): Response =>
  new Response(null, { status: 302, headers: { location: href } })

function locationOf({ status, headers }: Response, from: string): URL | null {
  const location = headers.get('location')
  const isRedirect = status >= 300 && status < 400 && location !== null
  return isRedirect && URL.canParse(location, from) ? new URL(location, from) : null
}

const isJson = ({ headers }: Response): boolean =>
  /^application\/(?:vnd\.git-lfs\+)?json\b/i.test(headers.get('content-type') ?? '')

/** A sign-in page has a length of its own. Without a length, the stream is cut at the object's size and git-lfs checks the hash. */
function hasSize({ headers }: Response, size: number): boolean {
  const length = headers.get('content-length')
  return length === null ? !/^text\/html/i.test(headers.get('content-type') ?? '') : Number(length) === size
}

function problemOf({ status }: Response): LfsProblem | null {
  if (status >= 300 && status < 400) return 'redirect'
  if (status === 401 || status === 403) return 'credential'
  if (status === 404 || status === 410 || status === 501) return 'not_found'
  if (status === 429) return 'busy'
  return status === 200 ? null : 'upstream_unavailable'
}

const TEXTS: Record<LfsProblem, string> = {
  credential: 'the git host refused LFS to the stored git credential; the owner renews it in GIT_CREDENTIALS',
  not_found: 'the git host serves no LFS for this repository, or not to the stored git credential',
  redirect: 'the git host answered with a redirect, which is not followed',
  busy: 'the git host is asked too often; try again in a minute',
  upstream_unavailable: 'the git host did not answer as it should; try again',
  not_lfs: 'the address answered, but not as an LFS server',
  wrong_size: 'the git host sent another number of bytes than this object has',
}

const problem = (code: LfsProblem): Refused => ({ ok: false, code, text: TEXTS[code] })
