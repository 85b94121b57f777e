// The exercises as plans (plans.ts): one branch of one repository per exercise. Whether what was pushed is right says the hidden
// reference.
import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { AttemptEnd } from '../../src/shared/protocol.ts'
import type { TestVm } from '../real/support/vm.ts'
import type { Exercise, Step } from './exercise.ts'
import { forgetPlan, runPlan, runPlans } from './plans.ts'
import { makeFolder, runReference, TOOLS_PATH, writeFiles } from './workbench.ts'

export interface Candidate {
  exercise: Exercise
  name: string
  /** right, mutant, by hand, or an attack's group. */
  group: string
  steps: Step[]
  /** Only a reader of the difference can see what is wrong, so the judge says no. */
  isForReaders?: boolean
}

export interface Result {
  candidate: Candidate
  /** As the Worker decides: claimed, with a clean checkout's proof, of the very head it saw pushed. */
  verified: boolean
  /** The reference's word on what was pushed; wrong when nothing was. */
  isRight: boolean
  end: AttemptEnd | 'none'
  seconds: number
}

export interface LabInput {
  candidates: Candidate[]
  lanes: number
  onResult: (result: Result) => void
}

const PLAN_TIMEOUT_MS = 600_000

/** Results in the order they came. Errors: as runPlans. */
export async function runCandidates({ candidates, lanes, onResult }: LabInput): Promise<Result[]> {
  const exercises = new Set(candidates.map((candidate) => candidate.exercise))
  return runPlans({
    path: TOOLS_PATH,
    jobs: candidates,
    lanes,
    prepare: (vm) => {
      for (const exercise of exercises) addBranch(vm, exercise)
    },
    runJob: runOne,
    onResult,
  })
}

async function runOne(vm: TestVm, candidate: Candidate): Promise<Result> {
  const { exercise, steps } = candidate
  const startedAt = performance.now()
  const { plan, end, head, verified } = await runPlan(vm, {
    text: toPlanText(exercise, steps, candidate.isForReaders),
    desired: { base: exercise.name, checks: exercise.source === 'declared' ? [exercise.check] : [] },
    title: `${exercise.name}: ${candidate.name}`,
    timeoutMs: PLAN_TIMEOUT_MS,
  })
  const isRight = head !== null && (await judge(vm, exercise, head))
  await forgetPlan(vm, plan)
  const seconds = Math.round((performance.now() - startedAt) / 100) / 10
  return { candidate, end, verified, isRight, seconds }
}

/** The plan's text as the scripted model plays it: one line of JSON a call. */
export function toPlanText({ plan }: Exercise, steps: Step[], isRefused = false): string {
  const calls = steps.map(({ tool, ...input }) => JSON.stringify({ tool, input }))
  if (isRefused) calls.push(JSON.stringify({ judge: { complete: false, missing: ['The work itself.'] } }))
  return calls.length === 0 ? plan : `${plan.trimEnd()}\n\n\`\`\`model\n${calls.join('\n')}\n\`\`\`\n`
}

async function judge(vm: TestVm, exercise: Exercise, head: string): Promise<boolean> {
  const folder = makeFolder()
  try {
    execFileSync('bash', [
      '-c',
      'git --git-dir="$0" archive "$1" | tar -x -C "$2"',
      join(vm.folder, 'upstream.git'),
      head,
      folder,
    ])
    return (await runReference(exercise, folder)).verdict === 'right'
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function addBranch(vm: TestVm, { name, base }: Exercise): void {
  const folder = join(vm.folder, 'exercises', name)
  mkdirSync(folder, { recursive: true })
  writeFiles(folder, base)
  const git = (...args: string[]) => vm.git('-C', folder, ...args)
  git('init', '--quiet', `--initial-branch=${name}`)
  git('add', '--all', '--force')
  git('commit', '--quiet', '-m', 'Start')
  git('push', '--quiet', join(vm.folder, 'upstream.git'), name)
}
