// Plays many sequences on a few lanes. What breaks is shrunk: steps are left out as long as the same demand does not hold.
import { Broken } from './demands.ts'
import { openLane, playSequence } from './play.ts'
import type { Lane } from './play.ts'
import { describe, nameOf } from './sequence.ts'
import type { Sequence } from './sequence.ts'

export interface Failure {
  /** The shrunk sequence. */
  sequence: Sequence
  demand: string
  why: string
}

export interface WalkInput {
  sequences: Sequence[]
  lanes: number
  say: (line: string) => void
  /** True when no further sequence is to be begun. */
  enough?: () => boolean
}

/** Returns what broke, each shrunk to the steps that it takes. What only breaks at a step known as open is told and not returned. */
export async function walk({ sequences, lanes, say, enough = () => false }: WalkInput): Promise<Failure[]> {
  const queue = [...sequences]
  const failures: Failure[] = []
  const play = async () => {
    await using lane = await openLane()
    for (let next = queue.shift(); next !== undefined && !enough(); next = queue.shift()) {
      const begunAt = performance.now()
      const broken = await tryOnce(lane, next)
      const seconds = Math.round((performance.now() - begunAt) / 100) / 10
      say(`${broken === null ? 'held ' : 'BROKE'} ${nameOf(next)} (${describe(next)}), ${seconds} s`)
      if (broken === null) continue
      const failure = await shrink(lane, next, broken)
      const open = failure.sequence.steps.flatMap((step) => step.open ?? [])
      if (open.length === 0) failures.push(failure)
      say([...open.map((finding) => `  known as open: ${finding}`), wordsOf(failure)].join('\n'))
    }
  }
  await Promise.all(Array.from({ length: lanes }, play))
  return failures
}

async function tryOnce(lane: Lane, sequence: Sequence): Promise<Broken | null> {
  try {
    await playSequence(lane, sequence)
    return null
  } catch (error) {
    if (error instanceof Broken) return error
    return new Broken('the walk itself', error instanceof Error ? error.message : JSON.stringify(error))
  }
}

async function shrink(lane: Lane, sequence: Sequence, broken: Broken): Promise<Failure> {
  let [small, last] = [sequence, broken]
  for (const { n } of sequence.steps) {
    if (small.steps.length === 1) break
    const smaller = { ...small, steps: small.steps.filter((step) => step.n !== n) }
    const again = await tryOnce(lane, smaller)
    if (again?.demand === broken.demand) [small, last] = [smaller, again]
  }
  return { sequence: small, demand: last.demand, why: last.message }
}

const wordsOf = ({ sequence, why }: Failure): string =>
  [
    `  ${why}`,
    `  again with: npm run faults -- --replay ${nameOf(sequence)}`,
    ...sequence.steps.map(
      ({ n, name, shell }) => `  step ${n}, ${name}:\n    ${shell.replaceAll('\n', '\n    ')}`,
    ),
    `  then: ${sequence.ending}`,
  ].join('\n')
