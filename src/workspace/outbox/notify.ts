// NOTIFY_URL: a signed POST when a plan ends or pauses. It was written down together with the change itself (core.ts) and is sent
// by the alarm, so a dying Worker loses none; repeated a few times under the same delivery id, then given up.
import { hmacSha256, toHex } from '../../lib/crypto.ts'
import { fetchUpstream } from '../../lib/fetch.ts'
import { errorFields, log } from '../../lib/log.ts'
import { requireWorkspace } from '../core/core.ts'
import type { Core } from '../core/core.ts'

/** Short: the alarm waits for it. */
const TIMEOUT_MS = 5_000
/** After each failure; after the last the notification is dropped, and the log says so. */
export const RETRY_AFTER_MS = [10_000, 60_000, 300_000, 1_800_000]
const MAX_BATCH = 10

export async function sendNotifications(core: Core): Promise<void> {
  await Promise.all(core.store.dueNotifications(core.now(), MAX_BATCH).map((due) => send(core, due)))
}

async function send(core: Core, due: { id: string; body: string; tries: number }): Promise<void> {
  const { notifyUrl, ownerToken } = core.settingsNow()
  if (notifyUrl === null) return core.store.dropNotification(due.id) // it was unset meanwhile
  // First moved on, then sent: if we die in between, it is repeated, under the id its receiver has seen.
  const retryMs = RETRY_AFTER_MS[due.tries]
  core.store.retryNotification(due.id, core.now() + (retryMs ?? 60_000))
  const outcome = await post(notifyUrl, ownerToken, due)
  if (outcome === 'taken' || retryMs === undefined) core.store.dropNotification(due.id)
  if (outcome !== 'taken')
    log(retryMs === undefined ? 'notify.given_up' : 'notify.failed', {
      workspace: requireWorkspace(core).name,
      delivery: due.id,
      ...(typeof outcome === 'object' ? errorFields(outcome.error) : { status: outcome }),
    })
}

/** A redirect is an answer like any other that is not 2xx: the address would be somebody else's. */
async function post(
  url: string,
  ownerToken: string,
  { id, body }: { id: string; body: string },
): Promise<'taken' | number | { error: unknown }> {
  const signature = toHex(await hmacSha256(await notifyKey(ownerToken), body))
  try {
    const response = await fetchUpstream('NOTIFY_URL', url, TIMEOUT_MS, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'user-agent': 'agent-execution-runtime',
        'x-runtime-delivery': id,
        'x-runtime-signature-256': `sha256=${signature}`,
      },
      body,
    })
    await response.body?.cancel()
    return response.ok ? 'taken' : response.status
  } catch (error) {
    return { error }
  }
}

/** Derived, so that who checks a notification learns nothing that opens the owner's door. */
export async function notifyKey(ownerToken: string): Promise<string> {
  return toHex(await hmacSha256(ownerToken, 'NOTIFY_URL'))
}
