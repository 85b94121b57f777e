// The history lines of one plan on this machine. Each is numbered once and kept until the Worker has it, up to a cap per attempt.
import type { EventLine } from '../../src/shared/protocol.ts'
import type { FromPlan } from '../machine/plan-pipe.ts'
import type { PlanRecord } from './records.ts'

const MAX_EVENTS_PER_ATTEMPT = 1_000

/** Adds a line. Over the cap it only counts the line; closeEvents() reports the count. */
export function addEvent(
  record: PlanRecord,
  event: Extract<FromPlan, { kind: 'event' }>,
  atMs: number,
): void {
  if (record.nextEventN >= MAX_EVENTS_PER_ATTEMPT) {
    record.droppedEvents++
    return
  }
  const { type, text, data } = event
  record.events.push({
    n: record.nextEventN++,
    atMs,
    type,
    text: text.toWellFormed(),
    ...(data === undefined ? {} : { data }),
  })
}

/** Adds one line that says how many were left out. Called once, at the end of the attempt. */
export function closeEvents(record: PlanRecord, atMs: number): void {
  if (record.droppedEvents === 0) return
  const text = `${record.droppedEvents} more events were not kept.`
  record.events.push({ n: record.nextEventN++, atMs, type: 'events_dropped', text })
  record.droppedEvents = 0
}

export function acknowledge(record: PlanRecord, n: number): void {
  record.events = record.events.filter((event: EventLine) => event.n > n)
  // If our record was lost, the Worker knows higher numbers than we do. We continue after them, so no number is used twice.
  if (n < Number.MAX_SAFE_INTEGER) record.nextEventN = Math.max(record.nextEventN, n + 1)
}
