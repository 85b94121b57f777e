// `npm run mutation`: mistakes put mechanically into the files that decide (targets.ts), each to be noticed by a test or by the
// simulator. Exit 1 below 90 % noticed, or when one that is not noticed has no reason (reasons.ts).
import { readCommandLine } from '../../deploy/command-line.ts'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { instrumentedCopy } from './copy.ts'
import { hunt } from './hunt.ts'
import type { Verdict } from './hunt.ts'
import { readLast, saveLast } from './last-run.ts'
import { explains, REASONS } from './reasons.ts'
import { report } from './report.ts'
import { PROJECTS } from './targets.ts'

const { values } = readCommandLine({
  command: 'npm run mutation',
  about:
    'Mistakes put mechanically into the files that decide, each to be noticed by a test or by the simulator.',
  flags: {
    only: { about: 'mutants whose "file | operator | line | change" holds this', text: 'TEXT', default: '' },
    lanes: { about: 'processes side by side', number: 'N', default: 2 },
    sample: { about: 'each Nth mutant', number: 'N', default: 1 },
    projects: { about: 'vitest projects that may notice', text: 'LIST', default: PROJECTS.join(',') },
    tests: { about: 'test files whose name matches', text: 'REGEX', default: '' },
    survivors: { about: 'only what the last run did not catch' },
    unexplained: { about: 'of those only what has no reason yet' },
    list: { about: 'name the mutants and run none' },
    write: { about: 'write docs/mutation.md' },
  },
})

const ROOT = join(import.meta.dirname, '../..')
const { lanes, sample } = values
const projects = PROJECTS.filter((project) => values.projects.split(',').includes(project))

const { dir, mutants: all } = await instrumentedCopy(ROOT)
// However it ends: the lanes end by themselves.
process.once('exit', () => rmSync(dir, { recursive: true, force: true }))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

const mutants = all.filter(({ key }) => key.includes(values.only)).filter((_, at) => at % sample === 0)
const verdicts = new Map<number, Verdict>()
const last = readLast()
for (const { id, key } of mutants) {
  const known = last.get(key)
  if (values.survivors && known !== undefined) verdicts.set(id, known)
}
/** A survivor meets every test that comes by it, which takes longest; one with a reason may be left to the next whole run. */
const isAsked = (mutant: (typeof mutants)[number]) =>
  !verdicts.has(mutant.id) && !(values.unexplained && REASONS.some((one) => explains(one, mutant)))
const startedAt = performance.now()
for (const project of projects) {
  const open = mutants.filter(isAsked)
  if (values.list || open.length === 0) break
  const seen = { done: 0, caught: 0 }
  await hunt({
    dir,
    project,
    mutants: open,
    lanes,
    tests: new RegExp(values.tests),
    onVerdict(mutant, verdict) {
      seen.done += 1
      if (verdict !== null) {
        seen.caught += 1
        verdicts.set(mutant.id, verdict)
      }
      if (seen.done % 50 !== 0 && seen.done !== open.length) return
      console.log(`  ${project}: ${seen.done} of ${open.length}, ${seen.caught} caught`)
      saveLast(mutants, verdicts)
    },
  })
}
const minutes = Math.round((performance.now() - startedAt) / 60_000)
const { page, survivors, failed } = report({
  mutants,
  verdicts,
  whole:
    !values.unexplained &&
    mutants.length === all.length &&
    projects.length === PROJECTS.length &&
    values.tests === '',
})
console.log(`${page}\nSurvivors:\n${survivors}\n\n${minutes} min on ${lanes} lanes.`)
if (values.write) writeFileSync(join(ROOT, 'docs/mutation.md'), page)
process.exitCode = failed ? 1 : 0
