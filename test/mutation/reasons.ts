// Why a mutant that no test catches may live. Keyed by file, line as written and change, so that lines may move; an entry without
// its mutant is a failure of the run.
export interface Reason {
  file: string
  /** Part of the mutant's key: operator, line and change (report.ts prints it). */
  keys: string[]
  reason: string
}

export const REASONS: Reason[] = []
