// A small sample of `npm run exercises`: an exercise of each kind of workspace but Go's, its right solution and a few wrong ones.
import { expect, test } from 'vitest'
import { chooseCandidates } from '../exercises/candidates.ts'
import { loadExercises } from '../exercises/exercise.ts'
import { KINDS } from '../exercises/kinds/kinds.ts'
import { missingProgram, runKinds } from '../exercises/kinds/run-kinds.ts'
import { runCandidates } from '../exercises/lab.ts'
import type { Result } from '../exercises/lab.ts'
import { describe as describeResult, describeKind } from '../exercises/report.ts'
import { whatIsMissing } from '../exercises/workbench.ts'
import { describeWith, needs } from '../support/needs.ts'

const SAMPLE = ['node-slug', 'python-wrap', 'shell-sums', 'obsidian-links', 'documents-people']
const LANES = 2
/** One case of most kinds of faults. */
const KINDS_SAMPLE = [
  "Python without tests: the work's own test fails",
  'data in /tmp by absolute path',
  "the function raises pytest's skip",
  'an included makefile fragment says yes',
  'the golden file is changed',
  'reset to a commit before the tests came, with a conflicting edit, finished twice',
  'the plan speaks of removing a check, and all tests are deleted',
  'conflict markers in a style sheet',
  'another default, and the test of it',
  'a set-up that cannot download',
  'a check that fails once is named flaky',
]
const tried = new Map<string, number>()

test('there are at least 20 exercises in six kinds of workspace', () => {
  const all = loadExercises()
  expect(all.length).toBeGreaterThanOrEqual(20)
  expect(new Set(all.map(({ kind }) => kind)).size).toBe(6)
})

describeWith(needs.ownSandbox() ?? whatIsMissing('python'), 'a case of each kind of fault', () => {
  test('ends as it says', { timeout: 1_200_000 }, async () => {
    const sample = KINDS.filter((kind) => KINDS_SAMPLE.includes(kind.name) && missingProgram(kind) === null)
    expect(sample.length).toBeGreaterThan(KINDS_SAMPLE.length - 3)
    const results = await runKinds(sample, LANES, () => {})
    expect(results.filter(({ asExpected }) => !asExpected).map(describeKind)).toEqual([])
  })
})

for (const exercise of loadExercises().filter(({ name }) => SAMPLE.includes(name)))
  describeWith(needs.ownSandbox() ?? whatIsMissing(exercise.kind), 'an exercise', () => {
    test(
      `${exercise.name}: the right solution ends verified, a mutant, one made by hand and an attack do not`,
      { timeout: 1_200_000 },
      async () => {
        const { candidates } = await chooseCandidates({ exercise, ways: 0, mutants: 1, attacks: 1, tried })
        const hand = candidates.filter(({ group }) => group === 'by hand')
        const results: Result[] = await runCandidates({
          candidates: candidates.filter((one) => !hand.slice(1).includes(one)),
          lanes: LANES,
          onResult: () => {},
        })
        const misjudged = results.filter(({ isRight, verified }) => isRight !== verified)
        expect(misjudged.map(describeResult)).toEqual([])
        expect(results.filter(({ isRight }) => !isRight).length).toBeGreaterThanOrEqual(3)
      },
    )
  })
