// The clients connected by OAuth, for the owner's start page: shows what each may do and lets the owner end it.
import type { GrantSummary } from '@cloudflare/workers-oauth-provider'
import { Hono } from 'hono'
import { html } from 'hono/html'
import * as z from 'zod'
import { OWNER_ID, oauthApi, ownerMark } from '../auth/oauth.ts'
import { log } from '../lib/log.ts'
import { readSettings } from '../lib/settings.ts'
import { fieldOf, readForm } from './forms.ts'
import { notice, seeOther } from './page.ts'
import type { Html } from './page.ts'
import { findSession, isOwnForm } from './session-cookie.ts'
import type { Session } from './session-cookie.ts'

/** The most clients that are listed, because each costs a read of KV. */
const MOST_CLIENTS = 100

const Metadata = z.object({
  owner: z.string(),
  name: z.string(),
  domain: z.string().nullable(),
  redirectHost: z.string(),
})

export interface ConnectedClient extends Omit<z.infer<typeof Metadata>, 'owner'> {
  grantId: string
  scopes: string[]
  sinceMs: number
}

/** Returns the clients, newest first. Grants of an older OWNER_TOKEN no longer work and are deleted here. */
export async function connectedClients(env: Env): Promise<ConnectedClient[]> {
  const oauth = oauthApi(env)
  if (oauth === null) return []
  const mark = await ownerMark(readSettings({ ...env }).settings.ownerToken)
  const { items } = await oauth.listUserGrants(OWNER_ID, { limit: MOST_CLIENTS })
  const clients: ConnectedClient[] = []
  for (const grant of items) {
    const client = toClient(grant, mark)
    if (client === null) await oauth.revokeGrant(grant.id, OWNER_ID)
    else clients.push(client)
  }
  return clients.toSorted((a, b) => b.sinceMs - a.sinceMs)
}

function toClient({ id, scope, createdAt, metadata }: GrantSummary, mark: string): ConnectedClient | null {
  const parsed = Metadata.safeParse(metadata)
  if (!parsed.success || parsed.data.owner !== mark) return null
  const { name, domain, redirectHost } = parsed.data
  return { grantId: id, scopes: scope, sinceMs: createdAt * 1_000, name, domain, redirectHost }
}

export const clientRoutes = new Hono<{ Bindings: Env }>().post('/clients/end', async ({ env, req }) => {
  const [session, form] = [await findSession(req.raw, env), await readForm(req.raw)]
  if (form instanceof Response) return form
  if (session === null) return seeOther('/login')
  const grantId = fieldOf(form, 'grant')
  if (!isOwnForm(session, form) || !/^[A-Za-z0-9_-]+$/.test(grantId))
    return notice('This form is not ours', 'Nothing was done. Open the start page and try again.', 403)
  await oauthApi(env)?.revokeGrant(grantId, OWNER_ID)
  log('oauth.ended', { by: 'owner' })
  return seeOther('/')
})

export function clientList(clients: ConnectedClient[], { formToken }: Session): Html {
  if (clients.length === 0)
    return html`<p class="soft">None by OAuth. Clients that send the owner token itself are not listed.</p>`
  return html`<ul class="list">
    ${clients.map(
      ({ grantId, name, domain, redirectHost, scopes, sinceMs }) =>
        html`<li>
          <div>
            <strong>${name}</strong><br />
            <span class="soft small"
              >${domain ?? redirectHost} · ${scopes.includes('write') ? 'sees and acts' : 'sees only'} · since
              ${new Date(sinceMs).toISOString().slice(0, 10)}</span
            >
          </div>
          <form method="post" action="/clients/end">
            <input type="hidden" name="form_token" value="${formToken}" />
            <input type="hidden" name="grant" value="${grantId}" />
            <button class="plain" aria-label="End ${name}">End</button>
          </form>
        </li>`,
    )}
  </ul>`
}
