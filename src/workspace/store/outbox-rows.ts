// What D1 still has to be told, one row each: a plan's events from a seq on, a plan, the workspace, an erased plan. All events of
// a plan share one row, and the table has no further index, because events of running plans are most of what is written.
import { createQueries } from './history-rows.ts'

const OURS = ['events', 'plan', 'workspace', 'erase'] as const
/** Rows of a kind that a newer version added stay until that version is back (foreign-rows.ts). */
export const OUR_KINDS = OURS.map((kind) => `'${kind}'`).join(', ')

/** `seq`: for 'events', the first event that D1 does not have. */
export type OutboxRow = { kind: (typeof OURS)[number]; plan: string; seq: number }

/** When only events wait, D1 is told at most this often: it serves lists only, and plan_status asks the object. */
export const LINES_WAIT_MS = 45_000
/** When no alarm rings by then, one is set. */
const LINES_LATEST_MS = 75_000

export function createOutboxStore(sql: SqlStorage) {
  const { rows, first } = createQueries(sql)
  let toldAtMs = 0
  const store = {
    /** D1 has everything. A new object starts with 0, that is, long ago. */
    noteTold: (atMs: number): void => void (toldAtMs = atMs),
    /** Corrects a time that was noted while the clock was ahead. */
    toldBy: (nowMs: number): void => void (toldAtMs = Math.min(toldAtMs, nowMs)),
    linesAreDue: (nowMs: number): boolean => !store.outboxIsEmpty() && nowMs >= toldAtMs + LINES_WAIT_MS,
    linesLatestMs: (): number => toldAtMs + LINES_LATEST_MS,

    toTell(kind: OutboxRow['kind'], plan = '', seq = 0): void {
      sql.exec('INSERT OR IGNORE INTO pending (kind, plan, seq) VALUES (?, ?, ?)', kind, plan, seq)
    },

    outbox(limit: number): OutboxRow[] {
      return rows<OutboxRow>(
        `SELECT kind, plan, seq FROM pending WHERE kind IN (${OUR_KINDS}) ORDER BY kind, plan LIMIT ?`,
        limit,
      )
    },

    told({ kind, plan }: Pick<OutboxRow, 'kind' | 'plan'>): void {
      sql.exec('DELETE FROM pending WHERE kind = ? AND plan = ?', kind, plan)
    },

    toldEventsBefore(plan: string, seq: number): void {
      sql.exec("UPDATE pending SET seq = ? WHERE kind = 'events' AND plan = ?", seq, plan)
    },

    outboxIsEmpty(): boolean {
      return first(`SELECT 1 AS one FROM pending WHERE kind IN (${OUR_KINDS}) LIMIT 1`) === undefined
    },

    /** True when something other than events waits: a new state, which lists should show at once. */
    outboxIsUrgent(): boolean {
      return (
        first(`SELECT 1 AS one FROM pending WHERE kind IN (${OUR_KINDS}) AND kind <> 'events' LIMIT 1`) !==
        undefined
      )
    },
  }
  return store
}
