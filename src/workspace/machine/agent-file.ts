// Returns the SHA-256 of the ralph.mjs that this Worker serves, from the manifest the build wrote beside it.
import * as z from 'zod'
import { inTime } from '../../lib/in-time.ts'
import type { Core } from '../core/core.ts'

const Manifest = z.object({ ralphSha256: z.string().regex(/^[0-9a-f]{64}$/) })
const TIMEOUT_MS = 5_000
const known = new WeakMap<Env['ASSETS'], string>()

export async function agentSha256({ env: { ASSETS } }: Core): Promise<string> {
  const before = known.get(ASSETS)
  if (before !== undefined) return before
  const response = await inTime(
    'The manifest',
    ASSETS.fetch('https://assets.invalid/manifest.json'),
    TIMEOUT_MS,
  )
  const { ralphSha256 } = Manifest.parse(await response.json())
  known.set(ASSETS, ralphSha256)
  return ralphSha256
}
