// Decides whether the agent version that a sync names may replace this one. During a deployment two versions of the Worker answer
// in turn, and each names its own agent. A version that never ran here is taken at once, so a new version costs one restart. A
// version that ran before (a rollback) is taken only after it alone was named for a while, so that none goes back and forth.
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { z } from 'zod'
import type { Config } from '../machine/config.ts'
import { readJson, writeDurably } from '../machine/durable.ts'
import { askHttp } from '../machine/http.ts'
import type { Paths } from '../machine/paths.ts'
import { isDiskFull } from '../machine/reserve.ts'

/** A rollback is accepted when this many syncs over this time name the same older version and no other. */
const STEADY_SYNCS = 3
const STEADY_MS = 10 * 60_000
/** First wait after a failed download; it doubles each time. The Worker that answered may not have that version. */
const RETRY_MS = 60_000
const LONGEST_RETRY_MS = 3_600_000
const MOST_REMEMBERED = 20

const Agents = z.object({
  /** SHA-256 of the agents that ran here, the newest last. */
  ran: z.array(z.string()),
  /** An older version that the Worker names again. */
  back: z.object({ sha256: z.string(), sinceMs: z.number(), times: z.int() }).nullable(),
})
type Agents = z.infer<typeof Agents>

export interface Succession {
  /** Must be called once for every sync, because it counts the syncs that name a version. */
  mayFollow(sha256: string): boolean
  failed(sha256: string): void
}

export function createSuccession({ ralph }: Paths, own: string, env = process.env): Succession {
  const file = join(ralph, 'agents.json')
  const steadyMs = Number(env['RALPH_AGENT_STEADY_MS'] ?? STEADY_MS)
  const retryMs = Number(env['RALPH_AGENT_RETRY_MS'] ?? RETRY_MS)
  const agents = load(file)
  let failure = { sha256: '', tries: 0, untilMs: 0 }

  const save = () => {
    try {
      writeDurably(file, JSON.stringify(agents))
    } catch (error) {
      if (!isDiskFull(error)) throw error // on a full disk the list stays in memory, which is enough until the next restart
    }
  }
  agents.ran = [...agents.ran.filter((sha256) => sha256 !== own), own].slice(-MOST_REMEMBERED)
  save()

  const isSteady = (sha256: string): boolean => {
    const [now, { back }] = [Date.now(), agents]
    // If the clock was set back, counting starts again; otherwise the wait would grow by that much.
    const goesOn = back !== null && back.sha256 === sha256 && back.sinceMs <= now
    agents.back = goesOn ? { ...back, times: back.times + 1 } : { sha256, sinceMs: now, times: 1 }
    save()
    return agents.back.times >= STEADY_SYNCS && now - agents.back.sinceMs >= steadyMs
  }

  return {
    mayFollow(sha256) {
      const isBack = sha256 !== own && agents.ran.includes(sha256)
      if (!isBack && agents.back !== null) {
        agents.back = null
        save()
      }
      // performance.now() is used because Date.now() can jump.
      if (failure.sha256 === sha256 && performance.now() < failure.untilMs) return false
      return isBack ? isSteady(sha256) : sha256 !== own
    },
    failed(sha256) {
      const tries = failure.sha256 === sha256 ? failure.tries + 1 : 1
      const waitMs = Math.min(retryMs * 2 ** (tries - 1), LONGEST_RETRY_MS)
      failure = { sha256, tries, untilMs: performance.now() + waitMs }
    },
  }
}

function load(file: string): Agents {
  // The file is missing or damaged: nothing ran before.
  return Agents.safeParse(readJson(file)).data ?? { ran: [], back: null }
}

/** The limit is short because the next plan waits for the download. */
const DOWNLOAD_TIMEOUT_MS = 30_000

/** Returns the bytes whose SHA-256 was named. Errors: throws when they cannot be fetched or do not match; no file is changed. */
export async function fetchAgent({ url, vmKey }: Config, sha256: string): Promise<Buffer> {
  if (!/^[0-9a-f]{64}$/.test(sha256)) throw new Error('The Worker named no agent version.')
  const { status, body: bytes } = await askHttp(`${url}/vm/ralph.mjs?sha=${sha256}`, {
    method: 'GET',
    headers: { authorization: `Bearer ${vmKey}` },
    timeoutMs: DOWNLOAD_TIMEOUT_MS,
  })
  if (status !== 200) throw new Error(`The new agent could not be downloaded: HTTP ${status}.`)
  if (createHash('sha256').update(bytes).digest('hex') !== sha256)
    throw new Error('The downloaded agent does not have the SHA-256 that the Worker named.')
  return bytes
}
