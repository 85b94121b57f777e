// Measures how long an attempt has worked, also over restarts. Time in a pause or on a sleeping VM does not count.
import { join } from 'node:path'
import { z } from 'zod'
import { readJson, writeDurably } from '../machine/durable.ts'

/** A missing or damaged file: the clock starts at zero. */
const Worked = z.object({ attempt: z.int(), ms: z.number().min(0) }).catch({ attempt: 0, ms: 0 })

export interface WorkClock {
  /** Returns the milliseconds worked until now and saves them, so that a crash loses only the time since the last call. */
  tick(): number
}

export function openWorkClock(home: string, attempt: number, now = () => performance.now()): WorkClock {
  const file = join(home, '.ralph/worked.json')
  const known = Worked.parse(readJson(file))
  const before = known.attempt === attempt ? known.ms : 0
  const startedAt = now()
  return {
    tick() {
      const ms = before + now() - startedAt
      writeDurably(file, JSON.stringify({ attempt, ms }))
      return ms
    },
  }
}
