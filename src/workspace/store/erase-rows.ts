// The object's SQL that erases plans which ended longer ago than HISTORY_DAYS.
import { createQueries } from './history-rows.ts'

/** Every table with rows of a plan, except `plans`, `pending` and adopted_lines: no line of tasks.md becomes a second plan. */
const TABLES = [
  'texts',
  'events',
  'event_sources',
  'messages',
  'submissions',
  'leases',
  'diffs',
  'diff_pages',
]
/** The same expression as in the index plans_finished (schema.ts), so that the query reads only the rows it returns. */
const FINISHED = "json_extract(record, '$.finishedAtMs')"

export function createEraseStore(sql: SqlStorage) {
  const { rows } = createQueries(sql)
  return {
    /** Returns finished plans that are not open, known to the VM, or waiting with an open branch; the earliest end first. */
    finishedPlans(limit: number): { id: string; finishedAtMs: number }[] {
      return rows<{ id: string; at: number }>(
        `SELECT id, ${FINISHED} AS at FROM plans WHERE watched = 0 AND ${FINISHED} IS NOT NULL ORDER BY ${FINISHED} LIMIT ?`,
        limit,
      ).map(({ id, at }) => ({ id, finishedAtMs: at }))
    },

    /** Writes the message to D1 first and deletes the plan's own row last: if a statement throws, the plan is found again. */
    erasePlan(planId: string): void {
      sql.exec("INSERT OR IGNORE INTO pending (kind, plan, seq) VALUES ('erase', ?, 0)", planId)
      for (const table of TABLES) sql.exec(`DELETE FROM ${table} WHERE plan = ?`, planId)
      sql.exec("DELETE FROM notifications WHERE json_extract(body, '$.plan.id') = ?", planId)
      sql.exec('DELETE FROM plans WHERE id = ?', planId)
    },
  }
}
