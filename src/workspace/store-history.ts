// The part of the object's SQL that only grows: events of plans, what is still to be told to D1, and deliveries seen.
import { redact, redactAll } from '../lib/redact.ts'
import type { EventLine } from '../protocol.ts'
import type { PlanEvent } from './state.ts'

const MAX_EVENTS_PER_ATTEMPT = 1_000
/** As JSON. Longer data is left out, and its length told: a part of it would say something else. */
const MAX_EVENT_DATA = 16_000

export type OutboxRow = {
  id: number
  kind: 'event' | 'plan' | 'workspace' | 'erase'
  plan: string
  seq: number
}

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
  const store = {
    /** Gives the next seq of the plan's history and puts the event in the outbox. */
    addEvent(planId: string, event: Omit<PlanEvent, 'seq'>): number {
      const seq =
        first<{ next: number }>('SELECT COALESCE(MAX(seq), 0) + 1 AS next FROM events WHERE plan = ?', planId)
          ?.next ?? 1
      const data = event.data === undefined ? null : JSON.stringify(redactAll(event.data))
      sql.exec(
        'INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)',
        planId,
        seq,
        event.atMs,
        event.type,
        redact(event.text),
        data,
      )
      sql.exec("INSERT INTO outbox (kind, plan, seq) VALUES ('event', ?, ?)", planId, seq)
      return seq
    },

    /** Takes the VM's lines of one attempt once each, in order; past the cap they are counted instead. Answers the highest n taken. */
    takeVmEvents(planId: string, attempt: number, lines: EventLine[], nowMs: number): number {
      const source = first<{ last_n: number; kept: number }>(
        'SELECT last_n, kept FROM event_sources WHERE plan = ? AND attempt = ?',
        planId,
        attempt,
      )
      let { last_n: lastN, kept } = source ?? { last_n: 0, kept: 0 }
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
        store.addEvent(planId, {
          atMs: Math.min(line.atMs, nowMs),
          type: line.type,
          text: line.text,
          // Last, so that no line says a number that is not its own: by them it is known as the VM's (export.ts).
          data: { ...bounded(line.data), attempt, n: line.n },
        })
      }
      // Most syncs bring no news, and a row written costs more than all else of a sync.
      if (lastN === (source?.last_n ?? 0)) return lastN
      sql.exec(
        'INSERT INTO event_sources VALUES (?, ?, ?, ?) ON CONFLICT (plan, attempt) DO UPDATE SET last_n = excluded.last_n, kept = excluded.kept',
        planId,
        attempt,
        lastN,
        kept,
      )
      return lastN
    },

    lastVmEvent(planId: string, attempt: number): number {
      return (
        first<{ last_n: number }>(
          'SELECT last_n FROM event_sources WHERE plan = ? AND attempt = ?',
          planId,
          attempt,
        )?.last_n ?? 0
      )
    },

    /** Its seq; 0 when there is none. */
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

    /** Changes of the plan's state, without lines of the VM that call themselves so. */
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

    outbox(limit: number): OutboxRow[] {
      return rows<OutboxRow>('SELECT id, kind, plan, seq FROM outbox ORDER BY id LIMIT ?', limit)
    },

    clearOutbox(ids: number[]): void {
      for (const id of ids) sql.exec('DELETE FROM outbox WHERE id = ?', id)
    },

    outboxIsEmpty(): boolean {
      return first('SELECT 1 AS one FROM outbox LIMIT 1') === undefined
    },

    addNotification(id: string, body: string, dueAtMs: number): void {
      sql.exec('INSERT INTO notifications VALUES (?, ?, 0, ?)', id, redact(body), dueAtMs)
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

    dropNotification(id: string): void {
      sql.exec('DELETE FROM notifications WHERE id = ?', id)
    },

    /** False when this delivery was seen before. */
    takeDelivery(id: string, atMs: number): boolean {
      sql.exec('DELETE FROM deliveries WHERE at < ?', atMs - 7 * 24 * 3_600_000)
      return sql.exec('INSERT OR IGNORE INTO deliveries VALUES (?, ?)', id, atMs).rowsWritten > 0
    },
  }
  return store
}
