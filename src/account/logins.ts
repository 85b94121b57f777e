// Sign-in state in the Account object: how long a source must wait after wrong tries, and the one pairing code. Secrets arrive as
// hashes, with a mark of the OWNER_TOKEN they belong to; after the token changes, none is valid.

const PAIRING_LIFE_MS = 10 * 60_000
const FIRST_WAIT_MS = 1_000
const MAX_WAIT_MS = 5 * 60_000
const FORGET_STRIKES_MS = 60 * 60_000
/** This limit holds for all sources together: 40 bits against so many guesses. */
const MAX_PAIRING_TRIES = 1_000

export const LOGIN_TABLES = `
  CREATE TABLE IF NOT EXISTS login_strikes (source TEXT PRIMARY KEY, strikes INTEGER NOT NULL, not_before INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS pairing_code (id INTEGER PRIMARY KEY CHECK (id = 1), hash TEXT NOT NULL, owner TEXT NOT NULL, expires_at INTEGER NOT NULL, tries INTEGER NOT NULL) STRICT;
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

export interface Held {
  hash: string
  /** The ownerMark of the OWNER_TOKEN that was set then. */
  owner: string
  nowMs: number
}

/** Stores the only pairing code; a new one ends the one before. Returns when it expires. */
export function keepPairingCode(sql: SqlStorage, { hash, owner, nowMs }: Held): number {
  const expiresAtMs = nowMs + PAIRING_LIFE_MS
  sql.exec(
    'INSERT OR REPLACE INTO pairing_code (id, hash, owner, expires_at, tries) VALUES (1, ?, ?, ?, 0)',
    hash,
    owner,
    expiresAtMs,
  )
  return expiresAtMs
}

/** Returns true once for the right code; the code is deleted. */
export function redeemPairingCode(sql: SqlStorage, { hash, owner, nowMs }: Held): boolean {
  sql.exec('UPDATE pairing_code SET tries = tries + 1')
  sql.exec('DELETE FROM pairing_code WHERE tries > ? OR expires_at <= ?', MAX_PAIRING_TRIES, nowMs)
  return (
    sql.exec('DELETE FROM pairing_code WHERE hash = ? AND owner = ? RETURNING id', hash, owner).toArray()
      .length === 1
  )
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
