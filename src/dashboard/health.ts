// GET /healthz and GET /: what may be known without logging in, and more for the owner. Settings are named, their values never shown.
import { Hono } from 'hono'
import { gitCredentialProblems } from '../auth/git-credentials.ts'
import { readSettings } from '../lib/settings.ts'
import { VERSION } from '../lib/version.ts'
import { connectedClients } from './clients.ts'
import { findSession } from './session.ts'
import { statusPage } from './status-page.ts'

export const statusRoutes = new Hono<{ Bindings: Env }>()
  .get('/healthz', ({ env }) => {
    const { settings, problems: missing } = readSettings({ ...env })
    const problems = [...missing, ...gitCredentialProblems(settings.gitCredentials, settings)]
    return Response.json(
      { ok: problems.length === 0, version: VERSION, problems },
      { headers: { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' } },
    )
  })
  .get('/', async ({ env, req }) => {
    const { settings, problems } = readSettings({ ...env })
    const session = await findSession(req.raw, env)
    const owner = session === null ? null : { session, clients: await connectedClients(env) }
    return statusPage({
      version: VERSION,
      publicUrl: settings.publicUrl,
      problems: problems.length,
      owner,
    })
  })
