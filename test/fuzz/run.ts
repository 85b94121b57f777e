// `npm run fuzz:git -- --cases N --seed S --lanes L`: prints what was accepted and refused; exit code 1 when a foreign ref changed.
import { readCommandLine } from '../../deploy/command-line.ts'
import { fuzzGit } from './fuzz-git.ts'
import { MUTANTS } from './mutants.ts'

const { values } = readCommandLine({
  command: 'npm run fuzz:git',
  about:
    'Random pushes at the git gateway: what was accepted and refused; exit 1 when a foreign ref changed.',
  flags: {
    cases: { about: 'pushes', number: 'N', default: 10_000 },
    seed: { about: 'seed of the first', number: 'N', default: 1 },
    lanes: { about: 'pushes side by side', number: 'N', default: 16 },
    'no-mutants': { about: 'do not also try gateways that are broken in known ways' },
  },
})

const { cases, seed, lanes } = values
const started = performance.now()
const seconds = () => (performance.now() - started) / 1_000
const result = await fuzzGit({
  cases,
  seed,
  lanes,
  onProgress: (done) => {
    if (done % 10_000 === 0) console.log(`  ${done} of ${cases} (${Math.round(done / seconds())} a second)`)
  },
})
console.log(
  `${result.cases} pushes in ${Math.round(seconds())} s: ${result.accepted} accepted, ${result.refused} refused, ${result.broken} without an answer; ref changes outside the plan's branch: ${result.violations.length}`,
)
for (const violation of result.violations) console.log(`  ${violation}`)
let failed = result.violations.length > 0 || result.accepted === 0 || result.broken > 0
for (const mutant of values['no-mutants'] ? [] : MUTANTS) {
  const { violations, cases: needed } = await fuzzGit({ cases: 20_000, seed, lanes, mutant })
  console.log(
    `broken parser, "${mutant.name}": ${violations.length > 0 ? `caught within ${needed} pushes` : 'NOT caught'}`,
  )
  failed ||= violations.length === 0
}
process.exit(failed ? 1 : 0)
