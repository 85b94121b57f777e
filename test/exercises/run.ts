// `npm run exercises`: every exercise, its right solution and at least ten wrong ones each, through the real supervisor, plan
// processes and users. Exit 1 when a wrong one is verified or fewer than 95 % of the right ones are.
import { readCommandLine } from '../../deploy/command-line.ts'
import { hasRoot } from '../real/support/vm.ts'
import { chooseCandidates, findFaults } from './candidates.ts'
import type { Drops } from './candidates.ts'
import { loadExercises } from './exercise.ts'
import type { Candidate } from './lab.ts'
import { runCandidates } from './lab.ts'
import { KINDS } from './kinds/kinds.ts'
import { missingProgram, runKinds } from './kinds/run-kinds.ts'
import { describe, describeKind, toReport } from './report.ts'
import { whatIsMissing } from './workbench.ts'

const { values } = readCommandLine({
  command: 'npm run exercises',
  about:
    'Every exercise with its right solution and its wrong ones, through real agents: what is verified must be right.',
  flags: {
    only: { about: 'exercises whose name holds this', text: 'TEXT', default: '' },
    attack: { about: 'wrong solutions whose group or name holds this', text: 'TEXT', default: '' },
    lanes: { about: 'plans side by side', number: 'N', default: 4 },
    ways: { about: 'ways in which each right solution comes besides its own', number: 'N', default: 10 },
    mutants: { about: 'small mistakes put into each right solution', number: 'N', default: 3 },
    attacks: { about: 'attacks on the checks of each exercise', number: 'N', default: 6 },
    faults: { about: 'look only whether the exercises themselves are sound' },
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
    ways: values.ways,
    mutants: values.mutants,
    attacks: values.attack === '' ? values.attacks : 1_000,
    tried,
  })
  candidates.push(...chosen.candidates)
  drops.equivalent += chosen.drops.equivalent
  drops.hanging += chosen.drops.hanging
}
const wanted = candidates.filter(({ group, name }) => `${group} ${name}`.includes(values.attack))
const kinds = KINDS.filter((kind) => `${kind.row} ${kind.name}`.includes(values.only) && values.attack === '')
console.log(`${kinds.length} cases of kinds of faults, ${values.lanes} at a time`)
const kindResults = await runKinds(
  kinds.filter((kind) => {
    const missing = missingProgram(kind)
    if (missing !== null) console.log(`skipped: ${kind.name}: ${missing} is not installed`)
    return missing === null
  }),
  values.lanes,
  (result) => console.log(describeKind(result)),
)
console.log(`${exercises.length} exercises, ${wanted.length} plans, ${values.lanes} at a time`)
const results = await runCandidates({
  candidates: wanted,
  lanes: values.lanes,
  onResult: (result) => console.log(describe(result)),
}).catch((error: unknown) => {
  // Ending the machine may find the same once more; Node prints neither of the two.
  throw error instanceof SuppressedError ? error.suppressed : error
})
const report = toReport(results, drops, kindResults)
console.log(report.text)
console.log(`${results.length} plans in ${Math.round((performance.now() - startedAt) / 1_000)} s`)
process.exit(report.passed ? 0 : 1)
