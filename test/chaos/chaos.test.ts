// Seeded runs of the real object in a simulated world. `npm run chaos` runs this file with other numbers (run.ts).
import { expect, inject, it } from 'vitest'
import type { Result } from './job.ts'
import { runOne } from './run-one.ts'
import { makeSchedule } from './schedule.ts'
import { shrink } from './shrink.ts'

const job = inject('chaos')

it(
  'seeded schedules of calls, alarms, deaths and faults lose nothing and do nothing twice',
  { timeout: 3_600_000 },
  async ({ task }) => {
    console.log = () => {} // one line per alarm would be most of the work
    const started = performance.now()
    const result: Result = { runs: 0, alarms: 0, plans: 0, seconds: 0, failures: [], visited: {}, log: [] }
    for (let seed = job.seed; seed < job.seed + job.runs && result.failures.length < job.stopAfter; seed++) {
      const schedule = makeSchedule(seed)
      const run = await runOne(schedule, `w${seed}`)
      result.runs += 1
      result.alarms += run.alarms
      result.plans += run.plans
      for (const [cell, count] of run.visited) result.visited[cell] = (result.visited[cell] ?? 0) + count
      if (job.log) result.log.push(...run.notes)
      if (run.violations.length > 0)
        result.failures.push(job.shrink ? await shrink(schedule, run) : { ...run, steps: schedule.steps })
    }
    result.seconds = (performance.now() - started) / 1_000
    Object.assign(task.meta, { chaos: result })
    expect(result.failures.map(({ seed, violations }) => ({ seed, violations }))).toEqual([])
  },
)
