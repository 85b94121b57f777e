// Counts what a newer version of this code left in the tables and this one does not know: states, outbox kinds, lease kinds. The
// queries of store.ts and history-rows.ts skip such rows; the count keeps the object awake for them.
import { isKnownLease } from '../records/records.ts'
import type { LeaseRecord } from '../records/records.ts'
import { createQueries } from './history-rows.ts'
import { OUR_KINDS } from './outbox-rows.ts'
import { isPlanStatus } from '../../shared/words.ts'

export function createForeignStore(sql: SqlStorage) {
  const { rows, first } = createQueries(sql)
  return {
    foreign(): number {
      const plans = rows<{ status: string }>('SELECT status FROM plans WHERE watched = 1').filter(
        ({ status }) => !isPlanStatus(status),
      )
      const leases = rows<{ record: string }>('SELECT record FROM leases')
        .map((row): LeaseRecord => JSON.parse(row.record))
        .filter((lease) => !isKnownLease(lease))
      const outbox = first<{ n: number }>(
        `SELECT COUNT(*) AS n FROM pending WHERE kind NOT IN (${OUR_KINDS})`,
      )
      return plans.length + leases.length + (outbox?.n ?? 0)
    },
  }
}
