// Between plans the agent replaces itself by the file its Worker serves, named and verified by its SHA-256.
import { createHash } from 'node:crypto'
import type { Config } from '../machine/config.ts'
import { writeDurably } from '../machine/durable.ts'
import { askHttp } from '../machine/http.ts'
import type { Paths } from '../machine/paths.ts'

/** The next plan waits for it. */
const TIMEOUT_MS = 30_000

/** Its bytes, which are those that were named. Errors: throws when they cannot be had; the old one stays. */
export async function fetchAgent({ url, vmKey }: Config, sha256: string): Promise<Buffer> {
  if (!/^[0-9a-f]{64}$/.test(sha256)) throw new Error('The Worker names no agent.')
  const { status, body: bytes } = await askHttp(`${url}/vm/ralph.mjs?sha=${sha256}`, {
    method: 'GET',
    headers: { authorization: `Bearer ${vmKey}` },
    timeoutMs: TIMEOUT_MS,
  })
  if (status !== 200) throw new Error(`The new agent could not be fetched: HTTP ${status}.`)
  if (createHash('sha256').update(bytes).digest('hex') !== sha256)
    throw new Error('The new agent has another SHA-256 than named.')
  return bytes
}

export function putAgent({ bundle }: Paths, bytes: Buffer): void {
  // Plan users start it too.
  writeDurably(bundle, bytes, 0o755)
}
