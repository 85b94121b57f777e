// The owner's browser sessions in the Account object: each is opened by a sign-in, and ends by itself or when it is signed out.
import type { Held } from './pairing-codes.ts'

const SESSION_LIFE_MS = 12 * 60 * 60_000

export const SESSION_TABLES = `
  CREATE TABLE IF NOT EXISTS sessions (hash TEXT PRIMARY KEY, owner TEXT NOT NULL, expires_at INTEGER NOT NULL) STRICT;`

export function openSession(sql: SqlStorage, { hash, owner, nowMs }: Held): number {
  const expiresAtMs = nowMs + SESSION_LIFE_MS
  sql.exec('DELETE FROM sessions WHERE expires_at <= ? OR owner <> ?', nowMs, owner)
  sql.exec(
    'INSERT OR REPLACE INTO sessions (hash, owner, expires_at) VALUES (?, ?, ?)',
    hash,
    owner,
    expiresAtMs,
  )
  return expiresAtMs
}

export function hasSession(sql: SqlStorage, { hash, owner, nowMs }: Held): boolean {
  const query = 'SELECT hash FROM sessions WHERE hash = ? AND owner = ? AND expires_at > ?'
  return sql.exec(query, hash, owner, nowMs).toArray().length === 1
}

export function endSession(sql: SqlStorage, hash: string): void {
  sql.exec('DELETE FROM sessions WHERE hash = ?', hash)
}
