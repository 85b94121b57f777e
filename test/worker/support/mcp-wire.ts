// The endpoint as a client reaches it: an in-process fetch to the real route, with a played tool context.
import { Hono } from 'hono'
import { createMcpRoutes } from '../../../src/mcp/endpoint.ts'
import { createPlanRoutes } from '../../../src/mcp/plan-routes.ts'
import type { Played } from './mcp-fakes.ts'
import { CANARIES } from '../setup/options.ts'

export const BASE_URL = 'https://runtime.test'
export const BEARER = `Bearer ${CANARIES.OWNER_TOKEN}`

export interface Door {
  fetch: (input: string | URL | Request, init?: RequestInit) => Promise<Response>
}

/** `changes` overrides settings; a value of undefined unsets one. */
export function openDoor(env: Env, played: Played, changes: Record<string, string | undefined> = {}): Door {
  const app = new Hono<{ Bindings: Env }>()
    .route(
      '/',
      createMcpRoutes((_env, { scopes }) => ({ ...played.context, scopes })),
    )
    .route(
      '/',
      createPlanRoutes((_env, { scopes }) => ({ ...played.context, scopes })),
    )
  const bindings: Env = Object.assign(Object.create(null), { ...env }, changes)
  return {
    fetch: async (input, init) => {
      const request = new Request(input, init)
      const headers = new Headers(request.headers)
      // Cloudflare always sets it; an in-process request has none.
      if (!headers.has('host')) headers.set('host', new URL(request.url).host)
      return app.fetch(new Request(request, { headers }), bindings)
    },
  }
}

export const JSON_HEADERS = {
  authorization: BEARER,
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
}
