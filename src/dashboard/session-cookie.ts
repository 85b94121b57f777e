// The owner's browser session: its cookie, and the token a form must bring to be ours. Secrets leave this file only as hashes.
import { ownerMark } from '../auth/oauth.ts'
import { bytesEqual, randomHex, sha256Hex } from '../lib/crypto.ts'
import { readSettings } from '../lib/settings.ts'

/** A valid session. */
export interface Session {
  hash: string
  /** A token in our forms that comes back with them; it cannot be made without the cookie. */
  formToken: string
}

const COOKIE = 'aer-session'

export function accountOf(env: Env) {
  return env.ACCOUNT.getByName('account')
}

/** Returns null when not signed in, when the session is over, or when OWNER_TOKEN has changed since. */
export async function findSession(request: Request, env: Env): Promise<Session | null> {
  const id = readCookie(request)
  const owner = await ownerMark(readSettings({ ...env }).settings.ownerToken)
  if (id === null || owner === '') return null
  const hash = await sha256Hex(id)
  if (!(await accountOf(env).hasSession({ hash, owner, nowMs: Date.now() }))) return null
  return { hash, formToken: await formTokenOf(id) }
}

/** Opens a session after the owner signed in; returns the cookie to set. */
export async function openSession(request: Request, env: Env): Promise<string> {
  const id = randomHex(32)
  const owner = await ownerMark(readSettings({ ...env }).settings.ownerToken)
  const nowMs = Date.now()
  const held = { hash: await sha256Hex(id), owner, nowMs }
  const expiresAtMs = await accountOf(env).signIn(sourceOf(request), held)
  return cookie(request, id, Math.round((expiresAtMs - nowMs) / 1_000))
}

export async function closeSession(request: Request, env: Env, { hash }: Session): Promise<string> {
  await accountOf(env).endSession(hash)
  return cookie(request, '', 0)
}

/** Returns the source of a try, as far as it can be known: an IPv6 client owns its /64. */
export function sourceOf(request: Request): string {
  const address = request.headers.get('cf-connecting-ip') ?? 'unknown'
  return address.includes(':') ? address.split(':').slice(0, 4).join(':') : address
}

/**
 * True when a form was sent from a page of ours. Every browser sends one of these two headers; a request without both is refused.
 */
export function isFromOurPage(request: Request): boolean {
  const [site, origin] = [request.headers.get('sec-fetch-site'), request.headers.get('origin')]
  if (site === null && origin === null) return false
  return (site ?? 'same-origin') === 'same-origin' && (origin ?? originOf(request)) === originOf(request)
}

export function isOwnForm({ formToken }: Session, form: FormData): boolean {
  const [encoder, given] = [new TextEncoder(), form.get('form_token')]
  return typeof given === 'string' && bytesEqual(encoder.encode(given), encoder.encode(formToken))
}

const formTokenOf = async (id: string): Promise<string> => (await sha256Hex(`form:${id}`)).slice(0, 32)

const originOf = (request: Request): string => new URL(request.url).origin

/** __Host- binds the cookie to this very host. Browsers require https for it, which a local stack does not have. */
const cookieName = (request: Request): string =>
  new URL(request.url).protocol === 'https:' ? `__Host-${COOKIE}` : COOKIE

// Lax, not Strict: a client sends its user here from its own site.
function cookie(request: Request, value: string, maxAgeSeconds: number): string {
  const secure = new URL(request.url).protocol === 'https:' ? '; Secure' : ''
  return `${cookieName(request)}=${value}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${maxAgeSeconds}${secure}`
}

function readCookie(request: Request): string | null {
  const wanted = `${cookieName(request)}=`
  const found = (request.headers.get('cookie') ?? '').split(/; */).find((part) => part.startsWith(wanted))
  const value = found?.slice(wanted.length) ?? ''
  return /^[0-9a-f]{64}$/.test(value) ? value : null
}
