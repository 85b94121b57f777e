// POST /plans and GET /plans/{id}: plan_submit and plan_status without MCP, for scripts, cron and phone shortcuts. They take the
// same bearer and arguments and give the same answers and refusals, because they are the same tools. GET /plans/{id}/export
// returns the plan's record as one file, to any caller who may see the plan.
import { Hono } from 'hono'
import { findCaller, insufficientScope } from '../auth/owner.ts'
import type { Caller } from '../auth/owner.ts'
import { holds } from '../auth/scopes.ts'
import { UserError } from '../lib/errors.ts'
import { readCapped, toErrorResponse } from '../lib/http.ts'
import { log } from '../lib/log.ts'
import { cleanLine } from '../lib/text.ts'
import { createToolContext } from './kit/context.ts'
import type { ToolContext } from './kit/context.ts'
import { MAX_REQUEST_BYTES } from './endpoint.ts'
import { runTool } from './kit/run-tool.ts'
import { planStatus } from './tools/plan-status.ts'
import { planSubmit } from './tools/plan-submit.ts'
import { scopeOf } from './kit/define-tool.ts'
import type { Tool } from './kit/define-tool.ts'
import { parseJson } from '../shared/json.ts'

export function createPlanRoutes(
  createContext: (env: Env, caller: Caller) => ToolContext = createToolContext,
) {
  const app = new Hono<{ Bindings: Env; Variables: { caller: Caller } }>()
  app.use('/plans/*', async ({ env, req, set }, next) => {
    const caller = await findCaller(req.raw.headers, env)
    if (caller instanceof Response) return caller
    const tool = req.method === 'POST' ? planSubmit : planStatus
    if (!holds(caller.scopes, scopeOf(tool)))
      return insufficientScope(env, scopeOf(tool), `${req.method} ${req.path}`)
    set('caller', caller)
    await next()
    return undefined
  })
  app.onError((error) => toErrorResponse(error))

  app.post('/plans', async ({ env, req, var: { caller } }) => {
    const context = createContext(env, caller)
    const { structured } = await run(planSubmit, await readJson(req.raw), context, req.raw)
    return Response.json(structured, { status: 'deduplicated' in structured ? 200 : 201 })
  })

  app.get('/plans/:id', async ({ env, req, var: { caller } }) => {
    const args = { ...numbers(req.query()), plan_id: req.param('id') }
    const { structured } = await run(planStatus, args, createContext(env, caller), req.raw)
    return Response.json(structured, { headers: { 'cache-control': 'no-store' } })
  })

  app.get('/plans/:id/export', async ({ env, req, var: { caller } }) => {
    const [unknown] = Object.keys(req.query())
    if (unknown !== undefined)
      throw new UserError(
        `An export takes no "${cleanLine(unknown, 60)}": leave the query out to get the whole record.`,
      )
    const id = req.param('id').toLowerCase()
    const body = await createContext(env, caller).workspaceOfPlan(id).planExport(id)
    log('plan.export', { plan: id })
    return new Response(body, {
      headers: {
        'content-type': 'application/json; charset=utf-8',
        'content-disposition': `attachment; filename="plan-${id}.json"`,
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
      },
    })
  })
  return app
}

const run = (tool: Tool, args: unknown, context: ToolContext, { signal }: Request) =>
  runTool({ tool, args, context, call: { signal }, door: 'http' })

async function readJson(request: Request): Promise<unknown> {
  const bytes = await readCapped(request.body, MAX_REQUEST_BYTES)
  if (bytes === null)
    throw new UserError(`The body is longer than ${MAX_REQUEST_BYTES} bytes.`, 'too_large', 413)
  // Bytes that are not UTF-8 would be changed silently; a plan is kept byte for byte or refused.
  const body = parseJson(bytes)
  if (body === undefined)
    throw new UserError(
      'The body is not JSON. Send the arguments of plan_submit as one JSON object: {"workspace_id": "...", "plan": "..."}.',
    )
  return body
}

/** wait_seconds, after and limit come as text in a query. Anything that is not a number stays text and is refused by name. */
function numbers(query: Record<string, string>): Record<string, string | number> {
  return Object.fromEntries(
    Object.entries(query).map(([name, value]) => [
      name,
      /^\d{1,9}(\.\d{1,3})?$/.test(value) ? Number(value) : value,
    ]),
  )
}

export const planRoutes = createPlanRoutes()
