// Finds out who calls /mcp and /plans: the owner with OWNER_TOKEN, or a client that the owner connected by OAuth. This happens
// before a body is read or an object is touched. The caller's scopes say what it may do.
import { secretsEqual } from '../lib/crypto.ts'
import { bearerToken, errorResponse } from '../lib/http.ts'
import { readSettings } from '../lib/settings.ts'
import type { Settings } from '../lib/settings.ts'
import { oauthAddresses, oauthCaller } from './oauth.ts'
import { neededScopes, SCOPES } from './scopes.ts'
import type { Scope } from './scopes.ts'

export interface Caller {
  /** null: the owner, with the OWNER_TOKEN itself. */
  clientId: string | null
  scopes: readonly Scope[]
}

/** Returns the caller, or the 401 to send. An unset OWNER_TOKEN matches nothing. */
export async function findCaller(headers: Headers, env: Env): Promise<Caller | Response> {
  const { settings } = readSettings({ ...env })
  const given = bearerToken(headers)
  if (given !== null && (await secretsEqual(given, settings.ownerToken)))
    return { clientId: null, scopes: SCOPES }
  const client = given === null ? null : await oauthCaller(given, settings, env)
  return client ?? unauthorized(settings, given !== null)
}

/** True when the OWNER_TOKEN came with the request. It is for public pages that tell the owner more; it touches no storage. */
export async function isOwner(headers: Headers, env: Env): Promise<boolean> {
  const given = bearerToken(headers)
  return given !== null && secretsEqual(given, readSettings({ ...env }).settings.ownerToken)
}

function unauthorized(settings: Settings, hasToken: boolean): Response {
  const message =
    settings.ownerToken === ''
      ? 'OWNER_TOKEN is not set on this Worker, so no one can sign in. `npm run deploy` makes it; /healthz lists what else is missing.'
      : hasToken
        ? 'This is neither the OWNER_TOKEN of this Worker nor a valid access token. `npm run deploy` (or `npm run dev`) printed the owner token; a client that signs in by OAuth connects again.'
        : 'Sign in by OAuth, or send the owner token: the header "Authorization: Bearer <OWNER_TOKEN>". `npm run deploy` (or `npm run dev`) printed it.'
  // RFC 6750: no error code when no credential was sent.
  return challenge(settings, hasToken ? 'invalid_token' : null, SCOPES, message)
}

/** Returns the 403 for a caller whose scopes do not suffice. It names every needed scope, for clients that ask for more. */
export function insufficientScope(env: Env, needed: Scope, what: string): Response {
  return challenge(
    readSettings({ ...env }).settings,
    'insufficient_scope',
    neededScopes(needed),
    `${what} needs the scope "${needed}", which this connection was not given. Connect again and allow it, or use a client that has it.`,
  )
}

function challenge(
  settings: Settings,
  error: 'invalid_token' | 'insufficient_scope' | null,
  scopes: readonly Scope[],
  message: string,
): Response {
  const metadata = oauthAddresses(settings)?.resourceMetadata
  const parts = [
    'realm="agent-execution-runtime"',
    ...(error === null ? [] : [`error="${error}"`]),
    ...(metadata === undefined ? [] : [`resource_metadata="${metadata}"`, `scope="${scopes.join(' ')}"`]),
  ]
  const headers = { 'www-authenticate': `Bearer ${parts.join(', ')}`, 'cache-control': 'no-store' }
  return error === 'insufficient_scope'
    ? errorResponse(403, error, message, headers)
    : errorResponse(401, 'unauthorized', message, headers)
}
