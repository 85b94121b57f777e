// The object's SQL for what is erased: plans that ended so long ago that nobody keeps them (HISTORY_DAYS).
import { createQueries } from './history-rows.ts'

/** Every table with rows of a plan but `plans` and `pending`. adopted_lines stays: by it a line of tasks.md never becomes a second plan. */
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
/** As the index plans_finished has it (schema.ts), so that a look reads no more rows than it answers. */
const FINISHED = "json_extract(record, '$.finishedAtMs')"

export function createEraseStore(sql: SqlStorage) {
  const { rows } = createQueries(sql)
  return {
    /** Plans nobody watches any more, those first that ended first. A watched one is open, known to the VM, or has an open branch. */
    finishedPlans(limit: number): { id: string; finishedAtMs: number }[] {
      return rows<{ id: string; at: number }>(
        `SELECT id, ${FINISHED} AS at FROM plans WHERE watched = 0 AND ${FINISHED} IS NOT NULL ORDER BY ${FINISHED} LIMIT ?`,
        limit,
      ).map(({ id, at }) => ({ id, finishedAtMs: at }))
    },

    /** The word to D1 first, the plan's own row last: if one of these throws, the plan is found and erased again. */
    erasePlan(planId: string): void {
      sql.exec("INSERT OR IGNORE INTO pending (kind, plan, seq) VALUES ('erase', ?, 0)", planId)
      for (const table of TABLES) sql.exec(`DELETE FROM ${table} WHERE plan = ?`, planId)
      sql.exec("DELETE FROM notifications WHERE json_extract(body, '$.plan.id') = ?", planId)
      sql.exec('DELETE FROM plans WHERE id = ?', planId)
    },
  }
}
