// POST /webhooks/github: checks the form of the signature, then the signature over the raw body, then parses, then passes the hints on
// and answers at once. A branch of the form agent/{uuid} leads to its object itself; others need the remote's workspaces from D1. The
// hourly check makes up for a lost hint, so with D1 down a merge is only noticed later, and GitHub never gets an error.
import { Hono } from 'hono'
import { workspacesByRemote } from '../history/query.ts'
import { hmacSha256, toHex, secretsEqual } from '../lib/crypto.ts'
import { ForbiddenError, UserError } from '../lib/errors.ts'
import { readCapped } from '../lib/http.ts'
import { keyOfPlan, workspaceKey } from '../lib/ids.ts'
import { errorFields, log } from '../lib/log.ts'
import { readSettings } from '../lib/settings.ts'
import type { Hint } from '../workspace/contract.ts'
import { toHint } from './to-hint.ts'
import { parseJson } from '../shared/json.ts'

const MAX_BODY_BYTES = 25_000_000
const MAX_WORKSPACES = 20
const SIGNATURE = /^sha256=[0-9a-f]{64}$/

export const webhookRoutes = new Hono<{ Bindings: Env }>()

webhookRoutes.post('/github', async (context) => {
  const { settings } = readSettings({ ...context.env })
  const signature = context.req.header('x-hub-signature-256') ?? ''
  // Without a signature the body cannot be GitHub's. Not reading it saves the 25 MB that anyone may send.
  if (!SIGNATURE.test(signature))
    throw new ForbiddenError(
      'The header X-Hub-Signature-256 is missing or is not "sha256=" and 64 hex digits. Set a secret in the webhook: the value of GITHUB_WEBHOOK_SECRET.',
      'bad_signature',
      401,
    )
  const body = await readCapped(context.req.raw.body, MAX_BODY_BYTES)
  if (body === null) throw new UserError('The delivery is larger than 25 MB.', 'too_large', 413)
  if (!(await isSigned(body, signature, settings.webhookSecrets)))
    throw new ForbiddenError(
      'The signature does not match GITHUB_WEBHOOK_SECRET. Set the same secret in the webhook and here.',
      'bad_signature',
      401,
    )
  const deliveryId = (context.req.header('x-github-delivery') ?? '').slice(0, 100)
  const found = toHint(context.req.header('x-github-event') ?? '', parseJson(body), deliveryId)
  if (found !== null) context.executionCtx.waitUntil(deliver(context.env, found.cloneUrl, found.hint))
  return context.json({ accepted: found !== null }, 202)
})

async function deliver(env: Env, cloneUrl: string, hint: Hint): Promise<void> {
  const { branch, deliveryId } = hint
  const key = branch.startsWith('agent/') ? keyOfPlan(branch.slice('agent/'.length)) : null
  const keys = new Set(key === null ? [] : [key])
  try {
    for (const name of (await workspacesByRemote(env.DB, cloneUrl)).slice(0, MAX_WORKSPACES))
      keys.add(await workspaceKey(name))
  } catch (error) {
    log('webhook.history_down', { deliveryId, ...errorFields(error) })
  }
  for (const one of keys) await env.WORKSPACE.getByName(one).record([hint])
  log('webhook.github', { deliveryId, facts: hint.kind, workspaces: keys.size })
}

/** True when any of the secrets signed exactly these bytes; there are several while rotating. An unset secret matches nothing. */
async function isSigned(body: Uint8Array<ArrayBuffer>, header: string, secrets: string[]): Promise<boolean> {
  for (const secret of secrets)
    if (await secretsEqual(header, `sha256=${toHex(await hmacSha256(secret, body))}`)) return true
  return false
}
