// The OAuth 2.1 authorization server: @cloudflare/workers-oauth-provider with our settings. It keeps clients, grants and tokens
// in OAUTH_KV, tokens as hashes only. The sign-in and consent pages are ours (dashboard/authorize.ts).
import { OAuthAuthorizationServer, OAuthError } from '@cloudflare/workers-oauth-provider'
import type { OAuthHelpers } from '@cloudflare/workers-oauth-provider'
import * as z from 'zod'
import { bytesEqual, hmacSha256, toHex } from '../lib/crypto.ts'
import { log } from '../lib/log.ts'
import { isLoopbackUrl, readSettings } from '../lib/settings.ts'
import type { Settings } from '../lib/settings.ts'
import { withPatientKv } from './patient-kv.ts'
import { knownScopes, SCOPES } from './scopes.ts'
import type { Scope } from './scopes.ts'

export const AUTHORIZE_PATH = '/authorize'
export const TOKEN_PATH = '/oauth/token'
export const REGISTER_PATH = '/oauth/register'
/** The id of the only user. It is readable inside every token, so it says nothing. */
export const OWNER_ID = 'owner'

const ACCESS_TOKEN_SECONDS = 60 * 60
/** A grant lives while its client comes back within this time. */
const IDLE_GRANT_SECONDS = 30 * 24 * 60 * 60

/** What a grant carries. `owner` ties it to the OWNER_TOKEN that was set when it was given. */
export const GrantProps = z.object({ owner: z.string() })

/** Returns where clients find this server. null: OAuth needs an https PUBLIC_URL, or a loopback one in local mode. */
export function oauthAddresses({ publicUrl, local }: Settings): {
  issuer: string
  resource: string
  resourceMetadata: string
} | null {
  if (!URL.canParse(publicUrl)) return null
  const { origin, protocol } = new URL(publicUrl)
  if (protocol !== 'https:' && !(local && isLoopbackUrl(publicUrl))) return null
  return {
    issuer: origin,
    resource: `${origin}/mcp`,
    resourceMetadata: `${origin}/.well-known/oauth-protected-resource/mcp`,
  }
}

const servers = new Map<string, OAuthAuthorizationServer<Env>>()

/** Returns the server, built once per issuer in this isolate; null in the same cases as oauthAddresses. */
export function oauthServer(settings: Settings): OAuthAuthorizationServer<Env> | null {
  const addresses = oauthAddresses(settings)
  if (addresses === null) return null
  const known = servers.get(addresses.issuer)
  if (known !== undefined) return known
  const server = new OAuthAuthorizationServer<Env>({
    issuer: addresses.issuer,
    resources: [addresses.resource],
    authorizeEndpoint: AUTHORIZE_PATH,
    tokenEndpoint: TOKEN_PATH,
    clientRegistrationEndpoint: REGISTER_PATH,
    clientIdMetadataDocumentEnabled: true,
    scopesSupported: [...SCOPES],
    accessTokenTTL: ACCESS_TOKEN_SECONDS,
    refreshTokenIdleTTL: IDLE_GRANT_SECONDS,
    // A grant given under an older OWNER_TOKEN ends here at the latest; the error revokes it.
    tokenExchangeCallback: async ({ props, env }) => {
      const { ownerToken } = readSettings({ ...env }).settings
      if (!(await isOfOwner(props, ownerToken)))
        throw new OAuthError('invalid_grant', {
          description: 'The owner token was changed since. Connect again.',
        })
    },
    onError: ({ code, status, internal }) =>
      log('oauth.refused', { code, status, category: internal.category, reason: internal.reason }),
  })
  servers.set(addresses.issuer, server)
  return server
}

/** Returns the server's methods for our own pages; null in the same cases. */
export function oauthApi(env: Env): OAuthHelpers | null {
  return oauthServer(readSettings({ ...env }).settings)?.getOAuthApi(withPatientKv(env)) ?? null
}

/**
 * Returns a mark of the OWNER_TOKEN that cannot be turned back into it. While no token is set it is "", which matches nothing.
 */
export async function ownerMark(ownerToken: string): Promise<string> {
  if (ownerToken === '') return ''
  return toHex(await hmacSha256(ownerToken, 'aer: what was given under this owner token')).slice(0, 32)
}

async function isOfOwner(props: unknown, ownerToken: string): Promise<boolean> {
  const [parsed, mark] = [GrantProps.safeParse(props), await ownerMark(ownerToken)]
  const encoder = new TextEncoder()
  return parsed.success && mark !== '' && bytesEqual(encoder.encode(parsed.data.owner), encoder.encode(mark))
}

const TOKEN_SHAPE = new RegExp(`^${OWNER_ID}:[A-Za-z0-9_-]+:[A-Za-z0-9_-]+$`)

/** Returns the client and scopes behind an access token of ours; null for any other, and for one of an older OWNER_TOKEN. */
export async function oauthCaller(
  token: string,
  settings: Settings,
  env: Env,
): Promise<{ clientId: string; scopes: Scope[] } | null> {
  const [server, addresses] = [oauthServer(settings), oauthAddresses(settings)]
  if (server === null || addresses === null || !TOKEN_SHAPE.test(token)) return null
  const found = await server.validateToken(addresses.resource, token, withPatientKv(env))
  if (found === null || !(await isOfOwner(found.props, settings.ownerToken))) return null
  return { clientId: found.clientId, scopes: knownScopes(found.scope) }
}
