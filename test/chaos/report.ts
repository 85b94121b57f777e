// The scoreboard: what was injected how often, and how often each invariant broke after it.
import { CELLS, STATES } from './cells.ts'
import type { Result } from './job.ts'

const MEANING: Record<string, string> = {
  I1: 'no accepted plan is lost: each ends, or is paused with a reason and ends once resumed',
  I2: 'nothing is started twice, no old attempt acts',
  I3: 'no secret leaves',
  I4: 'no foreign ref changes, no unmerged branch is deleted',
  I5: 'history complete, legal, without gaps, equal in D1',
  I6: 'no spending beyond the budget and one call, none uncounted',
  I7: 'after the answer to a cancel nothing of it is pushed or spent',
  I8: 'pushes and merges at the host are known here',
  I9: 'no machine is left running unowned',
  alarm: 'what is open has an alarm, at every moment of rest',
}
/** Fewer say nothing about how often a call is made. */
const ENOUGH_RUNS = 100
/** The mark of a call that went well. */
const CALLED = '(called)'
const INVARIANTS = Object.keys(MEANING)

const visitedOf = (results: Result[]): Map<string, number> => {
  const all = new Map<string, number>()
  for (const { visited } of results)
    for (const [cell, count] of Object.entries(visited)) all.set(cell, (all.get(cell) ?? 0) + count)
  return all
}

/** Reachable cells nobody came to. */
export function missingCells(results: Result[]): string[] {
  const visited = visitedOf(results)
  return CELLS.filter((cell) => !visited.has(cell))
}

/** Calls made in a state in one run of four, and not asked for in cells.ts: the list has fallen behind the engine. */
export function unlistedCells(results: Result[]): string[] {
  const runs = results.reduce((sum, result) => sum + result.runs, 0)
  return [...visitedOf(results)].flatMap(([cell, count]) => {
    const [state = '', fault, point = ''] = cell.split(' × ')
    const isListed = STATES[point]?.includes(state) ?? false
    return fault === CALLED && runs >= ENOUGH_RUNS && count >= runs / 4 && !isListed
      ? [`${state} × ${point} (${count} calls)`]
      : []
  })
}

export function report(results: Result[], seconds: number): string {
  const visited = visitedOf(results)
  const sum = (pick: (result: Result) => number) => results.reduce((total, result) => total + pick(result), 0)
  const failures = results.flatMap(({ failures: own }) => own)
  const faults = new Map<string, number>()
  for (const [cell, count] of visited) {
    const fault = cell.split(' × ')[1] ?? ''
    if (fault === CALLED) continue
    faults.set(fault, (faults.get(fault) ?? 0) + count)
  }
  const brokenBy = (fault: string, invariant: string) =>
    failures.filter(
      ({ notes, violations }) =>
        notes.some((line) => line.includes(`fault ${fault} at`)) &&
        violations.some((one) => one.invariant === invariant),
    ).length
  const row = (name: string, count: number) =>
    `${name.padEnd(18)}${String(count).padStart(9)}${INVARIANTS.map((one) => String(brokenBy(name, one)).padStart(7)).join('')}`
  const known = new Set(CELLS)
  const news = [...visited.keys()].filter((cell) => !known.has(cell) && !cell.includes(CALLED))
  const missing = missingCells(results)
  return [
    `${'fault'.padEnd(18)}${'injected'.padStart(9)}${INVARIANTS.map((one) => one.padStart(7)).join('')}   (violations in runs with that fault)`,
    ...[...faults].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([fault, count]) => row(fault, count)),
    ...Object.entries(MEANING).map(
      ([name, words]) =>
        `${name.padEnd(6)} ${String(failures.filter(({ violations }) => violations.some(({ invariant }) => invariant === name)).length).padStart(4)} broken   ${words}`,
    ),
    `${sum(({ runs }) => runs)} runs, ${sum(({ plans }) => plans)} plans, ${sum(({ alarms }) => alarms)} alarms in ${seconds} s: ${failures.length} violations`,
    `cells of state × fault × point: ${CELLS.length - missing.length} of ${CELLS.length} reachable ones visited${missing.length > 0 && missing.length <= 80 ? `; not: ${missing.join(', ')}` : ''}`,
    ...unlistedCells(results).map((cell) => `often called and not listed: ${cell}`),
    ...(news.length > 0 ? [`rarer cells visited besides those: ${news.length}`] : []),
    ...failures.map(({ seed, violations, steps, notes }) =>
      [
        `VIOLATION, replay with: npm run chaos -- --seed ${seed} --runs 1 --log`,
        ...violations.map(({ invariant, text }) => `  ${invariant}: ${text}`),
        `  steps left: ${steps.map(({ atMs, do: what, n, at }) => `${atMs} ${what} ${at ?? n}`).join(' | ')}`,
        ...notes.slice(-25).map((line) => `  ${line}`),
      ].join('\n'),
    ),
  ].join('\n')
}
