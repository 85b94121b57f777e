// /vm/*: what a VM may call. The token's signature is checked here, before any object is touched. Each route names the kinds of
// token it is for, and the object decides whether the right still holds. One log line is written per request.
import { Hono } from 'hono'
import { verifyVmToken } from '../auth/vm-token.ts'
import { SettingsError } from '../lib/errors.ts'
import { bearerToken, toErrorResponse } from '../lib/http.ts'
import { log } from '../lib/log.ts'
import type { LogFields } from '../lib/log.ts'
import { readSettings } from '../lib/settings.ts'
import { answer, jsonError, modelError } from './frame/answers.ts'
import { workspaceStub } from './frame/context.ts'
import type { GatewayContext, Handled } from './frame/context.ts'
import { handleDelivery } from './delivery.ts'
import { tokenDenial } from './frame/denials.ts'
import { handleDiff } from './diff.ts'
import { route } from './frame/route.ts'
import type { Area, Route } from './frame/route.ts'
import { gitRoute } from './git/git-routes.ts'
import { lfsRefusal } from './git/lfs.ts'
import { handleModel } from './model/model-routes.ts'
import { handleKey, handleSync } from './sync.ts'

const onlyFor = (message: string) => () => jsonError(403, 'wrong_token', message)
const deliver = (file: 'bootstrap.sh' | 'ralph.mjs'): Route =>
  route({
    area: 'delivery',
    who: ['ticket', 'vm'],
    wrongToken: onlyFor('A plan token opens the git and model gateways only.'),
    handle: (...all) => handleDelivery(file, ...all),
  })

const MODEL = route({
  area: 'model',
  who: ['plan'],
  wrongToken: () =>
    modelError({ status: 403, type: 'permission_error', message: 'Only a plan token opens the model.' }),
  handle: handleModel,
})

const ROUTES: Readonly<Record<string, Route>> = {
  'POST /vm/sync': route({
    area: 'sync',
    who: ['vm'],
    wrongToken: onlyFor('Only a VM key opens this route.'),
    handle: handleSync,
  }),
  'POST /vm/diff': route({
    area: 'diff',
    who: ['plan'],
    wrongToken: onlyFor('Only a plan token opens this route.'),
    handle: handleDiff,
  }),
  'POST /vm/key': route({
    area: 'sync',
    who: ['ticket'],
    wrongToken: onlyFor('Only a bootstrap ticket is exchanged for a key.'),
    handle: handleKey,
  }),
  'GET /vm/bootstrap.sh': deliver('bootstrap.sh'),
  'GET /vm/ralph.mjs': deliver('ralph.mjs'),
}

function routeOf(method: string, url: URL): Route | null {
  if (url.pathname.startsWith('/vm/git/')) return gitRoute(method, url)
  if (url.pathname.startsWith('/vm/model/')) return MODEL
  return ROUTES[`${method} ${url.pathname}`] ?? null
}

export const gatewayRoutes = new Hono<{ Bindings: Env }>().all('*', async (c) => {
  const work = serve(
    c.req.raw,
    createContext(c.env, (promise) => c.executionCtx.waitUntil(promise)),
  )
  // The whole request is kept alive, so that a client that hangs up does not prevent a push or a model call from being settled.
  c.executionCtx.waitUntil(work)
  return work
})

export function createContext(env: Env, waitUntil: (work: Promise<unknown>) => void): GatewayContext {
  return {
    settings: readSettings({ ...env }).settings,
    workspace: (name) => workspaceStub(env, name),
    fetch: (url, init) => fetch(url, init),
    asset: (name) => env.ASSETS.fetch(`https://assets.invalid/${name}`),
    waitUntil,
    nowMs: () => Date.now(),
  }
}

/** Answers one request and logs it once, when its stream has ended. */
export async function serve(request: Request, context: GatewayContext): Promise<Response> {
  const startMs = context.nowMs()
  const asked = routeOf(request.method, new URL(request.url))
  if (asked === null) return jsonError(404, 'not_found', 'There is no such route.')
  const fields: LogFields = { method: request.method }
  const handled = await authenticated(asked, request, context, fields).catch((error: unknown): Handled => ({
    response: toErrorResponse(error),
    outcome: 'error',
  }))
  const write = (more: LogFields) =>
    log(`gateway.${asked.area}`, {
      ...fields,
      status: handled.response.status,
      outcome: handled.outcome,
      ...more,
      durationMs: context.nowMs() - startMs,
    })
  if (handled.done === undefined) write({})
  else context.waitUntil(handled.done.then(write))
  return handled.response
}

async function authenticated(
  { area, handle }: Route,
  request: Request,
  context: GatewayContext,
  fields: LogFields,
): Promise<Handled> {
  if (isNavigation(request.headers))
    return { response: jsonError(403, 'no_browsers', 'This is not for browsers.'), outcome: 'browser' }
  const { tokenKey } = context.settings
  if (tokenKey === '') throw new SettingsError('TOKEN_KEY is not set: `npm run deploy` makes it.')
  const token = tokenOf(area, request.headers)
  const claims = token === null ? 'missing' : await verifyVmToken(tokenKey, token, context.nowMs())
  if (typeof claims === 'string') return { response: refuseToken(area, claims, request), outcome: claims }
  fields.workspace = claims.workspace
  if (claims.kind === 'plan') Object.assign(fields, { plan: claims.plan, attempt: claims.attempt })
  return handle(request, claims, context)
}

/** True for a page navigation. A page that lured a browser here gets nothing it could show or run. */
function isNavigation(headers: Headers): boolean {
  return headers.get('sec-fetch-mode') === 'navigate' || headers.get('sec-fetch-dest') === 'document'
}

/**
 * Returns the request's token. It comes as Bearer; git sends Basic with the token as password, older model SDKs send x-api-key.
 */
function tokenOf(area: Area, headers: Headers): string | null {
  const bearer = bearerToken(headers)
  if (bearer !== null) return bearer
  if (area === 'model') return headers.get('x-api-key')
  const basic = /^Basic +([A-Za-z0-9+/=]{1,2000})$/i.exec(headers.get('authorization') ?? '')?.[1]
  if (area !== 'git' || basic === undefined) return null
  try {
    const decoded = atob(basic)
    return decoded.slice(decoded.indexOf(':') + 1)
  } catch {
    return null // not base64: no token
  }
}

function refuseToken(area: Area, problem: Parameters<typeof tokenDenial>[0], request: Request): Response {
  const { status, type, message } = tokenDenial(problem)
  if (area === 'model') return modelError({ status, type, message, headers: { 'x-should-retry': 'false' } })
  if (area !== 'git') return jsonError(status, type, message)
  if (new URL(request.url).pathname.includes('.git/info/lfs/'))
    return lfsRefusal(status, type, `${message} (code ${type})`).response
  // Git sends its credential only after a challenge and cannot replay a chunked POST, so only a GET without token is.
  const challenge = request.method === 'GET' && problem === 'missing'
  return answer(
    status,
    'text/plain; charset=utf-8',
    `${message} (code ${type})\n`,
    challenge ? { 'www-authenticate': 'Basic realm="runtime", charset="UTF-8"' } : {},
  )
}
