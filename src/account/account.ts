// The Account object, one for all workspaces: it holds what must be counted or serialised across them. Orgo counts computers and
// then inserts without a lock, so creates go one at a time. A 429 is per key, so all calls wait together. The monthly budget is
// one sum. Sign-ins are counted here too (sign-in-attempts.ts). It has no alarm and no timer: everything is settled when a call comes.
import { DurableObject } from 'cloudflare:workers'
import { utcMonth } from '../lib/ids.ts'
import { checkOrgo } from './check-orgo.ts'
import * as pairing from './pairing-codes.ts'
import * as sessions from './sessions.ts'
import * as attempts from './sign-in-attempts.ts'

const SLOT_LIFE_MS = 3 * 60_000
const SLOT_RETRY_MS = 3_000
const MAX_PACE_MS = 60_000
const CALM_MS = 2 * 60_000
/** Granted beyond what was asked for: most calls then need no question. A workspace that dies with it takes no more than this. */
const MOST_AHEAD_USD = 1

/** Makes each grant a number that was not granted before, so that a late return cannot match a newer grant. */
const NEW_GRANT_USD = 1e-9

const TABLES = `
  CREATE TABLE IF NOT EXISTS create_slot (id INTEGER PRIMARY KEY CHECK (id = 1), holder TEXT NOT NULL, expires_at INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS pace (id INTEGER PRIMARY KEY CHECK (id = 1), not_before INTEGER NOT NULL, strikes INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS month_grants (
    month TEXT NOT NULL, workspace TEXT NOT NULL, usd REAL NOT NULL, PRIMARY KEY (month, workspace)
  ) STRICT, WITHOUT ROWID;`

export interface GrantMonthInput {
  workspace: string
  /** Spent in this month, plus the worst cases of open calls. */
  usedUsd: number
  /** Worst case of the call that is asked for. */
  worstCaseUsd: number
  nowMs: number
  limitUsd: number
}

export interface ReturnMonthInput {
  workspace: string
  month: string
  fromUsd: number
  toUsd: number
}

export class Account extends DurableObject<Env> {
  #hasTables = false

  get #sql(): SqlStorage {
    if (!this.#hasTables)
      this.ctx.storage.sql.exec(
        [TABLES, attempts.ATTEMPT_TABLES, pairing.PAIRING_TABLE, sessions.SESSION_TABLES].join('\n'),
      )
    this.#hasTables = true
    return this.ctx.storage.sql
  }

  /** Gives the right to create one computer, for 3 minutes or until released. The holder itself may ask again. */
  acquireCreate(holder: string): { granted: boolean; retryAfterMs: number } {
    const now = Date.now()
    const held = this.#sql.exec<Slot>('SELECT holder, expires_at FROM create_slot').toArray()[0]
    if (held !== undefined && held.holder !== holder && held.expires_at > now)
      return { granted: false, retryAfterMs: Math.min(held.expires_at - now, SLOT_RETRY_MS) }
    this.#sql.exec(
      'INSERT OR REPLACE INTO create_slot (id, holder, expires_at) VALUES (1, ?, ?)',
      holder,
      now + SLOT_LIFE_MS,
    )
    return { granted: true, retryAfterMs: 0 }
  }

  /** Only the holder can give the slot back, so a late release does not free the next holder's slot. */
  releaseCreate(holder: string): void {
    this.#sql.exec('DELETE FROM create_slot WHERE holder = ?', holder)
  }

  /** Orgo answered 429: no workspace calls before the time it named, or for 1 s, doubling to 60 s while 429s come close together. */
  noteRateLimit(retryAfterMs: number | null): void {
    const now = Date.now()
    const last = this.#sql.exec<Pace>('SELECT not_before, strikes FROM pace').toArray()[0]
    const strikes = last === undefined || now - last.not_before > CALM_MS ? 0 : last.strikes
    const waitMs = retryAfterMs ?? Math.min(1_000 * 2 ** strikes, MAX_PACE_MS)
    const notBefore = Math.max(now + waitMs, last?.not_before ?? 0)
    this.#sql.exec(
      'INSERT OR REPLACE INTO pace (id, not_before, strikes) VALUES (1, ?, ?)',
      notBefore,
      Math.min(strikes + 1, 10),
    )
  }

  /** Returns the milliseconds to wait before the next call to Orgo; 0: now. */
  canCall(): number {
    const pace = this.#sql.exec<Pace>('SELECT not_before, strikes FROM pace').toArray()[0]
    return Math.max(0, (pace?.not_before ?? 0) - Date.now())
  }

  /**
   * Lets a workspace spend in this UTC month: what it has used, the call it asks for, and a little more. It is admitted while the
   * sum of all grants stays below the limit, so at most one call crosses the limit.
   */
  grantMonth({ workspace, usedUsd, worstCaseUsd, nowMs, limitUsd }: GrantMonthInput): {
    ok: boolean
    grantedUsd: number
  } {
    const month = utcMonth(nowMs)
    const others = this.#granted(month, workspace)
    const neededUsd = usedUsd + worstCaseUsd
    if (!Number.isFinite(neededUsd) || others + usedUsd >= limitUsd) return { ok: false, grantedUsd: 0 }
    const chunkUsd = Math.min(limitUsd / 200, MOST_AHEAD_USD)
    const wantedUsd = Math.max(neededUsd, Math.min(neededUsd + chunkUsd, limitUsd - others))
    const { usd } = this.#sql
      .exec<Sum>(
        `INSERT INTO month_grants (month, workspace, usd) VALUES (?, ?, ?)
         ON CONFLICT (month, workspace) DO UPDATE SET usd = MAX(usd + ${NEW_GRANT_USD}, excluded.usd) RETURNING usd`,
        month,
        workspace,
        wantedUsd,
      )
      .one()
    return { ok: true, grantedUsd: usd }
  }

  /** Gives the unused rest back. It must name the exact grant, so that a late return does not take back a newer one. */
  returnMonth({ workspace, month, fromUsd, toUsd }: ReturnMonthInput): void {
    this.#sql.exec(
      'UPDATE month_grants SET usd = ? WHERE month = ? AND workspace = ? AND usd = ?',
      toUsd,
      month,
      workspace,
      fromUsd,
    )
  }

  /** Returns the dollars that were spent or granted in this UTC month. */
  grantedThisMonth(nowMs: number = Date.now()): number {
    return this.#granted(utcMonth(nowMs), '')
  }

  /** Returns the milliseconds this source must wait before trying to sign in; 0: now, and the try is counted. */
  countTry(source: string, nowMs: number): number {
    return attempts.countTry(this.#sql, source, nowMs)
  }

  /** The try was right: clears the strikes and opens the session. Returns when the session expires. */
  signIn(source: string, session: pairing.Held): number {
    attempts.clearStrikes(this.#sql, source)
    return sessions.openSession(this.#sql, session)
  }

  keepPairingCode(code: pairing.Held): number {
    return pairing.keepPairingCode(this.#sql, code)
  }

  redeemPairingCode(code: pairing.Held): boolean {
    return pairing.redeemPairingCode(this.#sql, code)
  }

  hasSession(session: pairing.Held): boolean {
    return sessions.hasSession(this.#sql, session)
  }

  endSession(hash: string): void {
    sessions.endSession(this.#sql, hash)
  }

  admit(admission: attempts.Admission): boolean {
    return attempts.admit(this.#sql, admission)
  }

  checkOrgo() {
    return checkOrgo(this.env)
  }

  #granted(month: string, exceptWorkspace: string): number {
    const query = 'SELECT TOTAL(usd) AS usd FROM month_grants WHERE month = ? AND workspace <> ?'
    return this.#sql.exec<Sum>(query, month, exceptWorkspace).one().usd
  }
}

type Slot = { holder: string; expires_at: number }
type Pace = { not_before: number; strikes: number }
type Sum = { usd: number }
