// One plan on one machine, with something that goes wrong, and what must hold whatever it was: each command ran at most once and
// the model was told the truth about it, no commit is lost, only the plan's own refs were touched, no history that the API would
// refuse was sent, nothing of the plan is left running.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { DesiredPlan } from '../../src/shared/protocol.ts'
import type { FakePlan } from '../real/support/fake-worker.ts'
import { createVm, ended, pids, until } from '../real/support/vm.ts'
import type { TestVm, TestVmOptions } from '../real/support/vm.ts'

export interface Fault {
  group: string
  name: string
  /** Why it cannot be tried here; null: it can. */
  missing?: () => string | null
  /** What is still missing in the agent: it may break without the run failing. Goes when the thing is there. */
  open?: string
  /** Errors: throws with what did not hold. */
  run: () => Promise<void>
}

/** Numbered commands: each leaves a line outside the checkout, and a commit inside. */
export const command = (n: number, more = ''): string =>
  `echo ran ${n} >> ~/ran.log\n${more}\necho ${n} > file-${n}.txt\ngit add file-${n}.txt\ngit commit --quiet -m "Step ${n}"\n`
export const sh = (text: string): string => `\`\`\`sh\n${text}\n\`\`\`\n\n`
export const model = (block: unknown): string => `\`\`\`model\n${JSON.stringify(block)}\n\`\`\`\n\n`
/** Waits, at most half a minute, until the test lets it go; says that it is there first. */
export const waits = (gate: string): string =>
  `touch ~/at-${gate}; for i in $(seq 300); do [ -e ~/go-${gate} ] && break; sleep 0.1; done`

/** A check that stops at the end of the work, once. */
export const waitsOnce = (gate: string): string =>
  `if [ -f file-3.txt ] && [ ! -e ~/at-${gate} ]; then ${waits(gate)}; fi; test -f file-3.txt`

export const THREE_STEPS = `Three steps\n\n${sh(command(1))}${sh(command(2))}${sh(command(3))}`
export const THREE_CHECKS = ['test -f file-1.txt && test -f file-3.txt']

export interface Bench {
  vm: TestVm
  plan: FakePlan
}

export interface BenchInput {
  text: string
  desired?: Partial<DesiredPlan>
  vm?: TestVmOptions
  /** The plan is there and nothing runs yet. */
  before?: (bench: Bench) => Promise<void> | void
  /** The machine runs. */
  during?: (bench: Bench) => Promise<void> | void
  /** The attempt has ended. */
  after?: (bench: Bench) => Promise<void> | void
  /** Whatever came of it. */
  cleanUp?: (bench: Bench) => void
  /** Kind of the attempt's end, or any; completed when not said. */
  ends?: string
  /** Numbers of the commands whose commits must be on the pushed branch; those that ran when not said. */
  pushed?: number[]
}

export async function onBench(input: BenchInput): Promise<void> {
  await using vm = await createVm(input.vm ?? {})
  const plan = vm.worker.submit(input.text, { checks: THREE_CHECKS, ...input.desired })
  const bench = { vm, plan }
  try {
    await play(bench, input)
  } catch (error) {
    const log = readFileSync(join(vm.ralph, 'supervisor.log'), 'utf8').slice(-800)
    const seen = JSON.stringify({ ...plan.observed, events: plan.events.slice(-5) })
    throw new Error(`${error instanceof Error ? error.message : 'broke'}\n${seen}\n${log}`, { cause: error })
  } finally {
    input.cleanUp?.(bench)
  }
}

async function play(bench: Bench, input: BenchInput): Promise<void> {
  const { vm, plan } = bench
  await input.before?.(bench)
  await vm.ring()
  await input.during?.(bench)
  await until(ended(plan), `the end of the attempt (last event: ${plan.events.at(-1)?.text})`, 600_000)
  const wanted = input.ends ?? 'completed'
  demand(wanted === 'any' || plan.observed?.end?.kind === wanted, `it ended ${describeEnd(plan)}`)
  await input.after?.(bench)
  await demandSound(bench, input.pushed)
}

export function demand(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise)
}

export const describeEnd = (plan: FakePlan): string => JSON.stringify(plan.observed?.end).slice(0, 400)

export const ranLog = ({ vm, plan }: Bench): number[] => {
  const file = join(vm.home(plan), 'ran.log')
  const text = existsSync(file) ? readFileSync(file, 'utf8') : ''
  return [...text.matchAll(/^ran (\d+)$/gm)].map(([, n]) => Number(n))
}

export const stands =
  ({ vm, plan }: Bench, gate: string): (() => boolean) =>
  () =>
    existsSync(join(vm.home(plan), `at-${gate}`))

export const standsInProof =
  ({ vm, plan }: Bench, gate: string): (() => boolean) =>
  () =>
    existsSync(join(vm.home(plan), '..', `proof-${plan.desired.id.slice(-12)}`, `at-${gate}`))

/** The plan's process, and only that, dies at once. */
export function killAgent({ vm, plan }: Bench): void {
  const [pid] = vm.planPids(plan)
  demand(pid !== undefined, 'there is no process of the plan to kill')
  process.kill(pid ?? 0, 'SIGKILL')
}

/** After a pause, a failure or a cancel: the same plan as the next attempt. */
export async function resume({ vm, plan }: Bench, extra: Partial<DesiredPlan> = {}): Promise<void> {
  const pushed = head({ vm, plan })
  Object.assign(plan.desired, { want: 'run', attempt: plan.desired.attempt + 1, ackedEvent: 0 })
  Object.assign(plan.desired, pushed === null ? {} : { pushedHead: pushed }, extra)
  plan.observed = null
  plan.events = []
  vm.worker.touch()
  await vm.ring()
}

export function head({ vm, plan }: Bench): string | null {
  return vm.git('for-each-ref', '--format=%(objectname)', `refs/heads/${plan.desired.branch}`) || null
}

export async function demandSound(bench: Bench, pushed?: number[]): Promise<void> {
  const { vm, plan } = bench
  const ran = ranLog(bench)
  const twice = ran.filter((n, at) => ran.indexOf(n) !== at)
  demand(twice.length === 0, `ran twice: ${twice.join(', ')}`)
  demandTruth(bench, ran)
  const branch = head(bench)
  const wanted = pushed ?? ran
  demand(branch !== null || wanted.length === 0, `nothing was pushed; ran: ${ran.join(', ')}`)
  const files = branch === null ? [] : vm.git('ls-tree', '--name-only', '-r', branch).split('\n')
  const lost = wanted.filter((n) => !files.includes(`file-${n}.txt`))
  demand(lost.length === 0, `lost from the branch: step ${lost.join(', ')}`)
  const strange = vm
    .git('for-each-ref', '--format=%(refname)')
    .split('\n')
    .filter((ref) => ref !== 'refs/heads/main' && !isOfAPlan(vm, ref))
  demand(strange.length === 0, `touched other refs: ${strange.join(', ')}`)
  demand(
    vm.model.violations().length === 0,
    `the API would have refused: ${vm.model.violations().join('; ')}`,
  )
  const isOver = () => plan.desired.want !== 'run' || vm.planPids(plan).length === 0
  await until(() => isOver() && processesOf(vm, plan).length === 0, 'the end of its processes', 15_000)
  const numbers = plan.events.map(({ n }) => n)
  demand(
    numbers.every((n, at) => n === at + 1),
    `event numbers ${numbers.join(' ')}`,
  )
}

const isOfAPlan = (vm: TestVm, ref: string): boolean =>
  [...vm.worker.plans.values()].some(
    ({ desired }) => ref === `refs/heads/${desired.branch}` || ref === `refs/agent/${desired.id}`,
  )

function processesOf(vm: TestVm, plan: FakePlan): number[] {
  const homes = ['plan', 'proof'].map((kind) => `${kind}-${plan.desired.id.slice(-12)}`)
  const marks = homes.map((name) => `HOME=${join(vm.home(plan), '..', name)}`)
  return pids().filter((pid) => {
    try {
      const environment = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0')
      return marks.some((mark) => environment.includes(mark))
    } catch {
      return false // ended meanwhile
    }
  })
}

const Body = z.object({
  messages: z.array(
    z.object({ content: z.union([z.string(), z.array(z.looseObject({ type: z.string() }))]) }),
  ),
})
const Call = z.object({
  type: z.literal('tool_use'),
  id: z.string(),
  input: z.object({ command: z.string() }),
})
const Told = z.object({ type: z.literal('tool_result'), tool_use_id: z.string(), content: z.unknown() })

/** What the model was told last about each numbered command agrees with what happened. */
function demandTruth({ vm, plan }: Bench, ran: number[]): void {
  const calls = new Map<string, number>()
  const told = new Map<string, string>()
  for (const body of vm.worker.modelBodies.filter((text) => text.includes(plan.desired.id))) {
    const parsed = Body.safeParse(JSON.parse(body))
    const blocks = (parsed.data?.messages ?? []).flatMap(({ content }) =>
      typeof content === 'string' ? [] : content,
    )
    for (const block of blocks) {
      const call = Call.safeParse(block)
      const n = /echo ran (\d+) >>/.exec(call.data?.input.command ?? '')?.[1]
      if (call.success && n !== undefined) calls.set(call.data.id, Number(n))
      const result = Told.safeParse(block)
      if (result.success) told.set(result.data.tool_use_id, JSON.stringify(result.data.content))
    }
  }
  for (const [id, text] of told) {
    const n = calls.get(id)
    if (n === undefined) continue
    const hasRun = ran.includes(n)
    if (/it was not run/.test(text)) demand(!hasRun, `step ${n} ran and the model was told that it did not`)
    else if (!/may have run|bash failed: /.test(text))
      demand(hasRun, `step ${n} did not run and the model was told: ${text.slice(0, 200)}`)
  }
}
