// Counts how often a plan's process died in a row. The count is in the plan's record, so that a restart of the supervisor does not
// begin it anew.
import type { PlanRecord } from './records.ts'

const MAX_CRASHES = 5
const MAX_ERROR_CHARS = 2_000

/** Counts one more. Returns how long to wait before the next start. */
export function countCrash(record: PlanRecord, how: string): number {
  record.crashes = (record.crashes ?? 0) + 1
  console.error(`plan ${record.id}: its process died (${how}), ${record.crashes} of ${MAX_CRASHES}`)
  return 1_000 * 2 ** (record.crashes - 1)
}

/** Sets the count back. Returns false when there was nothing to set back. */
export function forgetCrashes(record: PlanRecord): boolean {
  const isCounted = record.crashes !== undefined || record.lastError !== undefined
  delete record.crashes
  delete record.lastError
  return isCounted
}

export const diedTooOften = ({ crashes = 0 }: PlanRecord): boolean => crashes >= MAX_CRASHES

/** Returns the error of a plan that died too often, with what its process said of its own failure. */
export function describeCrashes({ lastError }: PlanRecord): string {
  const what = `The plan's process died ${MAX_CRASHES} times in a row without a tool result or a commit in between.`
  return [what, lastError ?? ''].join(' ').trim().slice(0, MAX_ERROR_CHARS)
}
