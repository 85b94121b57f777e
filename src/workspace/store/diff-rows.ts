// The object's SQL for diffs: the pages a VM uploaded, and what is known about each upload.
import { redactAll } from '../../lib/redact.ts'
import type { DiffFile, DiffTotals } from '../../shared/protocol.ts'
import { createQueries } from './history-rows.ts'

/** One upload, of one head. */
export interface DiffRecord {
  head: string
  base: string | null
  /** Pages stored so far, from 0 without gaps. */
  pages: number
  /** null until the last page has arrived; the diff is not shown before that. */
  totals: DiffTotals | null
  /** Number of pages this plan ever uploaded. It limits how much a hostile VM can make the object write. */
  written: number
}

export function createDiffStore(sql: SqlStorage) {
  const { rows, first } = createQueries(sql)
  return {
    diffs(planId: string): DiffRecord[] {
      return rows<{ record: string }>('SELECT record FROM diffs WHERE plan = ?', planId).map((row) =>
        JSON.parse(row.record),
      )
    },

    saveDiff(planId: string, diff: DiffRecord): void {
      sql.exec(
        'INSERT INTO diffs (plan, head, record) VALUES (?, ?, ?) ON CONFLICT (plan, head) DO UPDATE SET record = excluded.record',
        planId,
        diff.head,
        JSON.stringify(diff),
      )
    },

    addDiffPage(planId: string, head: string, n: number, files: DiffFile[]): void {
      const paths = files.flatMap(({ path, oldPath }) => (oldPath === undefined ? [path] : [path, oldPath]))
      sql.exec(
        'INSERT OR REPLACE INTO diff_pages (plan, head, n, paths, files) VALUES (?, ?, ?, ?, ?)',
        planId,
        head,
        n,
        JSON.stringify(paths),
        JSON.stringify(redactAll(files)),
      )
    },

    /** Returns the first page from n on that shows the path or something below it; without a path, the first page from n on. */
    diffPage(
      planId: string,
      head: string,
      n: number,
      path: string | null,
    ): { n: number; files: DiffFile[] } | null {
      const row =
        path === null
          ? first<{ n: number; files: string }>(
              'SELECT n, files FROM diff_pages WHERE plan = ? AND head = ? AND n >= ? ORDER BY n LIMIT 1',
              planId,
              head,
              n,
            )
          : first<{ n: number; files: string }>(
              `SELECT n, files FROM diff_pages WHERE plan = ? AND head = ? AND n >= ? AND EXISTS (
                 SELECT 1 FROM json_each(paths) WHERE value = ? OR instr(value, ?) = 1
               ) ORDER BY n LIMIT 1`,
              planId,
              head,
              n,
              path,
              `${path}/`,
            )
      return row === undefined ? null : { n: row.n, files: JSON.parse(row.files) }
    },

    /** Drops every upload of the plan except those of these heads. */
    dropOtherDiffs(planId: string, heads: string[]): void {
      const kept = JSON.stringify(heads)
      for (const table of ['diff_pages', 'diffs'])
        sql.exec(
          `DELETE FROM ${table} WHERE plan = ? AND head NOT IN (SELECT value FROM json_each(?))`,
          planId,
          kept,
        )
    },
  }
}
