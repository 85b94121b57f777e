// `npm run faults`: every fault of the matrix against the real bundle, real git, real users and the scripted model, a few at a
// time; prints each with what came of it, and the counts. `--walk N` plays N seeded sequences of what an agent may do to its checkout
// instead. Exit 1 when anything did not hold.
import { readCommandLine } from '../../deploy/command-line.ts'
import type { Fault } from './bench.ts'
import { GROUND_FAULTS } from './ground-faults.ts'
import { KILLS, killsAtEveryRecord } from './kills.ts'
import { MODEL_FAULTS } from './model-faults.ts'
import { PERSON_FAULTS } from './person-faults.ts'
import { makeSequence, readName } from './walk/sequence.ts'
import { walk } from './walk/walk.ts'

const { values } = readCommandLine({
  command: 'npm run faults',
  about: 'Every fault of the matrix against the real agent: what came of each, and the counts.',
  flags: {
    only: { about: 'faults whose group or name holds this', text: 'TEXT', default: '' },
    lanes: { about: 'faults side by side', number: 'N', default: 3 },
    walk: { about: 'play this many sequences of what an agent may do to its checkout', number: 'N' },
    seed: { about: 'seed of the first sequence', number: 'N', default: 1 },
    replay: { about: 'play one sequence again; SEED:STEP,STEP plays these steps of it alone', text: 'SEED' },
  },
})

if (values.walk !== undefined || values.replay !== undefined) {
  const { walk: many = 1, seed, replay, lanes } = values
  const sequences =
    replay === undefined
      ? Array.from({ length: many }, (_, at) => makeSequence(seed + at))
      : [readName(replay)]
  const beganAt = performance.now()
  // What is under way ends first, so that its machine is cleared away.
  let isEnough = false
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => (isEnough = true))
  const failures = await walk({
    sequences,
    lanes: Math.min(lanes, sequences.length),
    say: console.log,
    enough: () => isEnough,
  })
  const seconds = Math.round((performance.now() - beganAt) / 1_000)
  console.log(`${sequences.length} sequences in ${seconds} s: ${failures.length} broke`)
  process.exit(failures.length > 0 ? 1 : 0)
}

type Outcome = 'held' | 'BROKE' | 'open' | 'skipped'
const startedAt = performance.now()
const outcomes: { group: string; outcome: Outcome }[] = []
const faults = [
  ...(await killsAtEveryRecord()),
  ...KILLS,
  ...MODEL_FAULTS,
  ...GROUND_FAULTS,
  ...PERSON_FAULTS,
].filter(({ group, name }) => `${group}: ${name}`.includes(values.only))
const queue = [...faults]
await Promise.all(Array.from({ length: values.lanes }, lane))

console.log('')
for (const [group, all = []] of Object.entries(Object.groupBy(outcomes, (one) => one.group)))
  console.log(`${group}: ${count(all)}`)
console.log(`all: ${count(outcomes)}, in ${Math.round((performance.now() - startedAt) / 1_000)} s`)
process.exit(outcomes.some(({ outcome }) => outcome === 'BROKE') ? 1 : 0)

async function lane(): Promise<void> {
  for (let fault = queue.shift(); fault !== undefined; fault = queue.shift()) {
    const begunAt = performance.now()
    const { outcome, why } = await tryFault(fault)
    outcomes.push({ group: fault.group, outcome })
    const seconds = Math.round((performance.now() - begunAt) / 100) / 10
    console.log(
      `${outcome.padEnd(7)} ${fault.group}: ${fault.name}, ${seconds} s${why === '' ? '' : `\n        ${why}`}`,
    )
  }
}

async function tryFault({ missing, open, run }: Fault): Promise<{ outcome: Outcome; why: string }> {
  const lacks = missing?.() ?? null
  if (lacks !== null) return { outcome: 'skipped', why: lacks }
  try {
    await run()
    return { outcome: 'held', why: open === undefined ? '' : `holds now: take its mark away (${open})` }
  } catch (error) {
    const why = wordsOf(error)
    return open === undefined ? { outcome: 'BROKE', why } : { outcome: 'open', why: `${open}: ${why}` }
  }
}

function count(all: { outcome: Outcome }[]): string {
  return (['held', 'BROKE', 'open', 'skipped'] as const)
    .map((outcome) => [outcome, all.filter((one) => one.outcome === outcome).length] as const)
    .filter(([outcome, n]) => n > 0 || outcome === 'held' || outcome === 'BROKE')
    .map(([outcome, n]) => `${n} ${outcome.toLowerCase()}`)
    .join(', ')
}

/** What broke, and what broke while it was cleared away. */
function wordsOf(error: unknown): string {
  if (error instanceof SuppressedError)
    return `${wordsOf(error.suppressed)}\n        and then: ${wordsOf(error.error)}`
  return error instanceof Error ? error.message : JSON.stringify(error)
}
