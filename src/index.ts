// The product's routes, and the objects behind them. /vm and /webhooks come first: their bodies stream and are verified untouched.
import { Hono } from 'hono'
import { dashboardRoutes } from './dashboard/routes.ts'
import { gatewayRoutes } from './gateway/routes.ts'
import { toErrorResponse } from './lib/http.ts'
import { mcpRoutes } from './mcp/endpoint.ts'
import { planRoutes } from './mcp/plan-routes.ts'
import { webhookRoutes } from './webhook/github.ts'

export { Account } from './workspace/account.ts'
export { Workspace } from './workspace/workspace.ts'

const app = new Hono<{ Bindings: Env }>()
app.route('/vm', gatewayRoutes)
app.route('/webhooks', webhookRoutes)
app.route('/', mcpRoutes)
app.route('/', planRoutes)
app.route('/', dashboardRoutes)
app.notFound(({ req }) =>
  Response.json(
    { error: { code: 'not_found', message: `There is nothing at ${req.path}.` } },
    { status: 404 },
  ),
)
app.onError((error) => toErrorResponse(error))

export default app
