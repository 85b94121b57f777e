// Attempts to sign in, counted in the Account object: how long a source must wait after wrong ones, and how many may come at all.

const FIRST_WAIT_MS = 1_000
const MAX_WAIT_MS = 5 * 60_000
const FORGET_STRIKES_MS = 60 * 60_000

export const ATTEMPT_TABLES = `
  CREATE TABLE IF NOT EXISTS login_strikes (source TEXT PRIMARY KEY, strikes INTEGER NOT NULL, not_before INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS admissions (door TEXT NOT NULL, at INTEGER NOT NULL) STRICT;
  CREATE INDEX IF NOT EXISTS admissions_by_door ON admissions (door, at);
  CREATE INDEX IF NOT EXISTS admissions_by_age ON admissions (at);
  CREATE INDEX IF NOT EXISTS login_strikes_by_age ON login_strikes (not_before);`

/**
 * Called before a secret is compared. Returns 0 to go on, otherwise the milliseconds to wait. Every try counts as wrong until
 * clearStrikes says otherwise, so that a hundred tries at once count as one. The wait is 1 s after the first try, doubles to 5
 * minutes, and is forgotten after an hour.
 */
export function countTry(sql: SqlStorage, source: string, nowMs: number): number {
  sql.exec('DELETE FROM login_strikes WHERE not_before < ?', nowMs - FORGET_STRIKES_MS)
  const last = sql
    .exec<Strikes>('SELECT strikes, not_before FROM login_strikes WHERE source = ?', source)
    .toArray()[0]
  if (last !== undefined && last.not_before > nowMs) return last.not_before - nowMs
  const strikes = (last?.strikes ?? 0) + 1
  const waitMs = Math.min(FIRST_WAIT_MS * 2 ** (strikes - 1), MAX_WAIT_MS)
  sql.exec(
    'INSERT OR REPLACE INTO login_strikes (source, strikes, not_before) VALUES (?, ?, ?)',
    source,
    strikes,
    nowMs + waitMs,
  )
  return 0
}

export function clearStrikes(sql: SqlStorage, source: string): void {
  sql.exec('DELETE FROM login_strikes WHERE source = ?', source)
}

export interface Admission {
  /** What is counted, such as "register:1.2.3.4". */
  door: string
  most: number
  withinMs: number
  nowMs: number
}

/** True when at most so many came within the given time. A refused one does not count. */
export function admit(sql: SqlStorage, { door, most, withinMs, nowMs }: Admission): boolean {
  sql.exec('DELETE FROM admissions WHERE at <= ?', nowMs - 24 * 60 * 60_000)
  const query = 'SELECT COUNT(*) AS count FROM admissions WHERE door = ? AND at > ?'
  if (sql.exec<{ count: number }>(query, door, nowMs - withinMs).one().count >= most) return false
  sql.exec('INSERT INTO admissions (door, at) VALUES (?, ?)', door, nowMs)
  return true
}

type Strikes = { strikes: number; not_before: number }
