// The plan processes of a machine: each attempt is a short script - paid calls, checkpoints, the push, its end - over the gateway's
// questions to the object. The gateway is played here: right, effect upstream, settlement, and a Worker that may die in between.
import type { AttemptEnd, DesiredPlan, ObservedPlan } from '../../src/shared/protocol.ts'
import { gatewayModel, gatewayPush } from './gateway.ts'
import { moment, note, nowOf, violate } from './world.ts'
import type { Machine, PlanOnDisk, World } from './world.ts'

export function observed(machine: Machine): ObservedPlan[] {
  return [...machine.plans.values()].map((plan) => ({
    id: plan.id,
    attempt: plan.attempt,
    status: plan.status,
    phase: plan.phase,
    activity: plan.activity,
    messagesTaken: plan.messagesTaken,
    events: plan.events.slice(0, 100),
    ...(plan.end === undefined ? {} : { end: plan.end }),
  }))
}

export function killProcesses(machine: Machine): void {
  for (const plan of machine.plans.values()) Object.assign(plan, { alive: false, process: plan.process + 1 })
}

export function takeDesired(world: World, machine: Machine, desired: DesiredPlan[]): void {
  for (const want of desired) {
    let plan = machine.plans.get(want.id)
    if (want.want === 'forget') {
      machine.plans.delete(want.id)
      continue
    }
    if (plan === undefined || plan.attempt < want.attempt) {
      if (plan !== undefined) plan.process += 1
      plan = fresh(world, want)
      machine.plans.set(want.id, plan)
    }
    if (plan.attempt !== want.attempt) continue
    plan.events = plan.events.filter(({ n }) => n > want.ackedEvent)
    if (want.want === 'stop') {
      if (plan.end === undefined) finish(world, machine, plan, { kind: 'stopped', work: workOf(plan) })
      continue
    }
    plan.messagesTaken = Math.max(plan.messagesTaken, ...want.messages.map(({ n }) => n))
    if (plan.end?.kind === 'stopped') Object.assign(plan, { end: undefined, status: 'running' })
    if (plan.end === undefined && !plan.alive) begin(world, machine, plan)
  }
}

function fresh(world: World, want: DesiredPlan): PlanOnDisk {
  const short = ['model', ...(world.rng.chance(0.5) ? ['checkpoint'] : []), 'model', 'push', endOf(world)]
  const script = world.script === null ? short : [...world.script]
  return {
    id: want.id,
    attempt: want.attempt,
    status: 'running',
    phase: 'preparing',
    activity: 0,
    messagesTaken: 0,
    events: [],
    lastEvent: 0,
    budgetLeft: true,
    script,
    process: 0,
    alive: false,
    head: null,
  }
}

function endOf(world: World): string {
  if (!world.stormy || world.rng.chance(0.7)) return 'completed'
  return world.rng.pick(['question', 'failed', 'git_refused'] as const)
}

function begin(world: World, machine: Machine, plan: PlanOnDisk): void {
  plan.alive = true
  plan.process += 1
  const others = world.deeds.filter(
    (deed) => deed.kind === 'start' && deed.plan === plan.id && deed.attempt === plan.attempt,
  )
  if (others.some((deed) => deed.machine !== machine.id))
    violate(
      world,
      'I2',
      `attempt ${plan.attempt} of ${plan.id} started on ${machine.id} and on another machine`,
    )
  record(world, machine, plan, { kind: 'start' })
  note(world, `${machine.id} starts attempt ${plan.attempt} of ${plan.id.slice(-4)}`)
  moment(world, 'started', plan.id)
  next(world, machine, plan)
}

function record(world: World, machine: Machine, plan: PlanOnDisk, deed: { kind: 'start' }): void {
  const atMs = nowOf(world)
  world.deeds.push({
    ...deed,
    plan: plan.id,
    attempt: plan.attempt,
    machine: machine.id,
    atMs,
    askedAtMs: atMs,
    ref: '',
    usd: 0,
  })
}

/** The next step of the script after some time; what ends the process in between ends the chain. */
function next(world: World, machine: Machine, plan: PlanOnDisk): void {
  const { process } = plan
  const lives = () => plan.alive && plan.process === process && machine.status === 'running'
  world.kernel.after(world.rng.int(500, 12_000), () => {
    if (!lives()) {
      // Frozen, not dead: goes on when the machine does.
      if (plan.alive && plan.process === process && machine.status === 'suspended') next(world, machine, plan)
      return
    }
    const step = plan.script[0] ?? 'completed'
    if (step !== 'think') say(world, plan, step)
    const then = (outcome: 'done' | 'again' | AttemptEnd['kind'] | 'budget') => {
      if (plan.process !== process || !plan.alive) return
      if (outcome === 'done') plan.script.shift()
      if (outcome === 'done' || outcome === 'again') return next(world, machine, plan)
      const end: AttemptEnd =
        outcome === 'budget'
          ? { kind: 'paused', reason: 'budget', detail: 'The budget is used up.', work: workOf(plan) }
          : { kind: 'stopped', work: workOf(plan) }
      finish(world, machine, plan, end)
    }
    if (step === 'think') return then('done')
    if (step === 'model') return gatewayModel(world, machine, plan, then)
    if (step === 'checkpoint' || step === 'push')
      return gatewayPush(world, machine, plan, step === 'push', then)
    finish(world, machine, plan, ending(step, plan))
  })
}

function say(world: World, plan: PlanOnDisk, step: string): void {
  plan.activity += 1
  plan.phase = step === 'push' ? 'pushing' : 'working'
  plan.events.push({ n: ++plan.lastEvent, atMs: nowOf(world), type: 'step', text: step })
}

function ending(step: string, plan: PlanOnDisk): AttemptEnd {
  const work = workOf(plan)
  if (step === 'question')
    return { kind: 'paused', reason: 'question', detail: 'A question.', question: 'Blue or red?', work }
  if (step === 'git_refused')
    return { kind: 'paused', reason: 'git_refused', detail: 'The host refused.', work }
  if (step === 'failed') return { kind: 'failed', error: 'It did not work.', work }
  return {
    kind: 'completed',
    summary: 'Done.',
    outcome: 'unverified',
    reasons: ['no_checks'],
    proof: 'none',
    work,
  }
}

const workOf = ({ head }: PlanOnDisk) => ({
  ...(head === null ? {} : { head }),
  commits: head === null ? [] : [{ sha: head, subject: 'feat: x' }],
  diff: { files: 1, additions: 1, deletions: 0 },
  checks: [],
})

function finish(world: World, machine: Machine, plan: PlanOnDisk, end: AttemptEnd): void {
  Object.assign(plan, { alive: false, status: 'ended', end, process: plan.process + 1 })
  note(world, `${machine.id}: attempt ${plan.attempt} of ${plan.id.slice(-4)} ended, ${end.kind}`)
  world.news(machine)
  moment(world, 'ended', plan.id)
}
