// The Account object, one for all workspaces: what must be counted or serialised across them. Orgo counts computers and then
// inserts without a lock, so creates go one at a time; a 429 is per key, so all calls pace together; the monthly budget is one
// sum. Signing in is counted here too (logins.ts). No alarm and no timer: everything here is settled when somebody asks.
import { DurableObject } from 'cloudflare:workers'
import { checkOrgo } from './check-orgo.ts'
import * as logins from './logins.ts'

const SLOT_LIFE_MS = 3 * 60_000
const SLOT_RETRY_MS = 3_000
const MAX_PACE_MS = 60_000
const CALM_MS = 2 * 60_000
/** Long after any lease's own deadline: who has not settled by then will not. Its worst case counts from the first moment. */
const SETTLE_UNTIL_MS = 24 * 60 * 60_000

const TABLES = `
  CREATE TABLE IF NOT EXISTS create_slot (id INTEGER PRIMARY KEY CHECK (id = 1), holder TEXT NOT NULL, expires_at INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS pace (id INTEGER PRIMARY KEY CHECK (id = 1), not_before INTEGER NOT NULL, strikes INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS reservations (lease TEXT PRIMARY KEY, month TEXT NOT NULL, usd REAL NOT NULL, at INTEGER NOT NULL) STRICT;
  CREATE INDEX IF NOT EXISTS reservations_by_month ON reservations (month);
  CREATE TABLE IF NOT EXISTS months (month TEXT PRIMARY KEY, usd REAL NOT NULL) STRICT;`

export interface ReserveInput {
  leaseId: string
  worstCaseUsd: number
  nowMs: number
  /** MONTHLY_BUDGET_USD. */
  limitUsd: number
}

export class Account extends DurableObject<Env> {
  #hasTables = false

  get #sql(): SqlStorage {
    if (!this.#hasTables) this.ctx.storage.sql.exec(TABLES + logins.LOGIN_TABLES)
    this.#hasTables = true
    return this.ctx.storage.sql
  }

  /** The right to create one computer, for 3 minutes or until released. The holder itself may ask again. */
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

  /** Only its holder can give the slot back: a late release must not free the next one's. */
  releaseCreate(holder: string): void {
    this.#sql.exec('DELETE FROM create_slot WHERE holder = ?', holder)
  }

  /** A 429: nobody calls before then. Without a time from Orgo 1 s, doubling to 60 s while they come close together. */
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

  /** Milliseconds to wait before the next call of Orgo; 0: now. */
  canCall(): number {
    const pace = this.#sql.exec<Pace>('SELECT not_before, strikes FROM pace').toArray()[0]
    return Math.max(0, (pace?.not_before ?? 0) - Date.now())
  }

  /**
   * Sets a call's worst case aside in its UTC month. Admitted while what is spent and set aside stays below the limit, so that
   * the limit is crossed by one call at most. The same lease again replaces its reservation.
   */
  reserve({ leaseId, worstCaseUsd, nowMs, limitUsd }: ReserveInput): { ok: boolean } {
    this.#closeOld(nowMs)
    const month = utcMonth(nowMs)
    const others = this.#settled(month) + this.#open(month, leaseId)
    if (others >= limitUsd) return { ok: false }
    this.#sql.exec(
      'INSERT OR REPLACE INTO reservations (lease, month, usd, at) VALUES (?, ?, ?, ?)',
      leaseId,
      month,
      worstCaseUsd,
      nowMs,
    )
    return { ok: true }
  }

  /** A reserved call that cannot cost as much any more: the rest is room for others. Never raises. */
  lower(leaseId: string, usd: number): void {
    if (Number.isFinite(usd) && usd >= 0)
      this.#sql.exec('UPDATE reservations SET usd = MIN(usd, ?) WHERE lease = ?', usd, leaseId)
  }

  /** What the call came to, booked in the month it was reserved in. A repeat, or a lease nobody reserved, changes nothing. */
  settle(leaseId: string, usd: number): void {
    const open = this.#sql
      .exec<Reservation>('DELETE FROM reservations WHERE lease = ? RETURNING month, usd', leaseId)
      .toArray()[0]
    if (open === undefined) return
    // A sum that is none is no discount.
    this.#book(open.month, Number.isFinite(usd) && usd >= 0 ? usd : open.usd)
  }

  /** Dollars settled in this UTC month, without what is still open. */
  spentThisMonth(nowMs: number = Date.now()): number {
    this.#closeOld(nowMs)
    return this.#settled(utcMonth(nowMs))
  }

  /** Milliseconds to wait before this source may try to sign in; 0: now, and the try is counted. */
  countTry(source: string, nowMs: number): number {
    return logins.countTry(this.#sql, source, nowMs)
  }

  /** The try was right: strikes forgotten, session open. Answers when it expires. */
  signIn(source: string, session: logins.Held): number {
    logins.clearStrikes(this.#sql, source)
    return logins.openSession(this.#sql, session)
  }

  keepPairingCode(code: logins.Held): number {
    return logins.keepPairingCode(this.#sql, code)
  }

  redeemPairingCode(code: logins.Held): boolean {
    return logins.redeemPairingCode(this.#sql, code)
  }

  hasSession(session: logins.Held): boolean {
    return logins.hasSession(this.#sql, session)
  }

  endSession(hash: string): void {
    logins.endSession(this.#sql, hash)
  }

  admit(admission: logins.Admission): boolean {
    return logins.admit(this.#sql, admission)
  }

  checkOrgo() {
    return checkOrgo(this.env)
  }

  #closeOld(nowMs: number): void {
    const late = this.#sql
      .exec<Reservation>(
        'DELETE FROM reservations WHERE at < ? RETURNING month, usd',
        nowMs - SETTLE_UNTIL_MS,
      )
      .toArray()
    for (const { month, usd } of late) this.#book(month, usd)
  }

  #book(month: string, usd: number): void {
    this.#sql.exec(
      'INSERT INTO months (month, usd) VALUES (?, ?) ON CONFLICT (month) DO UPDATE SET usd = usd + excluded.usd',
      month,
      usd,
    )
  }

  #settled(month: string): number {
    return this.#sql.exec<Sum>('SELECT TOTAL(usd) AS usd FROM months WHERE month = ?', month).one().usd
  }

  #open(month: string, exceptLease: string): number {
    const query = 'SELECT TOTAL(usd) AS usd FROM reservations WHERE month = ? AND lease <> ?'
    return this.#sql.exec<Sum>(query, month, exceptLease).one().usd
  }
}

// Rows of this file's own queries.
type Slot = { holder: string; expires_at: number }
type Pace = { not_before: number; strikes: number }
type Reservation = { month: string; usd: number }
type Sum = { usd: number }

const utcMonth = (ms: number): string => new Date(ms).toISOString().slice(0, 7)
