// GET /healthz and GET /: what anyone may know, and more for the owner. Settings are named, their values never shown.
import { Hono } from 'hono'
import { gitCredentialProblems } from '../auth/git-credentials.ts'
import { isOwner } from '../auth/owner.ts'
import { errorFields, log } from '../lib/log.ts'
import { readSettings } from '../lib/settings.ts'
import { VERSION } from '../lib/version.ts'
import { connectedClients } from './clients.ts'
import { askEachWorkspace } from './each-workspace.ts'
import { findSession } from './session-cookie.ts'
import { statusPage } from './status-page.ts'

export const statusRoutes = new Hono<{ Bindings: Env }>()
  .get('/healthz', async ({ env, req }) => {
    const { settings, problems: missing } = readSettings({ ...env })
    const problems = [
      ...missing,
      ...gitCredentialProblems(settings.gitCredentials, settings),
      ...((await isOwner(req.raw.headers, env)) ? await standstill(env) : []),
    ]
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

/** For a monitor with the owner token only: it asks D1 and every workspace, which a public route must not do. */
async function standstill(env: Env): Promise<string[]> {
  try {
    const found = await askEachWorkspace(env, 'stuck', (name, error) => {
      log('health.error', { workspace: name, ...errorFields(error) })
      return [{ check: name, ok: false, detail: 'It could not be looked at.' }]
    })
    if (found.length === 0) return []
    return [
      `${found.length} ${found.length === 1 ? 'thing stands' : 'things stand'} still: npm run doctor names each with its cure.`,
    ]
  } catch (error) {
    log('health.error', errorFields(error))
    return ['D1 does not answer, so it cannot be told whether anything stands still: npm run doctor.']
  }
}
