// What is run for an exercise: its right solution, mutants of it that the reference refuses, those made by hand, and attacks.
import { rmSync } from 'node:fs'
import { ATTACKS } from './attacks.ts'
import type { Exercise } from './exercise.ts'
import type { Candidate } from './lab.ts'
import { deriveMutants, spread } from './mutants.ts'
import type { Mutant } from './mutants.ts'
import { WAYS } from './ways.ts'
import { applySteps, makeFolder, runCheck, runReference, writeFiles } from './workbench.ts'
import type { ReferenceResult } from './workbench.ts'

export interface Drops {
  /** The reference found nothing wrong with them. */
  equivalent: number
  /** The reference did not come to an end: they would only cost time. */
  hanging: number
}

export interface ChosenInput {
  exercise: Exercise
  /** Ways in which the right solution comes besides its own. */
  ways: number
  mutants: number
  /** At most so many attacks: those that were tried least so far. */
  attacks: number
  /** How often each attack was chosen; counted on. */
  tried: Map<string, number>
}

/** The right ones first. */
export async function chooseCandidates({ exercise, ways, mutants, attacks, tried }: ChosenInput): Promise<{
  candidates: Candidate[]
  drops: Drops
}> {
  const drops: Drops = { equivalent: 0, hanging: 0 }
  const derived = deriveMutants(exercise.kind, exercise.solution)
  // More than wanted, because some turn out to be no mistakes.
  const chosen: Mutant[] = []
  for (const mutant of spread(derived, mutants * 3)) {
    if (chosen.length === mutants) break
    const { verdict } = await judgeSteps(exercise, mutant.steps)
    if (verdict === 'wrong') chosen.push(mutant)
    else drops[verdict === 'hangs' ? 'hanging' : 'equivalent']++
  }
  const applicable = ATTACKS.flatMap(({ name, group, steps, onlyForReaders = [] }) => {
    const made = steps(exercise)
    const isForReaders = onlyForReaders.includes(exercise.kind)
    return made === null ? [] : [{ exercise, name, group, steps: made, isForReaders }]
  })
  const timesOf = ({ name }: Candidate) => tried.get(name) ?? 0
  const least = applicable.toSorted((a, b) => timesOf(a) - timesOf(b)).slice(0, attacks)
  for (const one of least) tried.set(one.name, timesOf(one) + 1)
  const candidates = [
    { exercise, name: 'the right solution', group: 'right', steps: exercise.solution },
    ...WAYS.slice(0, ways).map(({ name, steps }) => ({
      exercise,
      name: `the right solution, ${name}`,
      group: 'right',
      steps: steps(exercise),
    })),
    ...chosen.map(({ name, steps }) => ({ exercise, name, group: 'mutant', steps })),
    ...exercise.wrong.map(({ name, steps }) => ({ exercise, name, group: 'by hand', steps })),
    ...least,
  ]
  return { candidates, drops }
}

/** What is wrong with the exercise itself; empty: its check and its reference tell the base from the solution. */
export async function findFaults(exercise: Exercise): Promise<string[]> {
  const faults: string[] = []
  const tell = async (what: string, steps: Exercise['solution'], shouldBeRight: boolean) => {
    const folder = makeFolder()
    try {
      writeFiles(folder, exercise.base)
      applySteps(folder, steps)
      const { verdict, said } = await runReference(exercise, folder)
      if ((verdict === 'right') !== shouldBeRight) faults.push(`reference: ${what} is ${verdict}: ${said}`)
      if ((await runCheck(exercise, folder)) !== shouldBeRight)
        faults.push(`check: ${what} ${shouldBeRight ? 'fails' : 'passes'}`)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
  await tell('the base', [], false)
  await tell('the solution', exercise.solution, true)
  for (const { name, steps } of exercise.wrong) await tell(name, steps, false)
  return faults
}

async function judgeSteps(exercise: Exercise, steps: Exercise['solution']): Promise<ReferenceResult> {
  const folder = makeFolder()
  try {
    writeFiles(folder, exercise.base)
    applySteps(folder, steps)
    return await runReference(exercise, folder)
  } catch (error) {
    return { verdict: 'wrong', said: String(error) } // a mutated step that cannot be applied is a failed call
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
