// GET /healthz and GET /: what may be known without logging in. Settings are named, their values never shown.
import { Hono } from 'hono'
import { readSettings } from '../lib/settings.ts'
import { VERSION } from '../lib/version.ts'
import { STATUS_STYLE, statusPage } from './status-page.ts'

export const statusRoutes = new Hono<{ Bindings: Env }>()
  .get('/healthz', ({ env }) => {
    const { problems } = readSettings({ ...env })
    return Response.json(
      { ok: problems.length === 0, version: VERSION, problems },
      { headers: { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' } },
    )
  })
  .get('/', async ({ env }) => {
    const { settings, problems } = readSettings({ ...env })
    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(STATUS_STYLE))
    const styleHash = btoa(String.fromCharCode(...new Uint8Array(digest)))
    return new Response(
      await statusPage({ version: VERSION, publicUrl: settings.publicUrl, problems: problems.length }),
      {
        headers: {
          'content-type': 'text/html; charset=utf-8',
          'content-security-policy': `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
          'x-content-type-options': 'nosniff',
          'referrer-policy': 'no-referrer',
          'cache-control': 'no-store',
        },
      },
    )
  })
