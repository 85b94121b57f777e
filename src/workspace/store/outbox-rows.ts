// What D1 is still to be told, one row for each thing: events of a plan from a seq on, a plan, the workspace, a plan that is erased.
// Rows without an index of their own, and one for all of a plan's lines: what a running plan says is most of what is written.
import { createQueries } from './history-rows.ts'

const OURS = ['events', 'plan', 'workspace', 'erase'] as const
/** Rows of a kind that a newer version added wait for it (store-foreign.ts). */
export const OUR_KINDS = OURS.map((kind) => `'${kind}'`).join(', ')

/** `seq`: of 'events', the first of them that is not told. */
export type OutboxRow = { kind: (typeof OURS)[number]; plan: string; seq: number }

/** Lines of plans alone are told this seldom, with an alarm that rings anyway: D1 is for lists, and plan_status asks the object. */
export const LINES_WAIT_MS = 45_000
/** Where none rings, one is set. */
const LINES_LATEST_MS = 75_000

export function createOutboxStore(sql: SqlStorage) {
  const { rows, first } = createQueries(sql)
  let toldAtMs = 0
  const store = {
    /** D1 has everything; a new object takes it for long ago. */
    noteTold: (atMs: number): void => void (toldAtMs = atMs),
    /** The clock was ahead when it was noted. */
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

    /** Something besides lines of plans: a new state, which lists should show at once. */
    outboxIsUrgent(): boolean {
      return (
        first(`SELECT 1 AS one FROM pending WHERE kind IN (${OUR_KINDS}) AND kind <> 'events' LIMIT 1`) !==
        undefined
      )
    },
  }
  return store
}
