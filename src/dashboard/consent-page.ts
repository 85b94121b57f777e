// The consent page: shows which client asks, where the answer goes and what it asks for. The client's words are cleaned and
// escaped.
import type { ConsentDescription } from '@cloudflare/workers-oauth-provider'
import { html } from 'hono/html'
import { AUTHORIZE_PATH } from '../auth/oauth.ts'
import { cleanLine } from '../lib/text.ts'
import { page } from './page.ts'

export interface ConsentPageInput {
  details: ConsentDescription
  /** Ties the form to this browser and request, for ten minutes, once. */
  handle: string
  headers: Headers
  /** The scopes the owner may allow. */
  scopes: string[]
}

export function consentPage({ details, handle, headers, scopes }: ConsentPageInput): Promise<Response> {
  const name = cleanLine(details.clientName, 80)
  const host = cleanLine(details.redirectHost, 100)
  return page({
    title: 'Allow this client?',
    headers,
    // The name has a frame of its own. Inside quotes, a name that contains quotes could continue in our voice.
    body: html`<h1>Allow <span class="name">${name}</span> to use this runtime?</h1>
      <dl>
        ${
          details.clientDomain === undefined
            ? html`<div>
                <dt>Its name</dt>
                <dd>is its own choice: any program can register under it</dd>
              </div>`
            : html`<div>
                <dt>Published by</dt>
                <dd><strong>${cleanLine(details.clientDomain, 100)}</strong></dd>
              </div>`
        }
        <div>
          <dt>Access goes to</dt>
          <dd><strong>${host}</strong></dd>
        </div>
      </dl>
      ${
        details.redirectIsLoopback
          ? html`<p class="note">
              This is a program on the computer you are using. Go on only if you have just started connecting
              it yourself.
            </p>`
          : ''
      }
      <form method="post" action="${AUTHORIZE_PATH}">
        <input type="hidden" name="handle" value="${handle}" />
        <fieldset>
          <label>
            <input type="checkbox" checked disabled />
            <span>
              <strong>See</strong><br />
              <span class="soft">workspaces, plans, their results and branches</span>
            </span>
          </label>
          ${
            scopes.includes('write')
              ? html`<label>
                  <input type="checkbox" name="scope" value="write" checked />
                  <span>
                    <strong>Act</strong><br />
                    <span class="soft"
                      >hand in, steer and cancel plans; add and remove workspaces. This spends your money and
                      pushes branches</span
                    >
                  </span>
                </label>`
              : ''
          }
        </fieldset>
        <p class="soft small">You can end the connection at any time on the start page.</p>
        <div class="actions">
          <button name="decision" value="deny">Deny</button>
          <button class="main" name="decision" value="allow">Allow</button>
        </div>
      </form>`,
  })
}
