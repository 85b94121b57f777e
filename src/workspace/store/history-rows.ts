// The part of the object's SQL that only grows: events of plans, notifications to send, and webhook deliveries seen.
import { redact, redactAll } from '../../lib/redact.ts'
import type { EventLine } from '../../shared/protocol.ts'
import type { PlanEvent, WorkerEvent } from '../contract.ts'

const MAX_EVENTS_PER_ATTEMPT = 1_000
/** Length as JSON. Longer data is left out whole and its length noted, because a cut-off part would mean something else. */
const MAX_EVENT_DATA = 16_000

type Source = { lastN: number; kept: number }
type Row = Record<string, SqlStorageValue>
type EventRow = { seq: number; at: number; type: string; text: string; data: string | null }

const toEvent = ({ seq, at, type, text, data }: EventRow): PlanEvent => ({
  seq,
  atMs: at,
  type,
  text,
  ...(data === null ? {} : { data: JSON.parse(data) }),
})

function bounded(data: EventLine['data']): EventLine['data'] {
  const chars = JSON.stringify(data ?? {}).length
  return chars > MAX_EVENT_DATA ? { data_left_out: `${chars} characters` } : data
}

export function createQueries(sql: SqlStorage) {
  const rows = <T extends Row>(query: string, ...args: SqlStorageValue[]): T[] =>
    sql.exec<T>(query, ...args).toArray()
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- names the row's shape, like rows
  const first = <T extends Row>(query: string, ...args: SqlStorageValue[]): T | undefined =>
    rows<T>(query, ...args)[0]
  return { rows, first }
}

export function createHistoryStore(sql: SqlStorage) {
  const { rows, first } = createQueries(sql)
  /** The last line taken of each attempt, and how many were kept. In memory: a row write per line would double a line's cost. */
  const sources = new Map<string, Source>()

  /** Returns the numbers from memory, else from the stored lines, which hold (attempt, n), or event_sources, past the cap. */
  function sourceOf(planId: string, attempt: number): Source {
    const known = sources.get(`${planId} ${attempt}`)
    if (known !== undefined) return known
    const past = first<Source>(
      'SELECT last_n AS lastN, kept FROM event_sources WHERE plan = ? AND attempt = ?',
      planId,
      attempt,
    )
    const lines = first<Source>(
      `SELECT COALESCE(MAX(data ->> 'n'), 0) AS lastN, COUNT(*) AS kept FROM events
       WHERE plan = ? AND data ->> 'attempt' = ? AND data ->> 'n' IS NOT NULL`,
      planId,
      attempt,
    )
    const source = {
      lastN: Math.max(past?.lastN ?? 0, lines?.lastN ?? 0),
      kept: Math.max(past?.kept ?? 0, lines?.kept ?? 0),
    }
    sources.set(`${planId} ${attempt}`, source)
    return source
  }

  /** Assigns the next seq of the plan's history and puts the event in the outbox. Returns the seq. */
  const appendEvent = (planId: string, event: Omit<PlanEvent, 'seq'>): number => {
    const seq =
      first<{ next: number }>('SELECT COALESCE(MAX(seq), 0) + 1 AS next FROM events WHERE plan = ?', planId)
        ?.next ?? 1
    const data = event.data === undefined ? null : JSON.stringify(redactAll(event.data))
    sql.exec(
      'INSERT INTO events (plan, seq, at, type, text, data) VALUES (?, ?, ?, ?, ?, ?)',
      planId,
      seq,
      event.atMs,
      event.type,
      redact(event.text),
      data,
    )
    // One row stands for all events that D1 does not have yet; it keeps the seq of the first.
    sql.exec("INSERT OR IGNORE INTO pending (kind, plan, seq) VALUES ('events', ?, ?)", planId, seq)
    return seq
  }

  const store = {
    /** Adds an event of any type, such as a VM's or that of another version. */
    appendEvent,
    /** Adds an event of the Worker's own. */
    addEvent: (planId: string, event: Omit<WorkerEvent, 'seq'>): number => appendEvent(planId, event),

    /** Takes each of the VM's lines of one attempt once, in order; past the cap it only counts. Returns the highest n taken. */
    takeVmEvents(planId: string, attempt: number, lines: EventLine[], nowMs: number): number {
      const before = sourceOf(planId, attempt)
      let { lastN, kept } = before
      for (const line of lines.toSorted((a, b) => a.n - b.n)) {
        if (line.n <= lastN) continue
        lastN = line.n
        kept += 1
        if (kept === MAX_EVENTS_PER_ATTEMPT + 1)
          store.addEvent(planId, {
            atMs: nowMs,
            type: 'events_dropped',
            text: `More than ${MAX_EVENTS_PER_ATTEMPT} events in attempt ${attempt}: the rest stays on the VM.`,
          })
        if (kept > MAX_EVENTS_PER_ATTEMPT) continue
        appendEvent(planId, {
          atMs: Math.min(line.atMs, nowMs),
          type: line.type,
          text: line.text,
          // attempt and n come last, so that a line cannot overwrite them: they mark it as the VM's (plan-record.ts).
          data: { ...bounded(line.data), attempt, n: line.n },
        })
      }
      sources.set(`${planId} ${attempt}`, { lastN, kept })
      if (kept <= MAX_EVENTS_PER_ATTEMPT || lastN === before.lastN) return lastN
      sql.exec(
        'INSERT INTO event_sources (plan, attempt, last_n, kept) VALUES (?, ?, ?, ?) ON CONFLICT (plan, attempt) DO UPDATE SET last_n = excluded.last_n, kept = excluded.kept',
        planId,
        attempt,
        lastN,
        kept,
      )
      return lastN
    },

    lastVmEvent(planId: string, attempt: number): number {
      return sourceOf(planId, attempt).lastN
    },

    /** Returns the newest event's seq; 0 when there is none. */
    newestEvent(planId: string): number {
      return (
        first<{ seq: number }>('SELECT COALESCE(MAX(seq), 0) AS seq FROM events WHERE plan = ?', planId)
          ?.seq ?? 0
      )
    },

    events(planId: string, after: number, limit: number): PlanEvent[] {
      return rows<EventRow>(
        'SELECT seq, at, type, text, data FROM events WHERE plan = ? AND seq > ? ORDER BY seq LIMIT ?',
        planId,
        after,
        limit,
      ).map(toEvent)
    },

    /** Returns the plan's state changes, without VM lines that use the same type names. */
    stateEvents(planId: string): PlanEvent[] {
      return rows<EventRow>(
        `SELECT seq, at, type, text, data FROM events WHERE plan = ? AND json_type(data, '$.n') IS NULL
           AND type IN ('queued', 'running', 'vm_replaced', 'paused', 'completed', 'failed', 'cancelled')
         ORDER BY seq`,
        planId,
      ).map(toEvent)
    },

    event(planId: string, seq: number): PlanEvent | undefined {
      return store.events(planId, seq - 1, 1).find((event) => event.seq === seq)
    },

    addNotification(id: string, body: string, dueAtMs: number): void {
      sql.exec(
        'INSERT INTO notifications (id, body, tries, due) VALUES (?, ?, 0, ?)',
        id,
        redact(body),
        dueAtMs,
      )
    },

    dueNotifications(nowMs: number, limit: number): { id: string; body: string; tries: number }[] {
      return rows<{ id: string; body: string; tries: number }>(
        'SELECT id, body, tries FROM notifications WHERE due <= ? ORDER BY due LIMIT ?',
        nowMs,
        limit,
      )
    },

    nextNotificationMs(): number | null {
      return first<{ due: number | null }>('SELECT MIN(due) AS due FROM notifications')?.due ?? null
    },

    retryNotification(id: string, dueAtMs: number): void {
      sql.exec('UPDATE notifications SET tries = tries + 1, due = ? WHERE id = ?', dueAtMs, id)
    },

    /** Makes notifications due now that are due after that time. Writes nothing when there are none. */
    hurryNotifications(afterMs: number, nowMs: number): void {
      if (first('SELECT 1 AS one FROM notifications WHERE due > ? LIMIT 1', afterMs) !== undefined)
        sql.exec('UPDATE notifications SET due = ? WHERE due > ?', nowMs, afterMs)
    },

    dropNotification(id: string): void {
      sql.exec('DELETE FROM notifications WHERE id = ?', id)
    },

    /** False when this delivery was seen before. */
    takeDelivery(id: string, atMs: number): boolean {
      sql.exec('DELETE FROM deliveries WHERE at < ?', atMs - 7 * 24 * 3_600_000)
      return sql.exec('INSERT OR IGNORE INTO deliveries (id, at) VALUES (?, ?)', id, atMs).rowsWritten > 0
    },
  }
  return store
}
