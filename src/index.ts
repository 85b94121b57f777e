// The product's routes, and the Durable Objects behind them. /vm and /webhooks come first: their bodies are taken unread.
import { Hono } from 'hono'
import { routePath } from 'hono/route'
import { dashboardRoutes } from './dashboard/routes.ts'
import { gatewayRoutes } from './gateway/routes.ts'
import { errorResponse, toErrorResponse } from './lib/http.ts'
import { log } from './lib/log.ts'
import { mcpRoutes } from './mcp/endpoint.ts'
import { planRoutes } from './mcp/plan-routes.ts'
import { webhookRoutes } from './webhook/github.ts'

export { Account } from './account/account.ts'
export { Workspace } from './workspace/workspace.ts'

const app = new Hono<{ Bindings: Env }>()
// Writes one log line per request; the gateway writes its own, which says more. It logs the pattern: a path may hold anything.
app.use(async (c, next) => {
  const startedAtMs = Date.now()
  await next()
  if (c.req.path.startsWith('/vm/')) return
  const { status } = c.res
  log('request', {
    method: c.req.method,
    route: routePath(c, -1),
    status,
    durationMs: Date.now() - startedAtMs,
  })
})
app.route('/vm', gatewayRoutes)
app.route('/webhooks', webhookRoutes)
app.route('/', mcpRoutes)
app.route('/', planRoutes)
app.route('/', dashboardRoutes)
app.notFound(({ req }) => errorResponse(404, 'not_found', `There is nothing at ${req.path}.`))
app.onError((error) => toErrorResponse(error))

export default app
