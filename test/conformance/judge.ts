// Pure: what the suite found against what our baseline says may fail. Anything else that fails is a problem, and so is an entry
// of the baseline that fails no more: it would hide the next failure.

export interface Check {
  run: string
  scenario: string
  id: string
  /** SUCCESS, FAILURE, WARNING, SKIPPED, INFO. */
  status: string
  message: string
}

export interface Excluded {
  run: string
  scenario: string
  id: string
  /** Why a product server does not pass it. */
  reason: string
  /** What the failure says, so that another failure of the same check is not taken for it. */
  says: RegExp
}

export interface Verdict {
  rows: { run: string; scenario: string; passed: number; excluded: number; failed: number }[]
  problems: string[]
}

export function judge(checks: Check[], baseline: Excluded[]): Verdict {
  const problems: string[] = []
  const used = new Set<Excluded>()
  const rows = new Map<string, Verdict['rows'][number]>()
  for (const check of checks) {
    const { run, scenario, id, status, message } = check
    const key = `${run} ${scenario}`
    const row = rows.get(key) ?? { run, scenario, passed: 0, excluded: 0, failed: 0 }
    rows.set(key, row)
    if (status === 'SUCCESS') row.passed += 1
    if (status !== 'FAILURE') continue
    const excluded = baseline.find(
      (entry) =>
        entry.run === run && entry.scenario === scenario && entry.id === id && entry.says.test(message),
    )
    if (excluded === undefined) {
      row.failed += 1
      problems.push(`${key}: ${id} failed: ${message.slice(0, 300)}`)
    } else {
      row.excluded += 1
      used.add(excluded)
    }
  }
  for (const entry of baseline)
    if (!used.has(entry))
      problems.push(
        `${entry.run} ${entry.scenario}: ${entry.id} is in the baseline but did not fail so. Take it out of baseline.ts.`,
      )
  return { rows: [...rows.values()], problems }
}

/** Scenarios that must have run and passed something: a suite that silently skips one is no proof. */
export function missing(verdict: Verdict, required: { run: string; scenarios: string[] }[]): string[] {
  return required.flatMap(({ run, scenarios }) =>
    scenarios
      .filter(
        (scenario) =>
          !verdict.rows.some((row) => row.run === run && row.scenario === scenario && row.passed > 0),
      )
      .map((scenario) => `${run} ${scenario}: did not run, or passed nothing.`),
  )
}
