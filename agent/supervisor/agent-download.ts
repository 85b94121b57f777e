// Downloads the agent's next version from the Worker and writes it over the old file. The SHA-256 names and verifies it.
import { createHash } from 'node:crypto'
import type { Config } from '../machine/config.ts'
import { writeDurably } from '../machine/durable.ts'
import { askHttp } from '../machine/http.ts'
import type { Paths } from '../machine/paths.ts'

/** The limit is short because the next plan waits for the download. */
const TIMEOUT_MS = 30_000

/** Returns the bytes whose SHA-256 was named. Errors: throws when they cannot be fetched or do not match; no file is changed. */
export async function fetchAgent({ url, vmKey }: Config, sha256: string): Promise<Buffer> {
  if (!/^[0-9a-f]{64}$/.test(sha256)) throw new Error('The Worker named no agent version.')
  const { status, body: bytes } = await askHttp(`${url}/vm/ralph.mjs?sha=${sha256}`, {
    method: 'GET',
    headers: { authorization: `Bearer ${vmKey}` },
    timeoutMs: TIMEOUT_MS,
  })
  if (status !== 200) throw new Error(`The new agent could not be downloaded: HTTP ${status}.`)
  if (createHash('sha256').update(bytes).digest('hex') !== sha256)
    throw new Error('The downloaded agent does not have the SHA-256 that the Worker named.')
  return bytes
}

export function putAgent({ bundle }: Paths, bytes: Buffer): void {
  // The file is executable for everybody because plan users start it too.
  writeDurably(bundle, bytes, 0o755)
}
