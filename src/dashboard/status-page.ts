// The one page until there is a dashboard: that the Worker is up, whether it is configured, and how to connect. No script.
import { html } from 'hono/html'

export interface StatusPageInput {
  version: string
  publicUrl: string
  /** How many settings are missing or malformed; /healthz names them. */
  problems: number
}

/** The whole <style>; the page's CSP allows it by its hash. */
export const STATUS_STYLE = `
:root { color-scheme: light dark; --line: light-dark(#d9dce1, #33373e); --soft: light-dark(#5b626d, #a0a7b3); }
body { font: 16px/1.55 system-ui, sans-serif; max-width: 40rem; margin: 12vh auto 4rem; padding: 0 1.25rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .25rem; }
p { margin: .75rem 0; }
.soft { color: var(--soft); }
dl { border-top: 1px solid var(--line); margin: 2rem 0; }
dl div { display: flex; flex-wrap: wrap; gap: .25rem 1.5rem; padding: .75rem 0; border-bottom: 1px solid var(--line); }
dt { flex: 0 0 8rem; color: var(--soft); }
dd { margin: 0; flex: 1 1 16rem; overflow-wrap: anywhere; }
code { font: .9em/1.5 ui-monospace, monospace; }
`

export async function statusPage({ version, publicUrl, problems }: StatusPageInput): Promise<string> {
  const mcpUrl = `${publicUrl}/mcp`
  // The style goes in raw: it is ours, and its hash is of these very bytes.
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>Agent Execution Runtime</title>
        __STYLE__
      </head>
      <body>
        <main>
          <h1>Agent Execution Runtime</h1>
          <p class="soft">Hand a plan to any LLM, close the laptop, come back to a branch.</p>
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
                <code
                  >claude mcp add --transport http runtime ${mcpUrl} --header "Authorization: Bearer
                  $OWNER_TOKEN"</code
                >
              </dd>
            </div>
          </dl>
          <p class="soft">Only the owner may call it: <code>npm run deploy</code> printed the owner token.</p>
        </main>
      </body>
    </html> `
  return String(await page).replace('__STYLE__', () => `<style>${STATUS_STYLE}</style>`)
}
