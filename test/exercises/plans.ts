// Plans through one real supervisor, each as its own unix user, with the scripted model. What counts as verified is what the Worker
// would say.
import type { AttemptEnd, DesiredPlan } from '../../src/shared/protocol.ts'
import type { FakePlan } from '../real/support/fake-worker.ts'
import { createVm, until } from '../real/support/vm.ts'
import type { TestVm } from '../real/support/vm.ts'

export interface PlansInput<Job, Result> {
  /** PATH of the machine. */
  path: string
  jobs: Job[]
  lanes: number
  /** Makes the branches that the jobs start from. */
  prepare: (vm: TestVm) => void
  runJob: (vm: TestVm, job: Job) => Promise<Result>
  onResult: (result: Result) => void
}

export interface PlanInput {
  text: string
  desired: Pick<DesiredPlan, 'base' | 'checks'>
  /** What the plan is, for the error of a supervisor that does not answer. */
  title: string
  timeoutMs: number
}

export interface PlanRun {
  plan: FakePlan
  end: AttemptEnd | 'none'
  /** What the gateway saw pushed until the end; rights end with the attempt. */
  head: string | null
  /** As the Worker decides: claimed, with a clean checkout's proof, of the very head it saw pushed. */
  verified: boolean
  seconds: number
  /** From the first word of the last proof to the end; null when nothing was proven. */
  proofSeconds: number | null
}

/** Results in the order they came. Errors: throws when the supervisor died or the model saw a history the API would refuse. */
export async function runPlans<Job, Result>(input: PlansInput<Job, Result>): Promise<Result[]> {
  const { path, jobs, lanes, prepare, runJob, onResult } = input
  await using vm = await createVm({ env: { PATH: path } })
  vm.worker.idleSyncMs = 200
  prepare(vm)
  await vm.ring()
  const supervisor = vm.supervisorPid()
  const queue = [...jobs]
  const results: Result[] = []
  const lane = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const result = await runJob(vm, next)
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

/** Runs one plan to its end, or until the time is over. Its user and branch stay: forgetPlan takes them away. */
export async function runPlan(vm: TestVm, { text, desired, title, timeoutMs }: PlanInput): Promise<PlanRun> {
  const startedAt = performance.now()
  const plan = vm.worker.submit(text, desired)
  let provenFrom: number | null = null
  const hasEnded = () => {
    const phase = plan.observed?.phase
    if (phase === 'verifying') provenFrom ??= performance.now()
    else if (phase === 'working') provenFrom = null
    return plan.observed?.end !== undefined && plan.observed.end.kind !== 'stopped'
  }
  await until(hasEnded, `the end of ${title}`, timeoutMs).catch(() => {})
  const head = pushedHead(vm, plan)
  const end = plan.observed?.end ?? 'none'
  return {
    plan,
    end,
    head,
    verified: isVerified(end, head),
    seconds: secondsSince(startedAt),
    proofSeconds: provenFrom === null ? null : secondsSince(provenFrom),
  }
}

/** The plan's user, home, checkout and branch go: the next one finds an empty machine. */
export async function forgetPlan(vm: TestVm, plan: FakePlan): Promise<void> {
  Object.assign(plan.desired, { want: 'forget', final: true, removeCheckout: true })
  vm.worker.touch()
  const isKnown = () => vm.worker.syncs.at(-1)?.plans.some(({ id }) => id === plan.desired.id) ?? true
  await until(() => !isKnown(), 'the end of its user').catch(() => {})
  vm.worker.plans.delete(plan.desired.id)
  vm.git('update-ref', '-d', `refs/heads/${plan.desired.branch}`)
}

/** How the plan ended, in a few words. */
export function describeEnd(end: PlanRun['end']): string {
  if (end === 'none') return 'did not end'
  if (end.kind === 'completed')
    return `${end.outcome}${end.reasons.length > 0 ? ` (${end.reasons.join(', ')})` : ''}, proof ${end.proof}`
  return end.kind === 'paused' ? `paused: ${end.reason}: ${end.detail}` : end.kind
}

/** The same rule as in src/workspace/records/decisions.ts. */
export function isVerified(end: PlanRun['end'], pushed: string | null): boolean {
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

const secondsSince = (startedAt: number): number => Math.round((performance.now() - startedAt) / 100) / 10
