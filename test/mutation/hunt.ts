// Each mutant meets the test files that come by it, project after project, until one fails. The files that caught most of what they
// met go first.
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { Mutant } from './copy.ts'
import { createLane } from './lane-process.ts'
import type { Lane } from './lane-process.ts'
import { PROJECTS, TEST_FILES } from './targets.ts'
import type { Project } from './targets.ts'

/** `how`: the test that failed, or that there was no end. */
export const Verdict = z.object({ by: z.enum(PROJECTS), how: z.string() })
export type Verdict = z.infer<typeof Verdict>

export interface HuntInput {
  dir: string
  project: Project
  mutants: Mutant[]
  lanes: number
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

export async function hunt({ dir, project, mutants, lanes, onVerdict }: HuntInput): Promise<void> {
  const all = Array.from({ length: lanes }, () => createLane(dir, project))
  try {
    const files = await dryRun(dir, project, all)
    const left = [...mutants]
    const work = async (lane: Lane) => {
      for (let mutant = left.shift(); mutant !== undefined; mutant = left.shift())
        onVerdict(mutant, await judge(lane, project, mutant, files))
    }
    await Promise.all(all.map(work))
  } finally {
    for (const lane of all) lane.close()
  }
}

/** Every file once with no mutant active: what it comes by, how long it takes, and that it passes at all. */
async function dryRun(dir: string, project: Project, lanes: Lane[]): Promise<TestFile[]> {
  const names = (await readdir(join(dir, 'test', project))).filter((name) => TEST_FILES[project].test(name))
  const found: TestFile[] = []
  const work = async (lane: Lane) => {
    for (let name = names.shift(); name !== undefined; name = names.shift()) {
      const file = `test/${project}/${name}`
      const startedAt = performance.now()
      const answer = await lane.run({ mutant: 0, files: [file] }, FIRST_RUN_MS)
      if (answer === null || answer.failure !== null || answer.files[0] === undefined)
        throw new Error(`${file} fails without any mutant: ${answer?.failure ?? 'no answer'}`)
      const ms = performance.now() - startedAt
      found.push({ file, reached: new Set(answer.files[0].reached), ms, met: new Map() })
    }
  }
  await Promise.all(lanes.map(work))
  return found
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
  const meet = files.filter(({ reached }) => reached.has(mutant.id)).toSorted((a, b) => worth(b) - worth(a))
  for (const { file, ms, met } of meet) {
    const answer = await lane.run({ mutant: mutant.id, files: [file] }, ms * 5 + 20_000)
    const seen = met.get(mutant.file) ?? { met: 0, caught: 0 }
    const how = answer === null ? `${file} did not end` : answer.failure
    met.set(mutant.file, { met: seen.met + 1, caught: seen.caught + (how === null ? 0 : 1) })
    if (how !== null) return { by: project, how }
  }
  return null
}
