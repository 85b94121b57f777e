// Waits for a new deployment: its address takes a moment to be known everywhere.
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { DeployError } from './errors.ts'

const Health = z.object({ ok: z.boolean(), version: z.string(), problems: z.array(z.string()) })
const PATIENCE_MS = Number(process.env['RUNTIME_HEALTH_PATIENCE_MS'] ?? 90_000)

/** Returns the problems it reports. Throws DeployError when it does not answer within a minute and a half. */
export async function waitForHealth(url: string): Promise<string[]> {
  const started = performance.now()
  for (;;) {
    const health = await readHealth(url)
    if (health !== null) return health.problems
    if (performance.now() - started > PATIENCE_MS)
      throw new DeployError(
        `${url}/healthz does not answer yet. New addresses can take some minutes: run this again, nothing is done twice.`,
      )
    await sleep(2_000)
  }
}

async function readHealth(url: string): Promise<z.infer<typeof Health> | null> {
  try {
    const response = await fetch(`${url}/healthz`, {
      redirect: 'manual',
      signal: AbortSignal.timeout(10_000),
    })
    return Health.safeParse(await response.json()).data ?? null
  } catch {
    return null // not there yet
  }
}
