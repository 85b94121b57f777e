// POST /vm/sync: what this machine observed up, what should be down. One call at a time; what a failure means is told, not retried here.
import { PROTOCOL_VERSION, SyncResponse } from '../../src/shared/protocol.ts'
import type { SyncRequest } from '../../src/shared/protocol.ts'
import type { Config } from '../machine/config.ts'
import { askHttp } from '../machine/http.ts'

const TIMEOUT_MS = 20_000

export type SyncResult =
  | { kind: 'answer'; response: SyncResponse }
  /** Our key or nonce counts no more: only a doorbell, which comes through Orgo, helps. */
  | { kind: 'unwelcome'; status: number }
  | { kind: 'failed'; detail: string }

export async function sync(
  { url, vmKey }: Config,
  request: Omit<SyncRequest, 'protocol'>,
): Promise<SyncResult> {
  try {
    const { status, body } = await askHttp(`${url}/vm/sync`, {
      method: 'POST',
      headers: { authorization: `Bearer ${vmKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ protocol: PROTOCOL_VERSION, ...request }),
      timeoutMs: TIMEOUT_MS,
    })
    if ([401, 403, 409].includes(status)) return { kind: 'unwelcome', status }
    if (status !== 200) return { kind: 'failed', detail: `HTTP ${status}` }
    const parsed = SyncResponse.safeParse(JSON.parse(body.toString('utf8')))
    if (parsed.success) return { kind: 'answer', response: parsed.data }
    return {
      kind: 'failed',
      detail: `an answer of another shape: ${parsed.error.issues[0]?.path.join('.') ?? ''}`,
    }
  } catch (error) {
    return { kind: 'failed', detail: error instanceof Error ? error.message : 'unknown' }
  }
}
