// The one pairing code, kept in the Account object. Secrets arrive as hashes, with a mark of the OWNER_TOKEN they belong to; after
// the token changes, none is valid.

const PAIRING_LIFE_MS = 10 * 60_000
/** This limit holds for all sources together: 40 bits against so many guesses. */
const MAX_PAIRING_TRIES = 1_000

export const PAIRING_TABLE = `
  CREATE TABLE IF NOT EXISTS pairing_code (id INTEGER PRIMARY KEY CHECK (id = 1), hash TEXT NOT NULL, owner TEXT NOT NULL, expires_at INTEGER NOT NULL, tries INTEGER NOT NULL) STRICT;`

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
