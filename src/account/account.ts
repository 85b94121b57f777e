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
/** Granted beyond what was asked for, so that most calls need no question. A workspace that dies with it takes no more from the month. */
const MOST_AHEAD_USD = 1

/** Each grant is a number not granted before, so that a return that comes late means none that came after it. */
const NEW_GRANT_USD = 1e-9

const TABLES = `
  CREATE TABLE IF NOT EXISTS create_slot (id INTEGER PRIMARY KEY CHECK (id = 1), holder TEXT NOT NULL, expires_at INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS pace (id INTEGER PRIMARY KEY CHECK (id = 1), not_before INTEGER NOT NULL, strikes INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS month_grants (
    month TEXT NOT NULL, workspace TEXT NOT NULL, usd REAL NOT NULL, PRIMARY KEY (month, workspace)
  ) STRICT, WITHOUT ROWID;`

export interface GrantMonthInput {
  workspace: string
  /** Of this month: what was spent, and the worst cases of calls that are open. */
  usedUsd: number
  /** Of the call asked for. */
  worstCaseUsd: number
  nowMs: number
  /** MONTHLY_BUDGET_USD. */
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
   * Lets a workspace spend in this UTC month: what it has used, the call it asks for, and a little more. Admitted while what all
   * have been granted stays below the limit, so that the limit is crossed by one call at most.
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

  /** The rest is others' to spend. Only from the very grant it means: a late one must not take back a newer. */
  returnMonth({ workspace, month, fromUsd, toUsd }: ReturnMonthInput): void {
    this.#sql.exec(
      'UPDATE month_grants SET usd = ? WHERE month = ? AND workspace = ? AND usd = ?',
      toUsd,
      month,
      workspace,
      fromUsd,
    )
  }

  /** Dollars spent in this UTC month or let be spent. */
  grantedThisMonth(nowMs: number = Date.now()): number {
    return this.#granted(utcMonth(nowMs), '')
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

  #granted(month: string, exceptWorkspace: string): number {
    const query = 'SELECT TOTAL(usd) AS usd FROM month_grants WHERE month = ? AND workspace <> ?'
    return this.#sql.exec<Sum>(query, month, exceptWorkspace).one().usd
  }
}

// Rows of this file's own queries.
type Slot = { holder: string; expires_at: number }
type Pace = { not_before: number; strikes: number }
type Sum = { usd: number }

const utcMonth = (ms: number): string => new Date(ms).toISOString().slice(0, 7)
