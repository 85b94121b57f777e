// The SHA-256 of the ralph.mjs this Worker serves, from the manifest the build wrote beside it.
import * as z from 'zod'
import type { Core } from './core.ts'

const Manifest = z.object({ ralphSha256: z.string().regex(/^[0-9a-f]{64}$/) })
let known: string | null = null

export async function agentSha256(core: Core): Promise<string> {
  if (known !== null) return known
  const response = await core.env.ASSETS.fetch('https://assets.invalid/manifest.json')
  known = Manifest.parse(await response.json()).ralphSha256
  return known
}
