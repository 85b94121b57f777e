// Pure: how long an attempt has run. Time in which its VM was not heard does not count (SPEC section 5: hours of reachable VM), so
// an outage costs a plan no work; a silence has a limit of its own.
import type { PlanRecord } from './records.ts'

export const RUN_LIMIT_MS = 4 * 3_600_000
/** A supervisor syncs every 5 s while plans run; silent this long, it is rung, and the plans' clock stands still. */
export const UNHEARD_MS = 30_000
/** Silent this long, its running plans are paused. */
const UNHEARD_LIMIT_MS = 2 * 3_600_000

type RunTime = Pick<PlanRecord, 'status' | 'attemptStartedAtMs' | 'silentMs' | 'runLimitMs'>

/** When a running attempt ends by itself, and how. `heardAtMs`: the VM's last sync. null: it does not run. */
export function runEnd(
  { status, attemptStartedAtMs, silentMs, runLimitMs }: RunTime,
  heardAtMs: number | null,
): { atMs: number; as: 'limit' | 'silence' } | null {
  if (status !== 'running' || attemptStartedAtMs === null) return null
  const heardMs = Math.max(heardAtMs ?? 0, attemptStartedAtMs)
  const limitMs = attemptStartedAtMs + silentMs + runLimitMs
  return limitMs <= heardMs + UNHEARD_MS
    ? { atMs: limitMs, as: 'limit' }
    : { atMs: heardMs + UNHEARD_LIMIT_MS, as: 'silence' }
}

/** Of the time since the VM was last heard, what does not count for this attempt. */
export function silenceMs({ attemptStartedAtMs }: RunTime, heardAtMs: number | null, nowMs: number): number {
  const heardMs = Math.max(heardAtMs ?? 0, attemptStartedAtMs ?? nowMs)
  return Math.max(0, nowMs - heardMs - UNHEARD_MS)
}
