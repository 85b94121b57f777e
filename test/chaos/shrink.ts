// A failing schedule with every step taken out that is not needed for the same invariant to break.
import type { Failure, Schedule } from './job.ts'
import type { z } from 'zod'
import { runOne } from './run-one.ts'
import type { RunResult } from './run-one.ts'

const MOST_TRIES = 60

export async function shrink(schedule: Schedule, first: RunResult): Promise<z.infer<typeof Failure>> {
  const broken = first.violations[0]?.invariant
  let [best, run, tries] = [schedule, first, 0]
  for (let at = 0; at < best.steps.length && tries < MOST_TRIES;) {
    const fewer = { ...best, steps: best.steps.filter((_, index) => index !== at) }
    const again = await runOne(fewer, `w${schedule.seed}-${tries++}`)
    if (again.violations[0]?.invariant === broken) [best, run] = [fewer, again]
    else at += 1
  }
  return { seed: schedule.seed, steps: best.steps, violations: run.violations, notes: run.notes }
}
