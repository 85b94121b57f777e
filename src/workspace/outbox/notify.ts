// NOTIFY_URL: sends a signed POST when a plan ends or pauses. The notification is stored together with the change (core.ts) and sent by the
// alarm, so a dying Worker loses none. It is repeated a few times under the same delivery id, then dropped.
import { hmacSha256, toHex } from '../../lib/crypto.ts'
import { fetchUpstream } from '../../lib/fetch.ts'
import { errorFields, log } from '../../lib/log.ts'
import { requireWorkspace } from '../core/core.ts'
import type { Core } from '../core/core.ts'

/** Short, because the alarm waits for it. */
const TIMEOUT_MS = 5_000
/** The wait after each failure. After the last one the notification is dropped, and the log says so. */
export const RETRY_AFTER_MS = [10_000, 60_000, 300_000, 1_800_000]
const MAX_BATCH = 10

export async function sendNotifications(core: Core): Promise<void> {
  await Promise.all(core.store.dueNotifications(core.now(), MAX_BATCH).map((due) => send(core, due)))
}

async function send(core: Core, due: { id: string; body: string; tries: number }): Promise<void> {
  const { notifyUrl, ownerToken } = core.settingsNow()
  if (notifyUrl === null) return core.store.dropNotification(due.id) // NOTIFY_URL was unset meanwhile
  // Set the retry time first: if we crash below, it is sent again under the same id, which the receiver may have seen.
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

/** Returns 'taken' for a 2xx answer. A redirect counts as a failure, because its address may belong to someone else. */
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

/** Returns the signing key. It is derived from the owner token, so that the receiver who checks signatures cannot act as the owner. */
export async function notifyKey(ownerToken: string): Promise<string> {
  return toHex(await hmacSha256(ownerToken, 'NOTIFY_URL'))
}
