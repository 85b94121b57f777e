// All routes for browsers and OAuth clients.
import { Hono } from 'hono'
import { authorizeRoutes } from './authorize.ts'
import { clientRoutes } from './clients.ts'
import { doctorRoutes } from './doctor.ts'
import { statusRoutes } from './health.ts'
import { loginRoutes } from './login.ts'
import { oauthRoutes } from './oauth-routes.ts'
import { ownHostOnly } from './own-host.ts'

export const dashboardRoutes = new Hono<{ Bindings: Env }>()
  .route('/', statusRoutes)
  .route('/', doctorRoutes)
  .use('/.well-known/*', ownHostOnly)
  .use('/oauth/*', ownHostOnly)
  .use('/authorize', ownHostOnly)
  .use('/login', ownHostOnly)
  .use('/logout', ownHostOnly)
  .use('/pairing', ownHostOnly)
  .use('/clients/*', ownHostOnly)
  .route('/', oauthRoutes)
  .route('/', authorizeRoutes)
  .route('/', loginRoutes)
  .route('/', clientRoutes)
