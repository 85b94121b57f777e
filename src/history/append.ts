// Writes the outbox into D1, at least once and idempotently. A lost answer leaves a write's fate unknown, so the same rows come
// again. `ON CONFLICT DO NOTHING` takes them once (`OR IGNORE` would also swallow constraint errors), and snapshots only move
// forward. What a running plan has spent comes under the revision it has.

import { inTime } from '../lib/in-time.ts'

/** One statement each over json_each for any number of rows: D1 allows 50 queries per invocation on the Free plan. */
const EVENTS = `INSERT INTO events (plan, seq, at, type, text, data)
  SELECT value ->> 'plan', value ->> 'seq', value ->> 'at', value ->> 'type', value ->> 'text', value ->> 'data' FROM json_each(?1) WHERE true
  ON CONFLICT (plan, seq) DO NOTHING`
const PLANS = `INSERT INTO plans (id, workspace, branch, status, created_at, revision, snapshot)
  SELECT value ->> 'id', value ->> 'workspace', value ->> 'branch', value ->> 'status', value ->> 'createdAt', value ->> 'revision', value ->> 'snapshot'
  FROM json_each(?1) WHERE true
  ON CONFLICT (id) DO UPDATE SET status = excluded.status, branch = excluded.branch, revision = excluded.revision, snapshot = excluded.snapshot
  WHERE excluded.revision >= plans.revision`
const WORKSPACES = `INSERT INTO workspaces (name, git_remote, status, revision, snapshot, created_at)
  SELECT value ->> 'name', value ->> 'gitRemote', value ->> 'status', value ->> 'revision', value ->> 'snapshot', value ->> 'createdAt'
  FROM json_each(?1) WHERE true
  ON CONFLICT (name) DO UPDATE SET git_remote = excluded.git_remote, status = excluded.status, revision = excluded.revision,
    snapshot = excluded.snapshot, created_at = excluded.created_at
  WHERE excluded.revision > workspaces.revision`

/** Repeated deletes find nothing, so they do no harm. */
const ERASED = ['events WHERE plan', 'plans WHERE id'].map(
  (rows) => `DELETE FROM ${rows} IN (SELECT value FROM json_each(?1))`,
)

/** `data` and `snapshot` are JSON texts. */
export interface HistoryRows {
  events: { plan: string; seq: number; at: number; type: string; text: string; data: string | null }[]
  plans: {
    id: string
    workspace: string
    branch: string
    status: string
    createdAt: number
    revision: number
    snapshot: string
  }[]
  workspaces: {
    name: string
    gitRemote: string
    status: string
    createdAt: number
    revision: number
    snapshot: string
  }[]
  /** Ids of erased plans. The object has deleted them, so the lists above hold nothing of them. */
  erased: string[]
}

/** The alarm waits for this write, and nothing else of the workspace moves. A write that ends later is repeated without harm. */
const TIMEOUT_MS = 20_000

/** Writes all rows in one transaction. Throws when D1 fails or does not answer in time; the caller then keeps its outbox. */
export async function appendHistory(db: D1Database, rows: HistoryRows): Promise<void> {
  const statements = [
    ...(rows.events.length > 0 ? [db.prepare(EVENTS).bind(JSON.stringify(rows.events))] : []),
    ...(rows.plans.length > 0 ? [db.prepare(PLANS).bind(JSON.stringify(rows.plans))] : []),
    ...(rows.workspaces.length > 0 ? [db.prepare(WORKSPACES).bind(JSON.stringify(rows.workspaces))] : []),
    ...(rows.erased.length > 0
      ? ERASED.map((statement) => db.prepare(statement).bind(JSON.stringify(rows.erased)))
      : []),
  ]
  if (statements.length > 0) await inTime('D1', db.batch(statements), TIMEOUT_MS)
}
