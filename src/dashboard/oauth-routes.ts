// The OAuth routes that clients call by themselves: metadata, registration, tokens and revocation. The provider answers. This
// file adds what it leaves to us: the resource's metadata, caps on bodies, and limits on registrations.
import { Hono } from 'hono'
import { oauthAddresses, oauthServer, REGISTER_PATH, TOKEN_PATH } from '../auth/oauth.ts'
import { withPatientKv } from '../auth/patient-kv.ts'
import { SCOPES } from '../auth/scopes.ts'
import { readCapped } from '../lib/http.ts'
import { errorFields, log } from '../lib/log.ts'
import { readSettings } from '../lib/settings.ts'
import { accountOf, sourceOf } from './session-cookie.ts'

const MAX_BODY_BYTES = 64_000
const HOUR_MS = 60 * 60_000
/** A registration is a row that a stranger can make; a token request can make us fetch the document that it names. */
const LIMITS: Record<string, { per: 'source' | 'all'; most: number; withinMs: number }[]> = {
  [REGISTER_PATH]: [
    { per: 'source', most: 20, withinMs: HOUR_MS },
    { per: 'all', most: 200, withinMs: 24 * HOUR_MS },
  ],
  [TOKEN_PATH]: [{ per: 'source', most: 300, withinMs: HOUR_MS }],
}

export const oauthRoutes = new Hono<{ Bindings: Env }>()
  // Both the resource's path and the root are served, because some clients look only at the root.
  .on(
    ['GET', 'OPTIONS'],
    [
      '/.well-known/oauth-protected-resource',
      '/.well-known/oauth-protected-resource/',
      '/.well-known/oauth-protected-resource/mcp',
      '/.well-known/oauth-protected-resource/mcp/',
    ],
    ({ env }) => {
      const addresses = oauthAddresses(readSettings({ ...env }).settings)
      if (addresses === null) return notConfigured()
      const metadata = {
        resource: addresses.resource,
        authorization_servers: [addresses.issuer],
        // Clients come here to submit plans, so the least useful access is both scopes.
        scopes_supported: SCOPES,
        bearer_methods_supported: ['header'],
        resource_name: 'Agent Execution Runtime',
      }
      // The metadata is public, and clients that run in browsers read it.
      return Response.json(metadata, {
        headers: {
          'access-control-allow-origin': '*',
          'access-control-allow-headers': '*',
          'cache-control': 'public, max-age=300',
        },
      })
    },
  )
  .on(
    ['GET', 'POST', 'OPTIONS'],
    ['/.well-known/oauth-authorization-server', TOKEN_PATH, REGISTER_PATH],
    async ({ env, req, executionCtx }) => {
      const server = oauthServer(readSettings({ ...env }).settings)
      if (server === null) return notConfigured()
      if (req.method === 'POST' && !(await isWithinLimits(req.raw, req.path, env)))
        return refuse(429, 'temporarily_unavailable', 'Too many requests. Try again in an hour.')
      const body = await readCapped(req.raw.body, MAX_BODY_BYTES)
      if (body === null)
        return refuse(413, 'invalid_request', `The body is longer than ${MAX_BODY_BYTES} bytes.`)
      // oxlint-disable-next-line unicorn/no-invalid-fetch-options -- a request that came with a body has a method that allows one
      const request = req.raw.body === null ? req.raw : new Request(req.raw, { body })
      // A cast at a platform seam: Hono's type of the context is older than the runtime's.
      const context = executionCtx as ExecutionContext
      return server.fetch(request, withPatientKv(env), context).catch(unavailable)
    },
  )

async function isWithinLimits(request: Request, path: string, env: Env): Promise<boolean> {
  const nowMs = Date.now()
  for (const { per, most, withinMs } of LIMITS[path] ?? []) {
    const door = per === 'all' ? path : `${path} ${sourceOf(request)}`
    if (await accountOf(env).admit({ door, most, withinMs, nowMs })) continue
    log('oauth.refused', { code: 'too_many', category: path })
    return false
  }
  return true
}

/** Returns an OAuth error with the time after which clients ask again by themselves. */
function unavailable(error: unknown): Response {
  log('oauth.unavailable', errorFields(error))
  const answer = refuse(
    503,
    'temporarily_unavailable',
    'The store of sign-ins does not answer. Try again in a minute.',
  )
  answer.headers.set('retry-after', '30')
  return answer
}

function refuse(status: number, error: string, description: string): Response {
  return Response.json({ error, error_description: description }, { status })
}

function notConfigured(): Response {
  return refuse(503, 'temporarily_unavailable', 'OAuth needs PUBLIC_URL, an https address: see /healthz.')
}
