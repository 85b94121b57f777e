// Each mutant meets the test files that come by it, project after project, until one fails. The files that caught most of what they
// met go first.
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { Mutant } from './copy.ts'
import { createLane } from './lane-process.ts'
import type { Lane } from './lane-process.ts'
import { PROJECTS, SHARES_NOTHING, TEST_FILES } from './targets.ts'
import type { Project } from './targets.ts'

/** `how`: the test that failed, or that there was no end. */
export const Verdict = z.object({ by: z.enum(PROJECTS), how: z.string() })
export type Verdict = z.infer<typeof Verdict>

export interface HuntInput {
  dir: string
  project: Project
  mutants: Mutant[]
  lanes: number
  /** Of the project's test files only these. */
  tests: RegExp
  /** Told of each mutant that is done with. */
  onVerdict: (mutant: Mutant, verdict: Verdict | null) => void
}

interface TestFile {
  file: string
  reached: Set<number>
  ms: number
  /** By mutated file: how many mutants of it this one met, and caught. */
  met: Map<string, { met: number; caught: number }>
}

const FIRST_RUN_MS = 600_000
const BATCH_SIZE = 24

export async function hunt(input: HuntInput): Promise<void> {
  const { dir, project, lanes: count, onVerdict } = input
  const lanes = Array.from({ length: count }, () => createLane(dir, project))
  try {
    const files = await dryRun(input, lanes)
    const done = await inBatches(lanes, files, input)
    const alone = input.mutants.filter(({ id }) => !done.has(id))
    await forEach(lanes, alone, async (lane, mutant) => {
      onVerdict(mutant, await judge(lane, project, mutant, files))
    })
  } finally {
    for (const lane of lanes) lane.close()
  }
}

/** Every file once with no mutant active: what it comes by, how long it takes, and that it passes at all. */
async function dryRun({ dir, project, tests }: HuntInput, lanes: Lane[]): Promise<TestFile[]> {
  const names = (await readdir(join(dir, 'test', project), { recursive: true })).filter(
    (name) => name.endsWith('.test.ts') && TEST_FILES[project].test(name) && tests.test(name),
  )
  if (names.length === 0) throw new Error(`No test file of ${project} is one of TEST_FILES in targets.ts.`)
  const found: TestFile[] = []
  await forEach(lanes, names, async (lane, name) => {
    const file = `test/${project}/${name}`
    const startedAt = performance.now()
    const answer = await lane.run({ file, mutants: [0] }, FIRST_RUN_MS)
    if (answer === null || answer.caught[0] !== undefined)
      throw new Error(`${file} fails without any mutant: ${answer?.caught[0]?.how ?? 'no answer'}`)
    const ms = performance.now() - startedAt
    found.push({ file, reached: new Set(answer.reached), ms, met: new Map() })
  })
  return found
}

/** Files whose tests share nothing meet many mutants in one go; whom they do not catch goes on alone. */
async function inBatches(
  lanes: Lane[],
  files: TestFile[],
  { mutants, onVerdict, project }: HuntInput,
): Promise<Set<number>> {
  const done = new Set<number>()
  for (const { file, reached, ms } of files.filter(({ file: name }) => SHARES_NOTHING.test(name))) {
    const meet = mutants.filter(({ id, onLoad }) => !onLoad && reached.has(id) && !done.has(id))
    const batches = Array.from({ length: Math.ceil(meet.length / BATCH_SIZE) }, (_, at) =>
      meet.slice(at * BATCH_SIZE, (at + 1) * BATCH_SIZE),
    )
    await forEach(lanes, batches, async (lane, batch) => {
      for (const { mutant, how } of await meetTogether(lane, file, ms, batch)) {
        done.add(mutant.id)
        onVerdict(mutant, { by: project, how })
      }
    })
  }
  return done
}

async function meetTogether(
  lane: Lane,
  file: string,
  ms: number,
  batch: Mutant[],
): Promise<{ mutant: Mutant; how: string }[]> {
  const answer = await lane.run({ file, mutants: batch.map(({ id }) => id) }, 60_000 + ms * batch.length)
  if (answer !== null)
    return batch.flatMap((mutant) => {
      const how = answer.caught.find(({ mutant: id }) => id === mutant.id)?.how
      return how === undefined ? [] : [{ mutant, how }]
    })
  const [mutant] = batch
  if (batch.length === 1 && mutant !== undefined) return [{ mutant, how: `${file} did not end` }]
  // One of them hangs.
  const half = Math.ceil(batch.length / 2)
  return [
    ...(await meetTogether(lane, file, ms, batch.slice(0, half))),
    ...(await meetTogether(lane, file, ms, batch.slice(half))),
  ]
}

async function judge(
  lane: Lane,
  project: Project,
  mutant: Mutant,
  files: TestFile[],
): Promise<Verdict | null> {
  const worth = ({ met, ms }: TestFile) => {
    const seen = met.get(mutant.file) ?? { met: 0, caught: 0 }
    return (seen.caught + 1) / (seen.met + 1) / ms
  }
  const meet = files
    .filter(({ file, reached }) => reached.has(mutant.id) && (mutant.onLoad || !SHARES_NOTHING.test(file)))
    .toSorted((a, b) => worth(b) - worth(a))
  for (const { file, ms, met } of meet) {
    const answer = await lane.run({ file, mutants: [mutant.id] }, ms * 5 + 20_000)
    const seen = met.get(mutant.file) ?? { met: 0, caught: 0 }
    const how = answer === null ? `${file} did not end` : answer.caught[0]?.how
    met.set(mutant.file, { met: seen.met + 1, caught: seen.caught + (how === undefined ? 0 : 1) })
    if (how !== undefined) return { by: project, how }
  }
  return null
}

async function forEach<T>(
  lanes: Lane[],
  items: T[],
  act: (lane: Lane, item: T) => Promise<void>,
): Promise<void> {
  const left = [...items]
  const work = async (lane: Lane) => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await act(lane, item)
  }
  await Promise.all(lanes.map(work))
}
