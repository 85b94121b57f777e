// `npm run chaos -- --runs N --seed S --lanes L`: a table per fault class and invariant, the cells visited, and every violation with
// its seed and the fewest steps that still break it. `--seed S --runs 1 --log` replays one and prints what happened; `--mutants`
// breaks the engine in a known way, one at a time, and must find each; `--cost N` counts what N plans cost.
import { readCommandLine } from '../../deploy/command-line.ts'
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { Result } from './job.ts'
import type { Job } from './job.ts'
import { MUTANTS, mutatedCopy } from './mutants.ts'
import { missingCells, report, unlistedCells } from './report.ts'

const { values } = readCommandLine({
  command: 'npm run chaos',
  about:
    'The real objects in a world of faults: a table per fault class and invariant, and every violation with its seed.',
  flags: {
    runs: { about: 'runs of the world', number: 'N', default: 1_000 },
    seed: { about: 'seed of the first run', number: 'N', default: 1 },
    lanes: { about: 'processes side by side', number: 'N', default: 5 },
    chunk: { about: 'runs of a process before it starts anew', number: 'N', default: 250 },
    log: { about: 'print what happened; with --runs 1 to replay a seed' },
    mutants: { about: 'break the engine in known ways, one at a time, and find each' },
    mutant: { about: 'of those only the ones whose name holds this', text: 'TEXT', default: '' },
    cost: { about: 'instead count what an hour of a running plan costs, over N plans', number: 'N' },
  },
})

const ROOT = new URL('../..', import.meta.url).pathname
/** A simulated death loses no power: nothing is won by writes that reach a disk. */
const QUICK_DISK = existsSync('/dev/shm') ? { TMPDIR: '/dev/shm' } : {}
/** From so many runs on every reachable cell must have been visited. */
const FULL_RUNS = 10_000
const MUTANT_RUNS = 600
const { runs, seed, lanes, chunk } = values
const Said = z.object({
  result: Result.nullable(),
  cost: z.record(z.string(), z.number()).nullable(),
  problems: z.array(z.string()),
})

/** One process for one job: its memory ends with it. */
function lane(job: Job, root = ROOT): Promise<z.infer<typeof Said>> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(root, 'test/chaos/lane.ts'), JSON.stringify(job)], {
      stdio: ['ignore', 'pipe', 'ignore'],
      cwd: root,
      env: { ...process.env, ...QUICK_DISK },
    })
    let text = ''
    child.stdout.setEncoding('utf8').on('data', (part: string) => void (text += part))
    child.on('close', (code) => {
      const line = /^RESULT (.*)$/m.exec(text)?.[1]
      resolve(
        line === undefined
          ? { result: null, cost: null, problems: [`a lane ended with ${code}`] }
          : Said.parse(JSON.parse(line)),
      )
    })
  })
}

if (values.cost !== undefined) {
  const job = { seed, runs: 0, shrink: false, log: false, stopAfter: 1, costPlans: values.cost }
  const { cost, problems } = await lane(job)
  console.log('For an hour of a running plan:')
  for (const [name, amount] of Object.entries(cost ?? {}))
    console.log(`  ${name.padEnd(26)} ${amount.toFixed(amount < 1 ? 5 : 1)}`)
  for (const problem of problems) console.log(problem)
  process.exit(cost === null || problems.length > 0 ? 1 : 0)
}

const started = performance.now()
const seconds = () => Math.round((performance.now() - started) / 1_000)
let failed = false

if (!values.mutants) {
  const jobs: Job[] = []
  for (let at = seed; at < seed + runs; at += chunk)
    jobs.push({
      seed: at,
      runs: Math.min(chunk, seed + runs - at),
      shrink: !values.log,
      log: values.log,
      stopAfter: 3,
      costPlans: 0,
    })
  const results: Result[] = []
  const work = async () => {
    for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) {
      const { result, problems } = await lane(job)
      if (result === null || (result.failures.length === 0 && problems.length > 0)) {
        failed = true
        console.log(`seeds from ${job.seed}: ${problems.join('; ')}`)
      }
      if (result === null) continue
      results.push(result)
      for (const line of result.log) console.log(line)
      for (const { seed: at, violations } of result.failures)
        console.log(
          `  seed ${at}: ${violations.map(({ invariant, text }) => `${invariant} ${text}`).join('; ')}`,
        )
      const done = results.reduce((sum, { runs: count }) => sum + count, 0)
      if (jobs.length > 0) console.log(`  ${done} of ${runs} runs in ${seconds()} s`)
    }
  }
  await Promise.all(Array.from({ length: lanes }, work))
  console.log(report(results, seconds()))
  failed ||= results.some(({ failures }) => failures.length > 0)
  const missing = missingCells(results)
  if (runs >= FULL_RUNS) failed ||= missing.length > 0 || unlistedCells(results).length > 0
}

const mutants = values.mutants ? MUTANTS.filter(({ name }) => name.includes(values.mutant)) : []
const hunt = async () => {
  for (let mutant = mutants.shift(); mutant !== undefined; mutant = mutants.shift()) {
    const from = mutant.seed ?? seed
    const job = { seed: from, runs: MUTANT_RUNS, shrink: false, log: false, stopAfter: 1, costPlans: 0 }
    const copy = await mutatedCopy(ROOT, mutant)
    const { result, problems } = await lane(job, copy)
    await rm(copy, { recursive: true, force: true })
    const caught = result?.failures[0]
    const said =
      caught === undefined
        ? `NOT caught in ${result?.runs ?? 0} runs ${problems.join('; ')}`
        : `caught in run ${caught.seed - from + 1}: ${caught.violations[0]?.invariant ?? ''} ${caught.violations[0]?.text.slice(0, 110) ?? ''}`
    console.log(`broken engine, "${mutant.name}": ${said}`)
    failed ||= caught === undefined
  }
}
await Promise.all(Array.from({ length: lanes }, hunt))
process.exit(failed ? 1 : 0)
