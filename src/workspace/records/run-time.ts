// Pure: computes how long an attempt has run. Time during which its VM was not heard does not count, so an outage costs
// a plan no working time. A silence has its own limit.
import type { PlanRecord } from './records.ts'

export const RUN_LIMIT_MS = 4 * 3_600_000
/** A supervisor syncs every 5 s while plans run. After this much silence the object rings it, and the plans' clock stops. */
export const UNHEARD_MS = 30_000
/** After this much silence the running plans are paused. */
const UNHEARD_LIMIT_MS = 2 * 3_600_000

type RunTime = Pick<PlanRecord, 'status' | 'attemptStartedAtMs' | 'silentMs' | 'runLimitMs'>

/** Returns when a running attempt ends by itself, and why; null when it does not run. `heardAtMs`: the VM's last sync. */
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

/** Returns the part of the time since the VM was last heard that does not count for this attempt. */
export function silenceMs({ attemptStartedAtMs }: RunTime, heardAtMs: number | null, nowMs: number): number {
  const heardMs = Math.max(heardAtMs ?? 0, attemptStartedAtMs ?? nowMs)
  return Math.max(0, nowMs - heardMs - UNHEARD_MS)
}
