// The history lines of one plan on this machine: numbered once, kept until the Worker has them, never more than its cap.
import type { EventLine } from '../../src/shared/protocol.ts'
import type { FromPlan } from '../machine/plan-pipe.ts'
import type { PlanRecord } from './records.ts'

const MAX_EVENTS_PER_ATTEMPT = 1_000

/** Adds a line; over the cap only the count grows, told by one line at the end. */
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

/** The line that stands for those over the cap; called once, at the end of the attempt. */
export function closeEvents(record: PlanRecord, atMs: number): void {
  if (record.droppedEvents === 0) return
  const text = `${record.droppedEvents} more events were not kept.`
  record.events.push({ n: record.nextEventN++, atMs, type: 'events_dropped', text })
  record.droppedEvents = 0
}

export function acknowledge(record: PlanRecord, n: number): void {
  record.events = record.events.filter((event: EventLine) => event.n > n)
  // After the loss of our record the Worker knows more numbers than we do: none is given twice.
  if (n < Number.MAX_SAFE_INTEGER) record.nextEventN = Math.max(record.nextEventN, n + 1)
}
