// Pages and OAuth answer only at PUBLIC_URL's host, so that a foreign name which points here (DNS rebinding) gets nothing.
import type { MiddlewareHandler } from 'hono'
import { readSettings } from '../lib/settings.ts'
import { notice } from './page.ts'

export const ownHostOnly: MiddlewareHandler<{ Bindings: Env }> = async ({ env, req }, next) => {
  const { publicUrl } = readSettings({ ...env }).settings
  if (URL.canParse(publicUrl) && new URL(req.url).host !== new URL(publicUrl).host)
    return notice('Wrong address', `This page lives at ${publicUrl}.`, 421)
  await next()
  return undefined
}
