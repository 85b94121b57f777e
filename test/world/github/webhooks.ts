// Sends signed webhook deliveries as GitHub does: signature over the raw body, event and delivery id in headers, no retry by
// itself. Every delivery is kept and can be sent again with its old id, as the button "Redeliver" does.
import { createHmac, randomUUID } from 'node:crypto'

const TIMEOUT_MS = 10_000
const HOOK_ID = 1

export interface WebhookTarget {
  /** Called at each delivery, because the Worker may start later than the host. */
  url: () => string
  secret: string
}

export type Delivery = {
  /** X-GitHub-Delivery. */
  guid: string
  event: string
  body: string
  /** 0 means lost: nothing answered, or the hook was switched off. */
  statusCode: number
  redelivery: boolean
}
export type Webhooks = ReturnType<typeof createWebhooks>

export function createWebhooks(target: WebhookTarget, log: (line: string) => void) {
  const deliveries: Delivery[] = []
  let isActive = true

  async function post(delivery: Omit<Delivery, 'statusCode'>): Promise<Delivery> {
    let statusCode = 0
    if (isActive)
      try {
        const response = await fetch(target.url(), {
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            'user-agent': 'GitHub-Hookshot/stand-in',
            'x-github-event': delivery.event,
            'x-github-delivery': delivery.guid,
            'x-github-hook-id': String(HOOK_ID),
            'x-github-hook-installation-target-type': 'repository',
            'x-hub-signature-256': `sha256=${createHmac('sha256', target.secret).update(delivery.body).digest('hex')}`,
          },
          body: delivery.body,
          signal: AbortSignal.timeout(TIMEOUT_MS),
        })
        statusCode = response.status
        await response.body?.cancel()
      } catch (error) {
        // GitHub does not retry by itself, so the runtime must cope with a lost delivery.
        log(`webhook ${delivery.event} ${delivery.guid}: lost (${String(error)})`)
      }
    const done = { ...delivery, statusCode }
    deliveries.push(done)
    log(`webhook ${delivery.event} ${delivery.guid}: ${statusCode}`)
    return done
  }

  return {
    hookId: HOOK_ID,
    events: ['push', 'pull_request', 'delete'],
    url: target.url,
    deliveries: (): readonly Delivery[] => deliveries,
    isActive: () => isActive,
    /** When switched off, every delivery is lost, as if the hook had never been set up. */
    setActive(active: boolean): void {
      isActive = active
    },
    send: (event: string, payload: unknown): Promise<Delivery> =>
      post({ guid: randomUUID(), event, body: JSON.stringify(payload), redelivery: false }),
    /** Sends a delivery again. Returns null when there was no such delivery. */
    async redeliver(guid: string): Promise<Delivery | null> {
      const first = deliveries.find((delivery) => delivery.guid === guid)
      return first === undefined ? null : post({ ...first, redelivery: true })
    },
  }
}
