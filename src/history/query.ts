// Queries across workspaces, asked of D1. The objects hold the truth; what is read here may be a moment behind. Snapshots come
// back as parsed JSON of the type that history/append.ts was given.
import * as z from 'zod'
import { fromBase64Url, toBase64Url } from '../lib/crypto.ts'
import { UpstreamError, UserError } from '../lib/errors.ts'
import { inTime } from '../lib/in-time.ts'
import { parseJson } from '../shared/json.ts'

const TIMEOUT_MS = 10_000

export interface HistoryPage {
  snapshots: unknown[]
  /** True when more rows follow the last one. */
  more: boolean
}

export interface ListWorkspacesInput {
  cursor?: string
  limit: number
}

/** Returns workspaces, newest first, without the removed ones, whose names are free again. */
export async function listWorkspaces(
  db: D1Database,
  { cursor, limit }: ListWorkspacesInput,
): Promise<HistoryPage> {
  const [at, name] = readCursor(cursor)
  const query = db.prepare(
    `SELECT snapshot FROM workspaces WHERE status <> 'removed' AND (?1 IS NULL OR (created_at, name) < (?1, ?2))
     ORDER BY created_at DESC, name DESC LIMIT ?3`,
  )
  return page(query.bind(at, name, limit + 1), limit)
}

export interface ListPlansInput {
  workspace?: string
  status?: string
  cursor?: string
  limit: number
}

/** Returns plans, newest first. */
export async function listPlans(
  db: D1Database,
  { workspace, status, cursor, limit }: ListPlansInput,
): Promise<HistoryPage> {
  const [at, id] = readCursor(cursor)
  const query = db.prepare(
    `SELECT snapshot FROM plans
     WHERE (?1 IS NULL OR workspace = ?1) AND (?2 IS NULL OR status = ?2) AND (?3 IS NULL OR (created_at, id) < (?3, ?4))
     ORDER BY created_at DESC, id DESC LIMIT ?5`,
  )
  return page(query.bind(workspace ?? null, status ?? null, at, id, limit + 1), limit)
}

/** Returns the names of a repository's workspaces. Hosts spell their addresses with and without ".git" and in any case. */
export async function workspacesByRemote(db: D1Database, remote: string): Promise<string[]> {
  const bare = remote
    .toLowerCase()
    .replace(/\/+$/, '')
    .replace(/\.git$/, '')
  const query = db.prepare(
    `SELECT name FROM workspaces WHERE status <> 'removed' AND lower(git_remote) IN (?1, ?1 || '.git') ORDER BY name`,
  )
  const rows = await all(query.bind(bare), z.object({ name: z.string() }))
  return rows.map((row) => row.name)
}

/** Counts the stored rows, to see whether the tables can be read. Throws D1's own errors. */
export async function countHistory(db: D1Database): Promise<void> {
  const count = db.prepare('SELECT (SELECT COUNT(*) FROM plans) + (SELECT COUNT(*) FROM events) AS n')
  await inTime('D1', count.first(), TIMEOUT_MS)
}

/** Returns the names as in migrations/; null when D1 does not answer, or was never migrated. */
export async function appliedMigrations(db: D1Database): Promise<string[] | null> {
  try {
    const names = db.prepare('SELECT name FROM d1_migrations ORDER BY name')
    const { results } = await inTime('D1', names.all(), TIMEOUT_MS)
    return z
      .array(z.object({ name: z.string() }))
      .parse(results)
      .map(({ name }) => name)
  } catch {
    return null // doctor's finding about D1 says so
  }
}

/** Returns the cursor that continues after the row with this creation time and id. */
export function historyCursor(createdAtMs: number, id: string): string {
  return toBase64Url(new TextEncoder().encode(JSON.stringify([createdAtMs, id])))
}

const Cursor = z.tuple([z.int(), z.string().max(100)])

function readCursor(cursor: string | undefined): [number, string] | [null, null] {
  if (cursor === undefined) return [null, null]
  const bytes = fromBase64Url(cursor)
  const parsed = Cursor.safeParse(parseJson(bytes ?? ''))
  if (!parsed.success)
    throw new UserError(
      'cursor is not one that this list answered. Leave cursor out to begin with the newest.',
    )
  return parsed.data
}

const SnapshotRow = z.object({ snapshot: z.string().transform((text): unknown => JSON.parse(text)) })

async function page(statement: D1PreparedStatement, limit: number): Promise<HistoryPage> {
  const rows = await all(statement, SnapshotRow)
  return { snapshots: rows.slice(0, limit).map((row) => row.snapshot), more: rows.length > limit }
}

/** Returns every row, parsed. When D1 fails or does not answer, throws one error that says what still works. */
async function all<Row>(statement: D1PreparedStatement, row: z.ZodType<Row>): Promise<Row[]> {
  try {
    const { results } = await inTime('D1', statement.all(), TIMEOUT_MS)
    return z.array(row).parse(results)
  } catch (error) {
    throw new UpstreamError(
      'transient',
      'history_unavailable',
      'Lists cannot be read: the history database (D1) did not answer. plan_submit, plan_status, plan_message, plan_cancel, plan_resume and workspace_sync need no list and still work. Try this one again in a minute.',
      error,
    )
  }
}
