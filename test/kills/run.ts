// `npm run kills -- --worker N --vm N --lanes L --seed S`: `kill -9` of the Worker and of the VM's processes at random moments of real
// plans on the local stack. Every plan must reach its end with exactly one commit and no command run twice. Exit 1 when one does not,
// or when recovery takes a median of 5 s or more (from 20 kills on).
import { readCommandLine } from '../../deploy/command-line.ts'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createRng } from '../chaos/rng.ts'
import { signalIn } from '../e2e/support/processes.ts'
import { allEvents, isOver, planStatus, run, script, startStack, submit } from '../e2e/support/stack.ts'

const { values } = readCommandLine({
  command: 'npm run kills',
  about:
    'Strikes the Worker and the processes of VMs with kill -9, at random moments of real plans on the local stack.',
  flags: {
    worker: { about: 'kills of the Worker', number: 'N', default: 100 },
    vm: { about: "kills of the VM's processes", number: 'N', default: 100 },
    lanes: { about: 'stacks side by side', number: 'N', default: 2 },
    seed: { about: 'seed of the moments', number: 'N', default: 1 },
  },
})

const KILLS_PER_PLAN = 3
const MAX_WAIT_BEFORE_MS = 4_000
const RECOVERY_PATIENCE_MS = 90_000
const PLAN_PATIENCE_MS = 240_000
const MAX_MEDIAN_MS = 5_000
/** The median of fewer is the luck of which parts were struck. */
const ENOUGH_KILLS = 20
const COMMANDS = ['one', 'two', 'three', 'four', 'five']
/** Of all machines of the run at once: whatever is Ralph's, the keepers too. */
const EVERY_AGENT = 'every agent'
/** The parts of a machine's agent: the process of a plan, the supervisor, who proves the work. */
const PARTS = ['run-plan', 'run-plan', 'supervise', 'prove', EVERY_AGENT] as const

const rng = createRng(values.seed)
const left: string[] = [
  ...Array.from({ length: values.worker }, () => 'worker'),
  ...Array.from({ length: values.vm }, () => 'vm'),
]
const recoveries: { kind: string; ms: number }[] = []
const problems: string[] = []
const counts = { plans: 0, completed: 0, interrupted: 0 }
const startedAt = performance.now()

await using stack = await startStack()
await Promise.all(Array.from({ length: values.lanes }, (_, index) => lane(`kills-${index}`)))
tell()

async function lane(name: string): Promise<void> {
  const { pushUrl } = await stack.workspace(name)
  while (left.length > 0) {
    const kinds = Array.from({ length: KILLS_PER_PLAN }, takeOne).filter((kind) => kind !== undefined)
    const text = script('Count', ...COMMANDS.map((word) => `echo run >> ${word}.txt; sleep 0.7`))
    const plan = await patiently(() => submit(stack, name, text, { idempotency_key: crypto.randomUUID() }))
    for (const kind of kinds) {
      await sleep(rng.int(200, MAX_WAIT_BEFORE_MS))
      if (!(await strike(plan.id, kind))) left.push(kind)
    }
    await judge(plan.id, plan.branch, pushUrl)
    console.log(
      `  ${recoveries.length} kills, ${counts.plans} plans, ${problems.length} problems, ${seconds()} s`,
    )
  }
}

function takeOne(): string | undefined {
  return left.splice(rng.int(0, Math.max(0, left.length - 1)), 1)[0]
}

/** False: the plan was over, or nothing of that kind ran. */
async function strike(planId: string, kind: string): Promise<boolean> {
  if (isOver(await patiently(() => planStatus(stack, planId)))) return false
  const before = (await patiently(() => allEvents(stack, planId))).length
  const part = kind === 'worker' ? kind : rng.pick(PARTS)
  if (part === 'worker') await stack.control('POST', '/worker/kill')
  else if (signalIn(stack, new RegExp(`ralph\\.mjs ${part === EVERY_AGENT ? '' : part}`), 'SIGKILL') === 0)
    return false
  const struckAt = performance.now()
  const isAlive = async () =>
    (await allEvents(stack, planId)).length > before || isOver(await planStatus(stack, planId))
  while (!(await isAlive().catch(() => false))) {
    if (performance.now() - struckAt > RECOVERY_PATIENCE_MS) {
      problems.push(`${planId}: no sign of life after a kill of ${part}`)
      break
    }
    await sleep(50)
  }
  recoveries.push({ kind: part, ms: performance.now() - struckAt })
  return true
}

async function judge(planId: string, branch: string, pushUrl: string): Promise<void> {
  counts.plans += 1
  const until = performance.now() + PLAN_PATIENCE_MS
  let plan = await patiently(() => planStatus(stack, planId))
  while (!isOver(plan) && performance.now() < until) {
    await sleep(200)
    plan = await patiently(() => planStatus(stack, planId))
  }
  if (plan.status !== 'completed')
    return void problems.push(`${planId} is ${plan.status} (${plan.paused_reason ?? plan.summary ?? ''})`)
  counts.completed += 1
  const events = await patiently(() => allEvents(stack, planId))
  if (events.some(({ seq }, index) => seq !== index + 1)) problems.push(`${planId}: a gap in its history`)
  const folder = mkdtempSync(join(tmpdir(), 'kills-'))
  const cloned = await run('git', ['clone', '-q', '-b', branch, pushUrl, folder])
  const commits = (await run('git', ['-C', folder, 'rev-list', '--count', 'origin/main..HEAD'])).stdout.trim()
  if (cloned.code !== 0 || commits !== '1') problems.push(`${planId}: ${commits} commits ${cloned.stderr}`)
  for (const word of COMMANDS) {
    const { stdout } = await run('sh', ['-c', `cat ${word}.txt 2>/dev/null || true`], { cwd: folder })
    if (stdout === 'run\nrun\n') problems.push(`${planId}: command ${word} ran twice`)
    // Killed between being written down and being run: the model is told that it may have run, and this one does not look.
    if (stdout === '') counts.interrupted += 1
  }
  rmSync(folder, { recursive: true })
}

/** While the Worker is down nobody answers: a client asks again. */
async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  for (const until = performance.now() + RECOVERY_PATIENCE_MS; ; await sleep(100)) {
    try {
      return await ask()
    } catch (error) {
      if (performance.now() > until) throw error
    }
  }
}

function tell(): void {
  const all = recoveries.map(({ ms }) => ms)
  for (const [kind, own = []] of Object.entries(Object.groupBy(recoveries, (one) => one.kind)))
    console.log(`${kind.trim()}: ${own.length} kills, ${spread(own.map(({ ms }) => ms))}`)
  console.log(
    `${counts.plans} plans, ${counts.completed} completed, ${problems.length} problems, ${counts.interrupted} commands killed before they ran; recovery ${spread(all)}; ${seconds()} s`,
  )
  for (const problem of problems) console.log(`PROBLEM ${problem}`)
  const isSlow = all.length >= ENOUGH_KILLS && median(all) >= MAX_MEDIAN_MS
  if (problems.length > 0 || isSlow) process.exitCode = 1
}

function seconds(): number {
  return Math.round((performance.now() - startedAt) / 1_000)
}

function median(numbers: number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Infinity
}

function spread(ms: number[]): string {
  return `median ${(median(ms) / 1_000).toFixed(1)} s, longest ${(Math.max(...ms) / 1_000).toFixed(1)} s`
}
