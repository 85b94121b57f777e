// Calls POST /vm/sync: it sends what this machine observed and returns what the Worker wants. It does not retry; the caller does.
import { PROTOCOL_VERSION, SyncResponse } from '../../src/shared/protocol.ts'
import type { SyncRequest } from '../../src/shared/protocol.ts'
import type { Config } from '../machine/config.ts'
import { askHttp } from '../machine/http.ts'
import { parseJson } from '../../src/shared/json.ts'

const TIMEOUT_MS = 20_000

export type SyncResult =
  | { kind: 'answer'; response: SyncResponse }
  /** The VM key or the nonce is no longer valid. Only a new doorbell call, which comes through Orgo, changes that. */
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
    const parsed = SyncResponse.safeParse(parseJson(body))
    if (parsed.success) return { kind: 'answer', response: parsed.data }
    return {
      kind: 'failed',
      detail: `the answer has an unexpected shape at: ${parsed.error.issues[0]?.path.join('.') ?? ''}`,
    }
  } catch (error) {
    return { kind: 'failed', detail: error instanceof Error ? error.message : 'unknown' }
  }
}
