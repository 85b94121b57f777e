// Whether the agent that a sync names may follow this one. While a deployment is under way two versions of the Worker answer in
// turn, each naming its own agent: what this machine never ran is taken at once, so a new version costs one restart; what it ran
// before (a rollback) only after nothing else was named for a while, so that two Workers cannot throw it back and forth.
import { join } from 'node:path'
import { z } from 'zod'
import { readIfPresent, writeDurably } from '../machine/durable.ts'
import type { Paths } from '../machine/paths.ts'
import { isDiskFull } from '../machine/reserve.ts'

/** A rollback is meant when this many syncs over this long name it and nothing else. */
const STEADY_SYNCS = 3
const STEADY_MS = 10 * 60_000
/** A download that failed is tried again after this, then twice as late each time: its Worker may be the one of the other version. */
const RETRY_MS = 60_000
const LONGEST_RETRY_MS = 3_600_000
const MOST_REMEMBERED = 20

const Agents = z.object({
  /** SHA-256 of every agent that ran here, the newest last. */
  ran: z.array(z.string()),
  /** An older one that is asked for again. */
  back: z.object({ sha256: z.string(), sinceMs: z.number(), times: z.int() }).nullable(),
})
type Agents = z.infer<typeof Agents>

export interface Succession {
  /** Asked with every sync, for it counts them. */
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
      if (!isDiskFull(error)) throw error // else it is known in memory, which is enough for this life
    }
  }
  agents.ran = [...agents.ran.filter((sha256) => sha256 !== own), own].slice(-MOST_REMEMBERED)
  save()

  const isSteady = (sha256: string): boolean => {
    const [now, { back }] = [Date.now(), agents]
    // A clock that was set back would make it wait for as long.
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
      // Not the clock of the wall: it jumps.
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
  try {
    return Agents.parse(JSON.parse(readIfPresent(file) ?? ''))
  } catch {
    return { ran: [], back: null } // none yet, or no file of ours
  }
}
