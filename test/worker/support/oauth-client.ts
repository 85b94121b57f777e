// A browser and a client of OAuth before the whole Worker, in process: cookies, forms and the two ways to a client id.
import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import * as z from 'zod'
import worker from '../../../src/index.ts'
import { toBase64Url } from '../../../src/lib/crypto.ts'
import { CANARIES } from '../setup/options.ts'

export const ORIGIN = 'https://runtime.test'
export const REDIRECT_URI = 'https://client.test/callback'

export type Changes = Record<string, unknown>

/** One request to the Worker; `changes` overrides settings and bindings. */
export async function ask(path: string, init: RequestInit = {}, changes: Changes = {}): Promise<Response> {
  const context = createExecutionContext()
  const headers = new Headers(init.headers)
  headers.set('host', 'runtime.test')
  const bindings: Env = Object.assign(Object.create(null), { ...env }, changes)
  const url = path.startsWith('https:') ? path : `${ORIGIN}${path}`
  const response = await worker.fetch(
    new Request(url, { redirect: 'manual', ...init, headers }),
    bindings,
    context,
  )
  await waitOnExecutionContext(context)
  return response
}

export interface Browser {
  get: (path: string, headers?: Record<string, string>) => Promise<Response>
  /** Sends a form as a browser on one of our pages does; `headers` overrides what it says about itself. */
  post: (path: string, fields: [string, string][], headers?: Record<string, string>) => Promise<Response>
  signIn: (secret?: string) => Promise<Response>
  cookies: Map<string, string>
}

/** `address`: whom the Worker takes it for. */
export function openBrowser(address: string, changes: Changes = {}): Browser {
  const cookies = new Map<string, string>()
  const request = async (path: string, init: RequestInit): Promise<Response> => {
    const headers = new Headers(init.headers)
    headers.set('cf-connecting-ip', address)
    if (cookies.size > 0)
      headers.set('cookie', [...cookies].map(([name, value]) => `${name}=${value}`).join('; '))
    const response = await ask(path, { ...init, headers }, changes)
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (/max-age=0/i.test(line) || value === '') cookies.delete(name)
      else cookies.set(name, value)
    }
    return response
  }
  const browser: Browser = {
    cookies,
    get: (path, headers = {}) => request(path, { headers }),
    post: (path, fields, headers = { origin: ORIGIN, 'sec-fetch-site': 'same-origin' }) =>
      request(path, {
        method: 'POST',
        body: new URLSearchParams(fields),
        headers,
      }),
    signIn: (secret = CANARIES.OWNER_TOKEN) =>
      browser.post('/login', [
        ['secret', secret],
        ['next', '/'],
      ]),
  }
  return browser
}

/** An input's value on a page. */
export function field(page: string, name: string): string {
  return new RegExp(`name="${name}" value="([^"]*)"`).exec(page)?.[1] ?? ''
}

/** Where a page sends the browser at once. */
export function goesTo(page: string): URL {
  const url = /http-equiv="refresh" content="0;url=([^"]+)"/.exec(page)?.[1] ?? ''
  return new URL(url.replaceAll('&amp;', '&'))
}

export async function register(
  metadata: Record<string, unknown> = {},
  address = '192.0.2.1',
): Promise<string> {
  const response = await ask('/oauth/register', {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'cf-connecting-ip': address },
    body: JSON.stringify({
      client_name: 'Test client',
      redirect_uris: [REDIRECT_URI],
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
      ...metadata,
    }),
  })
  return z.object({ client_id: z.string() }).parse(await response.json()).client_id
}

export const VERIFIER = 'v'.repeat(64)

export async function authorizeUrl(
  clientId: string,
  changes: Record<string, string | null> = {},
): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(VERIFIER))
  const query = {
    response_type: 'code',
    client_id: clientId,
    redirect_uri: REDIRECT_URI,
    state: 'st-1',
    scope: 'read write',
    resource: `${ORIGIN}/mcp`,
    code_challenge: toBase64Url(new Uint8Array(digest)),
    code_challenge_method: 'S256',
    ...changes,
  }
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== null) search.set(name, value)
  return `/authorize?${search.toString()}`
}

/** Through consent, with the scopes ticked; the code. */
export async function consent(
  browser: Browser,
  clientId: string,
  { scopes = ['write'], changes = {} }: { scopes?: string[]; changes?: Record<string, string | null> } = {},
): Promise<string> {
  const page = await (await browser.get(await authorizeUrl(clientId, changes))).text()
  const answer = await browser.post('/authorize', [
    ['handle', field(page, 'handle')],
    ['decision', 'allow'],
    ...scopes.map((scope): [string, string] => ['scope', scope]),
  ])
  return goesTo(await answer.text()).searchParams.get('code') ?? ''
}

export async function token(
  fields: Record<string, string>,
  changes: Changes = {},
): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await ask('/oauth/token', { method: 'POST', body: new URLSearchParams(fields) }, changes)
  const text = await response.text()
  return {
    status: response.status,
    body: text === '' ? {} : z.record(z.string(), z.unknown()).parse(JSON.parse(text)),
  }
}

export interface Tokens {
  access: string
  refresh: string
  scope: string
}

export const Grant = z
  .object({ access_token: z.string(), refresh_token: z.string(), scope: z.string() })
  .transform(({ access_token, refresh_token, scope }): Tokens => ({
    access: access_token,
    refresh: refresh_token,
    scope,
  }))

export const exchange = (clientId: string, code: string, fields: Record<string, string> = {}) =>
  token({
    grant_type: 'authorization_code',
    client_id: clientId,
    code,
    redirect_uri: REDIRECT_URI,
    code_verifier: VERIFIER,
    ...fields,
  })

/** A signed-in browser's consent turned into tokens. */
export async function connect(
  browser: Browser,
  scopes: string[] = ['write'],
): Promise<{ clientId: string; tokens: Tokens }> {
  const clientId = await register()
  const { body } = await exchange(clientId, await consent(browser, clientId, { scopes }))
  return { clientId, tokens: Grant.parse(body) }
}

/** One call of /mcp in either era. */
export function rpc(
  bearer: string,
  method: string,
  params: Record<string, unknown> = {},
  { era = 'legacy', changes = {} }: { era?: 'legacy' | 'modern'; changes?: Changes } = {},
): Promise<Response> {
  const modern = {
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': method,
    ...(typeof params['name'] === 'string' ? { 'mcp-name': params['name'] } : {}),
  }
  const meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': {},
    'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
  }
  return ask(
    '/mcp',
    {
      method: 'POST',
      headers: {
        authorization: `Bearer ${bearer}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...(era === 'modern' ? modern : {}),
      },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method,
        params: era === 'modern' ? { ...params, _meta: meta } : params,
      }),
    },
    changes,
  )
}
