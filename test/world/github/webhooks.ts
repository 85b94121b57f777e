// Signed deliveries as GitHub sends them: signature over the raw body, event and delivery id in headers, no retry.
import { createHmac, randomUUID } from 'node:crypto'

export interface WebhookTarget {
  /** Asked for at each delivery: the Worker may come up later than the host. */
  url: () => string
  secret: string
}

export async function deliver(
  target: WebhookTarget,
  event: string,
  payload: unknown,
  log: (line: string) => void,
): Promise<void> {
  const body = JSON.stringify(payload)
  const id = randomUUID()
  try {
    const response = await fetch(target.url(), {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'user-agent': 'GitHub-Hookshot/stand-in',
        'x-github-event': event,
        'x-github-delivery': id,
        'x-hub-signature-256': `sha256=${createHmac('sha256', target.secret).update(body).digest('hex')}`,
      },
      body,
      signal: AbortSignal.timeout(10_000),
    })
    log(`webhook ${event} ${id}: ${response.status}`)
    await response.body?.cancel()
  } catch (error) {
    // GitHub does not retry by itself: what is lost is lost, and the runtime has to heal it.
    log(`webhook ${event} ${id}: lost (${String(error)})`)
  }
}
