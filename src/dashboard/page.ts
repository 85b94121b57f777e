// The frame of every page and its headers: no script, one style by hash, never inside a frame, forms only to ourselves.
import { html } from 'hono/html'
import type { HtmlEscapedString } from 'hono/utils/html'
import { STYLE } from './style.ts'

export type Html = HtmlEscapedString | Promise<HtmlEscapedString>

export interface PageInput {
  title: string
  body: Html
  status?: number
  headers?: Headers
  wide?: boolean
  /** The address to go to at once, without redirecting a form's submission: browsers apply form-action to redirects of forms. */
  goTo?: string
}

export async function page(input: PageInput): Promise<Response> {
  const { title, body, status = 200, headers = new Headers(), wide = false, goTo } = input
  const refresh = goTo === undefined ? '' : html`<meta http-equiv="refresh" content="0;url=${goTo}" />`
  const text = await html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        ${refresh} __STYLE__
      </head>
      <body>
        <main class="${wide ? 'wide' : ''}">
          <p class="brand">Agent Execution Runtime</p>
          ${body}
        </main>
      </body>
    </html> `
  for (const [name, value] of Object.entries(await pageHeaders(goTo !== undefined))) headers.set(name, value)
  // The style is inserted raw, because its hash is of exactly these bytes and it is our own text.
  return new Response(
    String(text).replace('__STYLE__', () => `<style>${STYLE}</style>`),
    { status, headers },
  )
}

async function pageHeaders(leaves: boolean): Promise<Record<string, string>> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(STYLE))
  const styleHash = btoa(String.fromCharCode(...new Uint8Array(digest)))
  return {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`,
    'x-frame-options': 'DENY',
    'x-content-type-options': 'nosniff',
    // With no-referrer a browser sends `Origin: null` with our own forms. A page that leaves for a client tells it no address.
    'referrer-policy': leaves ? 'no-referrer' : 'same-origin',
    'cache-control': 'no-store',
  }
}

/** Returns a page with one message, for a request that cannot continue. */
export function notice(title: string, text: string, status: number): Promise<Response> {
  return page({
    title,
    status,
    body: html`<h1>${title}</h1>
      <p>${text}</p>
      <p><a href="/">To the start page</a></p>`,
  })
}

/** Returns a redirect inside our own pages, as the answer to a form or a link. */
export function seeOther(location: string, headers = new Headers()): Response {
  headers.set('location', location)
  headers.set('cache-control', 'no-store')
  return new Response(null, { status: 303, headers })
}
