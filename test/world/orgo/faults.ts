// Logs every request to the stand-in and makes requests fail as the real service and the network do. The control routes set
// the faults.

import type { HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { Context, MiddlewareHandler } from 'hono'
import { z } from 'zod'

const MAX_CALLS = 5000
const MAX_COMMAND_CHARS = 200

export const faultSchema = z.object({
  /** path is a regular expression for the whole path, command one for a bash call's command. */
  match: z.object({ method: z.string(), path: z.string(), command: z.string() }).partial().default({}),
  action: z.union([
    z.object({
      status: z.number().int().min(200).max(599),
      body: z.unknown().optional(),
      headers: z.record(z.string(), z.string()).optional(),
    }),
    z.object({ delay_ms: z.number().min(0) }),
    z.object({ hang: z.literal(true) }),
    /** The request is executed, then the connection is cut. */
    z.object({ lose_answer: z.literal(true) }),
    /** The connection is cut before anything is executed. */
    z.object({ drop: z.literal(true) }),
    z.object({ html: z.literal(true) }),
  ]),
  times: z.number().int().positive().default(1),
})
export type Fault = z.infer<typeof faultSchema>

/** Status 0 means that the caller got no answer. */
type Call = { at: string; method: string; path: string; status: number; ms: number; command?: string }

export type OrgoEnv = { Bindings: HttpBindings }

export type Faults = ReturnType<typeof createFaults>

export function createFaults() {
  const faults: Fault[] = []
  const calls: Call[] = []

  function take(method: string, path: string, command: string | undefined): Fault['action'] | undefined {
    const index = faults.findIndex(({ match }) => {
      if (match.method !== undefined && match.method.toUpperCase() !== method) return false
      if (match.path !== undefined && !new RegExp(match.path).test(path)) return false
      return match.command === undefined || (command !== undefined && new RegExp(match.command).test(command))
    })
    const fault = faults[index]
    if (fault === undefined) return undefined
    fault.times--
    if (fault.times <= 0) faults.splice(index, 1)
    return fault.action
  }

  const middleware: MiddlewareHandler<OrgoEnv> = async (c, next) => {
    const { method, path } = c.req
    const command = path.endsWith('/bash') ? commandOf(await c.req.text()) : undefined
    const startedMs = Date.now()
    const action = take(method, path, command)
    const status = await apply(c, action, next)
    const shown = command === undefined ? {} : { command: command.slice(0, MAX_COMMAND_CHARS) }
    calls.push({
      at: new Date(startedMs).toISOString(),
      method,
      path,
      status,
      ms: Date.now() - startedMs,
      ...shown,
    })
    if (calls.length > MAX_CALLS) calls.shift()
  }

  return {
    middleware,
    calls,
    /** Errors: throws when a match is no regular expression. */
    add(fault: Fault): void {
      for (const pattern of [fault.match.path, fault.match.command])
        if (pattern !== undefined) RegExp(pattern)
      faults.push(fault)
    },
    clear: () => faults.splice(0),
  }
}

/** Answers the request as the fault says and returns the status the caller saw. */
async function apply(
  c: Context<OrgoEnv>,
  action: Fault['action'] | undefined,
  next: () => Promise<void>,
): Promise<number> {
  if (action !== undefined && 'status' in action) {
    const isText = typeof action.body === 'string'
    const body = isText ? String(action.body) : JSON.stringify(action.body ?? { error: 'injected fault' })
    const type = isText ? 'text/plain' : 'application/json'
    c.res = new Response(body, {
      status: action.status,
      headers: { 'content-type': type, ...action.headers },
    })
    return action.status
  }
  if (action !== undefined && 'html' in action) {
    c.res = new Response('<html><body><h1>502 Bad Gateway</h1></body></html>', {
      status: 502,
      headers: { 'content-type': 'text/html' },
    })
    return 502
  }
  if (action !== undefined && 'drop' in action) return cut(c)
  if (action !== undefined && 'hang' in action) {
    // Wait until the caller gives up or the stand-in closes.
    await new Promise<void>((done) => c.env.outgoing.once('close', () => done()))
    return cut(c)
  }
  if (action !== undefined && 'delay_ms' in action) {
    await new Promise((done) => setTimeout(done, action.delay_ms))
  }
  await next()
  return action !== undefined && 'lose_answer' in action ? cut(c) : c.res.status
}

function cut(c: Context<OrgoEnv>): 0 {
  c.env.incoming.socket.destroy()
  c.res = RESPONSE_ALREADY_SENT
  return 0
}

function commandOf(body: string): string | undefined {
  try {
    return z.object({ command: z.string() }).parse(JSON.parse(body)).command
  } catch {
    return undefined // the route itself refuses such a body
  }
}
