// The start page: says that the Worker is up, whether it is configured, and how to connect. To the owner: its clients.
import { html } from 'hono/html'
import { clientList } from './clients.ts'
import type { ConnectedClient } from './clients.ts'
import { page } from './page.ts'
import type { Html } from './page.ts'
import type { Session } from './session-cookie.ts'

export interface StatusPageInput {
  version: string
  publicUrl: string
  /** How many settings are missing or malformed; /healthz names them. */
  problems: number
  /** null: the owner is not signed in. */
  owner: { session: Session; clients: ConnectedClient[] } | null
}

export function statusPage({ version, publicUrl, problems, owner }: StatusPageInput): Promise<Response> {
  const mcpUrl = `${publicUrl}/mcp`
  return page({
    title: 'Agent Execution Runtime',
    wide: true,
    body: html`<h1>Hand over a plan, close the laptop, come back to a branch.</h1>
      <dl>
        <div>
          <dt>State</dt>
          <dd>
            ${problems === 0 ? 'running and configured' : html`running; see <a href="/healthz">/healthz</a> for what its settings lack (${problems})`}
          </dd>
        </div>
        <div>
          <dt>Version</dt>
          <dd>${version}</dd>
        </div>
        <div>
          <dt>MCP server</dt>
          <dd><code>${mcpUrl}</code></dd>
        </div>
        <div>
          <dt>Claude Code</dt>
          <dd>
            <code>claude mcp add --transport http runtime ${mcpUrl}</code>
          </dd>
        </div>
      </dl>
      ${owner === null ? signedOut() : signedIn(owner.session, owner.clients)}`,
  })
}

function signedOut(): Html {
  return html`<p class="soft">
    Only the owner may use it: a client signs in by OAuth when it connects, or sends the owner token that
    <code>npm run deploy</code> printed. <a href="/login">Sign in</a> to see who is connected.
  </p>`
}

function signedIn(session: Session, clients: ConnectedClient[]): Html {
  return html`<h2>Connected clients</h2>
    ${clientList(clients, session)}
    <h2>Another device</h2>
    <p class="soft">A pairing code signs it in without the owner token: for phones.</p>
    <form method="post" action="/pairing">
      <input type="hidden" name="form_token" value="${session.formToken}" />
      <button class="plain">Make a pairing code</button>
    </form>
    <form class="foot" method="post" action="/logout">
      <span class="soft small">You are signed in as the owner.</span>
      <input type="hidden" name="form_token" value="${session.formToken}" />
      <button class="plain">Sign out</button>
    </form>`
}
