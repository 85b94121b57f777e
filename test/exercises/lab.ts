// Many plans through one real supervisor, each as its own unix user, with the scripted model: one branch of one repository per
// exercise. What counts as verified is what the Worker would say; whether it is right says the hidden reference, on what was pushed.
import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { AttemptEnd } from '../../src/shared/protocol.ts'
import type { FakePlan } from '../real/support/fake-worker.ts'
import { createVm, until } from '../real/support/vm.ts'
import type { TestVm } from '../real/support/vm.ts'
import type { Exercise, Step } from './exercise.ts'
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

/** Results in the order they came. Errors: throws when the supervisor died or the model saw a history the API would refuse. */
export async function runCandidates({ candidates, lanes, onResult }: LabInput): Promise<Result[]> {
  await using vm = await createVm({ env: { PATH: TOOLS_PATH } })
  vm.worker.idleSyncMs = 200
  for (const exercise of new Set(candidates.map((candidate) => candidate.exercise))) addBranch(vm, exercise)
  await vm.ring()
  const supervisor = vm.supervisorPid()
  const queue = [...candidates]
  const results: Result[] = []
  const lane = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const result = await runOne(vm, next)
      results.push(result)
      onResult(result)
    }
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  if (vm.supervisorPid() !== supervisor)
    throw new Error('The supervisor died or was replaced during the run.')
  const [violation] = vm.model.violations()
  if (violation !== undefined) throw new Error(`The API would have refused a history: ${violation}`)
  return results
}

async function runOne(vm: TestVm, candidate: Candidate): Promise<Result> {
  const { exercise, steps } = candidate
  const startedAt = performance.now()
  const plan = vm.worker.submit(toPlanText(exercise, steps, candidate.isForReaders), {
    base: exercise.name,
    checks: exercise.source === 'declared' ? [exercise.check] : [],
  })
  let pushed: string | null = null
  const hasEnded = () => plan.observed?.end !== undefined && plan.observed.end.kind !== 'stopped'
  await until(hasEnded, `the end of ${exercise.name}: ${candidate.name}`, PLAN_TIMEOUT_MS).catch(() => {})
  // Rights end with the attempt: what the gateway saw pushed until now is what counts.
  pushed = pushedHead(vm, plan)
  const end = plan.observed?.end ?? 'none'
  const isRight = pushed !== null && (await judge(vm, exercise, pushed))
  await forget(vm, plan)
  return {
    candidate,
    end,
    verified: isVerified(end, pushed),
    isRight,
    seconds: Math.round((performance.now() - startedAt) / 100) / 10,
  }
}

/** The plan's text as the scripted model plays it: one line of JSON a call. */
export function toPlanText({ plan }: Exercise, steps: Step[], isRefused = false): string {
  const calls = steps.map(({ tool, ...input }) => JSON.stringify({ tool, input }))
  if (isRefused) calls.push(JSON.stringify({ judge: { complete: false, missing: ['The work itself.'] } }))
  return calls.length === 0 ? plan : `${plan.trimEnd()}\n\n\`\`\`model\n${calls.join('\n')}\n\`\`\`\n`
}

/** The same rule as in src/workspace/records/decisions.ts. */
export function isVerified(end: Result['end'], pushed: string | null): boolean {
  return (
    end !== 'none' &&
    end.kind === 'completed' &&
    end.outcome === 'verified' &&
    end.proof === 'clean_checkout' &&
    pushed !== null &&
    pushed === end.work.head
  )
}

export function pushedHead(vm: TestVm, plan: FakePlan): string | null {
  return vm.git('for-each-ref', '--format=%(objectname)', `refs/heads/${plan.desired.branch}`) || null
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

/** The plan's user, home, checkout and branch go: the next one finds an empty machine. */
export async function forget(vm: TestVm, plan: FakePlan): Promise<void> {
  Object.assign(plan.desired, { want: 'forget', final: true, removeCheckout: true })
  vm.worker.touch()
  const isKnown = () => vm.worker.syncs.at(-1)?.plans.some(({ id }) => id === plan.desired.id) ?? true
  await until(() => !isKnown(), 'the end of its user').catch(() => {})
  vm.worker.plans.delete(plan.desired.id)
  vm.git('update-ref', '-d', `refs/heads/${plan.desired.branch}`)
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
