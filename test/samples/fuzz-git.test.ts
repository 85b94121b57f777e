// A short run of `npm run fuzz:git`, and the proof that it would notice: three broken parsers, each caught.
import { expect, it } from 'vitest'
import { fuzzGit } from '../fuzz/fuzz-git.ts'
import { MUTANTS } from '../fuzz/mutants.ts'

const TIMEOUT_MS = 240_000

it(
  'whatever 1,000 mutated pushes say, no ref but the plan’s own changes',
  { timeout: TIMEOUT_MS },
  async () => {
    const result = await fuzzGit({ cases: 1_000, seed: 7, lanes: 8 })
    expect(result.violations).toEqual([])
    expect(result.broken).toBe(0)
    // Otherwise it held only because nothing came through.
    expect(result.accepted).toBeGreaterThan(5)
  },
)

it.each(MUTANTS)('a parser that $name is caught', { timeout: TIMEOUT_MS }, async (mutant) => {
  expect((await fuzzGit({ cases: 3_000, seed: 7, lanes: 8, mutant })).violations).not.toEqual([])
})
