// Pure: derives the attempts of a plan from its history, for the exported record.
import type { PlanEvent } from '../contract.ts'

export interface AttemptStory {
  attempt: number
  queuedAtMs: number
  startedAtMs: number | null
  /** When the attempt stopped running. A paused plan that is cancelled later stopped at the pause. */
  stoppedAtMs: number | null
  /** The last state it reached: a paused attempt may fail or be cancelled without running again. */
  end: PlanEvent | null
}

/** Returns the attempts, computed from state changes alone (store.stateEvents, oldest first). */
export function attemptsOf(events: PlanEvent[]): AttemptStory[] {
  const attempts: AttemptStory[] = []
  for (const event of events) {
    const { type, atMs, data } = event
    const current = attempts.at(-1)
    const isReplaced = type === 'vm_replaced'
    if (current !== undefined && type === 'running') current.startedAtMs ??= atMs
    else if (current !== undefined && type !== 'queued') {
      current.stoppedAtMs ??= atMs
      current.end = event
    }
    if (type !== 'queued' && !isReplaced) continue
    const told = data?.['attempt']
    attempts.push({
      attempt: typeof told === 'number' ? told : attempts.length + 1,
      queuedAtMs: atMs,
      startedAtMs: isReplaced ? atMs : null,
      stoppedAtMs: null,
      end: null,
    })
  }
  return attempts
}

/** Returns the seconds for which a slot was held, over all attempts. */
export function secondsRunning(attempts: AttemptStory[], nowMs: number): number {
  const ms = attempts.reduce(
    (sum, { startedAtMs, stoppedAtMs }) =>
      startedAtMs === null ? sum : sum + (stoppedAtMs ?? nowMs) - startedAtMs,
    0,
  )
  return Math.round(ms / 1_000)
}
