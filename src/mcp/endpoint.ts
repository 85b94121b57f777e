// POST /mcp, or /mcp/: the owner's bearer, then a fresh server for this request. Spec 2026-07-28 and the 2025 versions on one URL.
// A client that goes away ends its own request only; plans live in the workspace object.
// oxlint-disable-next-line no-restricted-imports -- a package that has /mcp/ in its name, not a door of ours
import { createMcpHandler } from 'agents/mcp/server'
import { Hono } from 'hono'
import { findCaller, insufficientScope } from '../auth/owner.ts'
import type { Caller } from '../auth/owner.ts'
import { holds } from '../auth/scopes.ts'
import { readCapped } from '../lib/http.ts'
import { errorFields, log } from '../lib/log.ts'
import { readSettings } from '../lib/settings.ts'
import type { Settings } from '../lib/settings.ts'
import { createToolContext } from './kit/context.ts'
import type { ToolContext } from './kit/context.ts'
import { acceptingBoth, asJson, wantsJson, withArguments } from './lenient-http.ts'
import { demandOf } from './needed-scope.ts'
import { createServer } from './server.ts'

/** A plan of 100,000 units is at most 600 KB of JSON, with each unit escaped. */
export const MAX_REQUEST_BYTES = 1_000_000
const LOOPBACK_NAMES = ['127.0.0.1', 'localhost', '[::1]']

/** Tests pass a context of their own. */
export function createMcpRoutes(
  createContext: (env: Env, caller: Caller) => ToolContext = createToolContext,
) {
  const app = new Hono<{ Bindings: Env }>()
  app.on('ALL', ['/mcp', '/mcp/'], async ({ env, req }) => {
    const caller = await findCaller(req.raw.headers, env)
    if (caller instanceof Response) return caller
    const body = await readCapped(req.raw.body, MAX_REQUEST_BYTES)
    if (body === null) return tooLarge()
    const demand = demandOf(body)
    if (!holds(caller.scopes, demand.scope)) return insufficientScope(env, demand.scope, demand.what)
    const names = hostnames(readSettings({ ...env }).settings)
    const handler = createMcpHandler(() => createServer(createContext(env, caller)), {
      corsOptions: false,
      // Without PUBLIC_URL the host cannot be checked; /mcp stays up so that a tool call can say so.
      ...(names.length === 0 ? {} : { allowedHostnames: names, allowedOriginHostnames: names }),
      onerror: (error) => log('mcp.error', errorFields(error)),
    })
    const answersJson = req.method === 'POST' && wantsJson(req.raw.headers)
    const headers = answersJson ? acceptingBoth(req.raw.headers) : req.raw.headers
    const response = await handler.fetch(rebuilt(req.raw, headers, withArguments(body)))
    return answersJson ? asJson(response) : response
  })
  return app
}

/**
 * Returns the request for /mcp with these headers and the body that was read. The SDK handler answers at exactly this path, and its
 * own limit of a body does not reach its 2025 code path (agents 0.32).
 */
function rebuilt(request: Request, headers: Headers, body: Uint8Array<ArrayBuffer>): Request {
  const { signal, method } = request
  const url = new URL('/mcp', request.url)
  // oxlint-disable-next-line unicorn/no-invalid-fetch-options -- a request that came with a body has a method that allows one
  return new Request(url, { method, headers, signal, ...(request.body === null ? {} : { body }) })
}

function tooLarge(): Response {
  const message = `The request is longer than ${MAX_REQUEST_BYTES} bytes.`
  return Response.json({ jsonrpc: '2.0', id: null, error: { code: -32_600, message } }, { status: 413 })
}

function hostnames({ publicUrl, vmUrl, local }: Settings): string[] {
  const own = [publicUrl, vmUrl].filter((url) => URL.canParse(url)).map((url) => new URL(url).hostname)
  return [...new Set([...own, ...(local ? LOOPBACK_NAMES : [])])]
}

export const mcpRoutes = createMcpRoutes()
