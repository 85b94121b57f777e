// /authorize: a client sends its user here; the owner signs in, sees which client asks for what, and allows or denies. A client
// is looked up only after sign-in, because its metadata is fetched from an address that a stranger may choose.
import {
  AuthorizationError,
  authorizationErrorRedirect,
  CimdFetchError,
} from '@cloudflare/workers-oauth-provider'
import type { AuthRequest, ConsentDescription } from '@cloudflare/workers-oauth-provider'
import { Hono } from 'hono'
import { html } from 'hono/html'
import { AUTHORIZE_PATH, OWNER_ID, oauthApi, ownerMark } from '../auth/oauth.ts'
import { SIGN_IN_UNAVAILABLE } from '../auth/patient-kv.ts'
import { knownScopes, SCOPES } from '../auth/scopes.ts'
import { isRuntimeError } from '../lib/errors.ts'
import { errorFields, log } from '../lib/log.ts'
import { readSettings } from '../lib/settings.ts'
import { cleanLine } from '../lib/text.ts'
import { consentPage } from './consent-page.ts'
import { fieldOf, readForm } from './forms.ts'
import { notice, page, seeOther } from './page.ts'
import { findSession } from './session-cookie.ts'

export const authorizeRoutes = new Hono<{ Bindings: Env }>()
  .get(AUTHORIZE_PATH, async ({ env, req }) => {
    const oauth = oauthApi(env)
    if (oauth === null) return notConfigured()
    const session = await findSession(req.raw, env)
    const { pathname, search } = new URL(req.url)
    if (session === null) return seeOther(`/login?next=${encodeURIComponent(pathname + search)}`)
    try {
      const request = await oauth.parseAuthRequest(req.raw)
      // The provider requires PKCE of public clients only; OAuth 2.1 requires it of all.
      if (!request.codeChallenge)
        return leave(
          authorizationErrorRedirect(request, 'invalid_request', 'PKCE with S256 is required.'),
          request,
        )
      const details = await oauth.describeConsent(request)
      const { handle, headers } = await oauth.beginConsent(request)
      return await consentPage({ details, handle, headers, scopes: offered(request) })
    } catch (error) {
      return refusal(error)
    }
  })
  .post(AUTHORIZE_PATH, async ({ env, req }) => {
    const oauth = oauthApi(env)
    if (oauth === null) return notConfigured()
    const [session, form] = [await findSession(req.raw, env), await readForm(req.raw)]
    if (form instanceof Response) return form
    if (session === null)
      return notice('You are not signed in any more', 'Start again from the client that asked.', 401)
    const handle = fieldOf(form, 'handle')
    try {
      if (form.get('decision') !== 'allow') {
        const denied = await oauth.denyConsent(req.raw, handle, { description: 'The owner denied it.' })
        log('oauth.consent', { outcome: 'denied' })
        return await leave(denied.redirectTo, denied.request, denied.headers)
      }
      const scope = form.getAll('scope').includes('write') ? [...SCOPES] : ['read']
      const { request, headers } = await oauth.approveConsent(req.raw, handle, { scope })
      const details = await oauth.describeConsent(request)
      const { redirectTo } = await oauth.completeAuthorization({
        request,
        userId: OWNER_ID,
        scope: request.scope,
        ...(await grantOf(details, env)),
        // Programs on two machines can share one metadata document: connecting the second must not end the first.
        revokeExistingGrants: details.clientDomain === undefined || !details.redirectIsLoopback,
      })
      log('oauth.consent', { outcome: 'allowed', scope: scope.join(' ') })
      return await leave(redirectTo, request, headers)
    } catch (error) {
      return refusal(error)
    }
  })

/** Returns the scopes the client asked for, as far as they are ours; all of ours when it named none. The owner decides anyway. */
function offered({ scope }: AuthRequest): string[] {
  const known = knownScopes(scope)
  return known.includes('write') || known.length === 0 ? [...SCOPES] : ['read']
}

/** metadata is for the list of connected clients and is not encrypted; props are. */
async function grantOf(details: ConsentDescription, env: Env) {
  const owner = await ownerMark(readSettings({ ...env }).settings.ownerToken)
  const metadata = {
    owner,
    name: cleanLine(details.clientName, 80),
    domain: details.clientDomain ?? null,
    redirectHost: cleanLine(details.redirectHost, 100),
  }
  return { metadata, props: { owner } }
}

/** Sends the browser back to the client, by a page instead of a redirect: see PageInput.goTo. */
function leave(redirectTo: string, { redirectUri }: AuthRequest, from = new Headers()): Promise<Response> {
  const headers = new Headers()
  for (const value of from.getSetCookie()) headers.append('set-cookie', value)
  return page({
    title: 'Back to the client',
    headers,
    goTo: redirectTo,
    body: html`<h1>Back to the client…</h1>
      <p class="soft">
        You are taken to ${cleanLine(new URL(redirectUri).host, 100)}. You can close this page afterwards.
      </p>
      <p><a id="continue" href="${redirectTo}">Continue</a></p>`,
  })
}

/** Sends the error back to the client when its address was validated; otherwise shows a page of ours and never redirects. */
function refusal(error: unknown): Promise<Response> {
  if (error instanceof AuthorizationError) {
    log('oauth.refused', { code: error.code, category: 'authorize' })
    if (error.redirectTo !== undefined && error.redirectUri !== undefined)
      return leave(error.redirectTo, { ...NO_REQUEST, redirectUri: error.redirectUri })
    return notice('This request cannot be answered', `${error.description} Start again from the client.`, 400)
  }
  if (error instanceof CimdFetchError) {
    log('oauth.refused', { code: 'cimd', category: 'authorize' })
    return notice(
      'This client could not be looked up',
      `Its description at ${cleanLine(error.metadataUrl, 200)} cannot be read or does not fit, so this client is unknown. Try again later, or tell the client's makers.`,
      400,
    )
  }
  if (isRuntimeError(error) && error.code === SIGN_IN_UNAVAILABLE) {
    log('oauth.unavailable', errorFields(error))
    return notice(
      'Signing in does not work at the moment',
      `${error.message} Then start again from the client.`,
      503,
    )
  }
  throw error
}

const NO_REQUEST = { responseType: 'code', clientId: '', scope: [], state: '' }

function notConfigured(): Promise<Response> {
  return notice(
    'OAuth is not set up here',
    'It needs PUBLIC_URL, an https address. /healthz lists what is missing.',
    503,
  )
}
