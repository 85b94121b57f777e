// What a newer version of this code left in the tables and ours does not know: states, kinds of outbox rows, kinds of leases. Our
// queries pass them by (store.ts, store-history.ts); here they are only counted, so that the object stays awake for them.
import { isKnownLease, isKnownStatus } from '../records/records.ts'
import type { LeaseRecord } from '../records/records.ts'
import { createQueries } from './history-rows.ts'
import { OUR_KINDS } from './outbox-rows.ts'

export function createForeignStore(sql: SqlStorage) {
  const { rows, first } = createQueries(sql)
  return {
    foreign(): number {
      const plans = rows<{ status: string }>('SELECT status FROM plans WHERE watched = 1').filter(
        ({ status }) => !isKnownStatus(status),
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
