// `npm run exercises`: every exercise, its right solution and at least ten wrong ones each, through the real supervisor, plan
// processes and users. Exit 1 when a wrong one is verified or fewer than 95 % of the right ones are.
// Options: --only TEXT (in the name of an exercise), --attack TEXT (in the group or name), --lanes N, --mutants N, --faults (only
// look whether the exercises themselves are sound).
import { parseArgs } from 'node:util'
import { hasRoot } from '../real/support/vm.ts'
import { chooseCandidates, findFaults } from './candidates.ts'
import type { Drops } from './candidates.ts'
import { loadExercises } from './exercise.ts'
import type { Candidate } from './lab.ts'
import { runCandidates } from './lab.ts'
import { describe, toReport } from './report.ts'
import { whatIsMissing } from './workbench.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    attack: { type: 'string', default: '' },
    lanes: { type: 'string', default: '4' },
    mutants: { type: 'string', default: '3' },
    attacks: { type: 'string', default: '6' },
    faults: { type: 'boolean', default: false },
  },
})

const startedAt = performance.now()
const exercises = loadExercises().filter(({ name, kind }) => {
  const missing = name.includes(values.only) ? whatIsMissing(kind) : null
  if (missing !== null) console.log(`skipped: ${name}: ${missing}`)
  return name.includes(values.only) && missing === null
})

if (values.faults) {
  let faulty = 0
  for (const exercise of exercises) {
    const faults = await findFaults(exercise)
    faulty += faults.length
    console.log(`${exercise.name}: ${faults.length === 0 ? 'sound' : faults.join('\n  ')}`)
  }
  process.exit(faulty === 0 ? 0 : 1)
}
if (!hasRoot) throw new Error('Each plan runs as its own unix user: run this as root.')

const drops: Drops = { equivalent: 0, hanging: 0 }
const candidates: Candidate[] = []
const tried = new Map<string, number>()
for (const exercise of exercises) {
  const chosen = await chooseCandidates({
    exercise,
    mutants: Number(values.mutants),
    attacks: values.attack === '' ? Number(values.attacks) : 1_000,
    tried,
  })
  candidates.push(...chosen.candidates)
  drops.equivalent += chosen.drops.equivalent
  drops.hanging += chosen.drops.hanging
}
const wanted = candidates.filter(({ group, name }) => `${group} ${name}`.includes(values.attack))
console.log(`${exercises.length} exercises, ${wanted.length} plans, ${values.lanes} at a time`)
const results = await runCandidates({
  candidates: wanted,
  lanes: Number(values.lanes),
  onResult: (result) => console.log(describe(result)),
}).catch((error: unknown) => {
  // Ending the machine may find the same once more; Node prints neither of the two.
  throw error instanceof SuppressedError ? error.suppressed : error
})
const report = toReport(results, drops)
console.log(report.text)
console.log(`${results.length} plans in ${Math.round((performance.now() - startedAt) / 1_000)} s`)
process.exit(report.passed ? 0 : 1)
