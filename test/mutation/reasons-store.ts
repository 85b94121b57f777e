// Why a mutant of the tables' code may live (reasons.ts).
import type { Reason } from './reasons.ts'

export const STORE_REASONS: Reason[] = [
  {
    file: 'store.ts',
    keys: [
      'number | )?.at ?? 0',
      "?? dropped | first<{ at: number | null }>( | first<{ at: number | null }>( \"SELECT json_extract(record, '$.supervisor.lastHeardAtMs')",
      'number | if ((now.supervisor.lastHeardAtMs ?? 0) - savedAtMs >= KEEP_LIVENESS_MS)',
      '?? dropped | if ((now.supervisor.lastHeardAtMs ?? 0) - savedAtMs >= KEEP_LIVENESS_MS)',
    ],
    reason:
      'equivalent: null counts as 0 in a subtraction, and a millisecond of 1970 is as far from now as its beginning',
  },
  {
    file: 'store.ts',
    keys: [
      "SQL ORDER dropped | return rows<{ record: string }>('SELECT record FROM plans WHERE watched = 1 ORDER BY ord')",
      "SQL ORDER dropped | \"SELECT record FROM plans WHERE json_extract(record, '$.mergeStatus') IN ('open', 'closed') ORDER BY ord\",",
      "SQL ORDER dropped | 'SELECT n, text FROM messages WHERE plan = ? AND n > ? ORDER BY n',",
    ],
    reason: 'equivalent as SQLite scans today: rows are only added, and come in the order they were',
  },
  {
    file: 'store-history.ts',
    keys: [
      "SQL ORDER dropped | 'SELECT seq, at, type, text, data FROM events WHERE plan = ? AND seq > ? ORDER BY seq LIMIT ?',",
      'SQL ORDER dropped | `SELECT seq, at, type, text, data FROM events WHERE plan = ? AND json_type(data,',
    ],
    reason: 'equivalent as SQLite scans today: the rows lie in this order',
  },
  {
    file: 'store.ts',
    keys: [
      "SQL number | const ord = first<{ next: number }>('SELECT COALESCE(MAX(ord), 0) + 1 AS next FROM plans')?.next ?? 1",
    ],
    reason: 'equivalent: only the order of two ords counts',
  },
  {
    file: 'store.ts',
    keys: [
      "number | const ord = first<{ next: number }>('SELECT COALESCE(MAX(ord), 0) + 1 AS next FROM plans')?.next ?? 1",
      "?? dropped | const ord = first<{ next: number }>('SELECT COALESCE(MAX(ord), 0) + 1 AS next FROM plans')?.next ?? 1",
      'number | ?.next ?? 1 | 1 -> 2',
      "?? dropped | first<{ next: number }>('SELECT COALESCE(MAX(n), 0) + 1 AS next FROM messages WHERE plan = ?', planId)",
      'number | first<{ usd: number }>("SELECT TOTAL(json_extract(record, \'$.spentUsd\')) AS usd FROM plans")?.usd ?? 0',
      '?? dropped | first<{ usd: number }>("SELECT TOTAL(json_extract(record, \'$.spentUsd\')) AS usd FROM plans")?.usd ?? 0',
    ],
    reason: 'equivalent: an aggregate always answers a row; the default is for the types',
  },
  {
    file: 'store-history.ts',
    keys: [
      'number | ?.next ?? 1 | 1 -> 2',
      "?? dropped | first<{ next: number }>('SELECT COALESCE(MAX(seq), 0) + 1 AS next FROM events WHERE plan = ?', planId)",
      'number | ?.seq ?? 0 | 0 -> 1',
      "?? dropped | first<{ seq: number }>('SELECT COALESCE(MAX(seq), 0) AS seq FROM events WHERE plan = ?', planId)",
      "?? dropped | return first<{ due: number | null }>('SELECT MIN(due) AS due FROM notifications')?.due ?? null",
      'number | lastN: Math.max(past?.lastN ?? 0, lines?.lastN ?? 0), | 0 -> 1 (2)',
      '?? dropped | lastN: Math.max(past?.lastN ?? 0, lines?.lastN ?? 0), | lines?.lastN',
      'number | kept: Math.max(past?.kept ?? 0, lines?.kept ?? 0), | 0 -> 1 (2)',
      '?? dropped | kept: Math.max(past?.kept ?? 0, lines?.kept ?? 0), | lines?.kept',
    ],
    reason: 'equivalent: an aggregate always answers a row; the default is for the types',
  },
  {
    file: 'store.ts',
    keys: [
      "SQL number | 'INSERT INTO plans (id, ord, status, watched, revision, record) VALUES (?, ?, ?, 1, 0, ?)'",
    ],
    reason: 'equivalent: both columns are written over by savePlan in the same block',
  },
  {
    file: 'store-history.ts',
    keys: [
      'condition false | const data = event.data === undefined ? null : JSON.stringify(redactAll(event.data))',
    ],
    reason: 'equivalent: undefined is stored as NULL too',
  },
  {
    file: 'store-history.ts',
    keys: [
      'number | return store.events(planId, seq - 1, 1).find((event) => event.seq === seq) | 1 -> 2 (2)',
      "SQL LIMIT widened | if (first('SELECT 1 AS one FROM notifications WHERE due > ? LIMIT 1', afterMs) !== undefined)",
      "SQL number | if (first('SELECT 1 AS one FROM notifications WHERE due > ? LIMIT 1', afterMs) !== undefined)",
    ],
    reason: 'equivalent: one row more is read and not looked at, or its content is not',
  },
  {
    file: 'store-history.ts',
    keys: [
      "number | return sql.exec('INSERT OR IGNORE INTO deliveries (id, at) VALUES (?, ?)', id, atMs).rowsWritten > 0 | 0 -> 1",
    ],
    reason: 'equivalent: a row and the entry of its key are two rows written',
  },
  {
    file: 'store-history.ts',
    keys: ['boundary | if (kept <= MAX_EVENTS_PER_ATTEMPT || lastN === before.lastN) return lastN'],
    reason: 'equivalent: at the cap itself the table says what the lines say',
  },
  {
    file: 'store-history.ts',
    keys: [
      'statement dropped | sources.set(`${planId} ${attempt}`, source)',
      "SQL boundary | if (first('SELECT 1 AS one FROM notifications WHERE due > ? LIMIT 1', afterMs)",
      "SQL WHERE dropped | if (first('SELECT 1 AS one FROM notifications WHERE due > ? LIMIT 1', afterMs)",
      "condition true | if (first('SELECT 1 AS one FROM notifications WHERE due > ? LIMIT 1', afterMs)",
    ],
    reason: 'equivalent but for reads, or for a write that changes no row',
  },
  {
    file: 'store-outbox.ts',
    keys: [
      'SQL LIMIT widened | return first(`SELECT 1 AS one FROM pending WHERE kind IN (${OUR_KINDS}) LIMIT 1`)',
      'SQL number | return first(`SELECT 1 AS one FROM pending WHERE kind IN (${OUR_KINDS}) LIMIT 1`)',
      'SQL LIMIT widened | first(`SELECT 1 AS one FROM pending WHERE kind IN (${OUR_KINDS}) AND kind',
      'SQL number | first(`SELECT 1 AS one FROM pending WHERE kind IN (${OUR_KINDS}) AND kind',
    ],
    reason: 'equivalent: one row more is read and not looked at, or its content is not',
  },
]
