// What the platform bills for plans that run, counted in the simulated world at Cloudflare's list prices (read 2026-09, Workers Paid, all
// of it above what is included). `npm run chaos -- --cost N` runs it with N plans and prints the table. The promise is less than 0.002 USD, and nothing at all for a workspace where nothing is open.
import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, inject, it } from 'vitest'
import { countRows, meter } from './edges.ts'
import { runOne } from './run-one.ts'

const costPlans = inject('chaos').costPlans || 8
/** Of half an hour: two model calls a minute, with tools in between, and a checkpoint every five, as the agent does. */
const CALL = ['think', 'think', 'think', 'model']
const FIVE_MINUTES = Array.from({ length: 9 }, () => CALL).flat()
const WORK = [...Array.from({ length: 6 }, () => [...FIVE_MINUTES, 'checkpoint']).flat(), 'push', 'completed']
const PER_MILLION_USD = {
  objectRequests: 0.15,
  rowsWritten: 1,
  d1RowsWritten: 1,
  workerRequests: 0.3,
  workerCpuMs: 0.02,
}
const GB_SECOND_USD = 12.5 / 1e6
const OBJECT_GB = 0.128
/** bench/results/cpu.md: no route of the gateway takes more, streams of packs aside. */
const CPU_MS_A_REQUEST = 10

it(
  'an hour of a running plan costs less than 0.2 US cents at the platform',
  { timeout: 3_600_000 },
  async ({ task }) => {
    console.log = () => {}
    Object.assign(meter, { rowsWritten: 0, d1RowsWritten: 0, accountCalls: 0, rowsBy: new Map() })
    const sum = { plans: 0, planMs: 0, requests: 0, busyMs: 0, alarms: 0, orgoCalls: 0, workerRequests: 0 }
    for (let seed = 1; sum.plans < costPlans; seed++) {
      await runInDurableObject(env.ACCOUNT.getByName(`account-cost-${seed}`), (_, state) => countRows(state))
      const run = await runOne(
        {
          seed,
          steps: [
            { atMs: 1_000, do: 'submit', n: 0 },
            { atMs: 2_000, do: 'submit', n: 1 },
          ],
          stormMs: 3_600_000,
        },
        `cost-${seed}`,
        () => {},
        (world) => Object.assign(world, { stormy: false, script: WORK, beatMs: 1_000 }),
      )
      expect(run.violations).toEqual([])
      sum.plans += run.plans
      sum.planMs += run.planMs
      sum.requests += run.requests
      sum.busyMs += run.busyMs
      sum.alarms += run.alarms
      for (const [point, count] of Object.entries(run.calls)) {
        if (point.startsWith('orgo_')) sum.orgoCalls += count
        // A push is a list of refs and the push itself.
        if (point.startsWith('vm_') || point.startsWith('gate_'))
          sum.workerRequests += point === 'gate_push' ? 2 * count : count
      }
    }
    const hours = sum.planMs / 3_600_000
    const objectRequests = sum.requests + meter.accountCalls
    const usd =
      (objectRequests * PER_MILLION_USD.objectRequests +
        meter.rowsWritten * PER_MILLION_USD.rowsWritten +
        meter.d1RowsWritten * PER_MILLION_USD.d1RowsWritten +
        sum.workerRequests *
          (PER_MILLION_USD.workerRequests + CPU_MS_A_REQUEST * PER_MILLION_USD.workerCpuMs)) /
        1e6 +
      (sum.busyMs / 1_000) * OBJECT_GB * GB_SECOND_USD
    const cost = {
      plans: sum.plans,
      hours,
      orgoCalls: sum.orgoCalls / hours,
      alarms: sum.alarms / hours,
      objectRequests: objectRequests / hours,
      objectSeconds: sum.busyMs / 1_000 / hours,
      rowsWritten: meter.rowsWritten / hours,
      d1RowsWritten: meter.d1RowsWritten / hours,
      workerRequests: sum.workerRequests / hours,
      usd: usd / hours,
      ...Object.fromEntries([...meter.rowsBy].map(([name, rows]) => [`  ${name}`, rows / hours])),
    }
    Object.assign(task.meta, { cost })
    expect(cost.usd).toBeLessThan(0.002)
  },
)

it('a day of a workspace where nothing is open costs nothing', { timeout: 120_000 }, async () => {
  console.log = () => {}
  const MERGES = [300_000, 400_000, 500_000].map((atMs) => ({ atMs, do: 'merge', n: 0 }))
  let alarmMs: number | null = Infinity
  const run = await runOne(
    { seed: 3, steps: [{ atMs: 1_000, do: 'submit', n: 0 }, ...MERGES], stormMs: 24 * 3_600_000 },
    'cost-idle',
    (world, look) => {
      if (look.state === 'idle' && !world.busy()) alarmMs = look.alarmMs
    },
    (world) => Object.assign(world, { stormy: false }),
  )
  expect(run.violations).toEqual([])
  // The last thing that happened was the end of the work: from then on no alarm is set, and so nothing can happen any more.
  expect(alarmMs).toBeNull()
})
