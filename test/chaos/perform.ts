// One step of a schedule, done: by a client, a person at the git host, a machine, or the platform.
import { powerOff, powerOn } from './machine.ts'
import { killProcesses } from './agent-process.ts'
import { note, nowOf, visit } from './world.ts'
import type { Machine, World } from './world.ts'
import type { Step } from './job.ts'
import type { PlanSnapshot } from '../../src/workspace/contract.ts'

const REMOTE = 'https://git.test/o/r.git'

/** A client that gets no answer, or is told that the git host does not let it in, tries again. */
export function register(world: World, tries = 0): void {
  note(world, 'client registers')
  world.ask(
    'register',
    (workspace) =>
      workspace.register({
        name: world.name,
        gitRemote: REMOTE,
        branch: 'main',
        openPr: world.rng.chance(0.5),
      }),
    (answer) => {
      if (answer === null && tries < 5)
        world.kernel.after(world.rng.int(500, 5_000), () => register(world, tries + 1))
    },
  )
}

export function perform(world: World, step: Step): void {
  if (step.do === 'fault') return open(world, step)
  note(world, `${step.do} ${step.n}`)
  const plan = [...world.branches.keys()][step.n % Math.max(1, world.branches.size)]
  switch (step.do) {
    case 'submit':
      return submit(world, `key ${step.atMs} ${step.n}`, step.n)
    case 'submit_twice': {
      submit(world, `key ${step.atMs}`, step.n)
      return submit(world, `key ${step.atMs}`, step.n)
    }
    case 'register':
      return register(world)
    case 'remove':
      if (step.n > 3) return // rarely: it ends everything
      world.removals += 1
      return world.ask(
        'remove',
        (workspace) => workspace.remove(world.name, undefined),
        () => {},
      )
    case 'base_push':
      return world.ask(
        'record',
        (workspace) =>
          workspace.record([{ kind: 'base_pushed', branch: 'main', deliveryId: `push ${step.atMs}` }]),
        () => {},
      )
    case 'update':
      return world.ask(
        'update',
        (workspace) =>
          workspace.update(world.name, {
            maxParallel: (step.n % 2) + 1,
            setup: 'make',
            keepBranch: step.n === 9,
          }),
        () => {},
      )
  }
  if (step.do.startsWith('vm_') || step.do.endsWith('_crash')) return onMachine(world, step.do)
  if (plan !== undefined) actOn(world, step.do, plan)
}

/** What somebody does about one plan, or its machine. */
export function actOn(world: World, act: string, plan: string): void {
  if (act.startsWith('vm_')) return onMachine(world, act)
  switch (act) {
    case 'cancel':
      return cancel(world, plan)
    case 'resume':
      return resume(world, plan)
    case 'again_unheard':
      return againUnheard(world, plan)
    case 'pause':
      return pauseByQuestion(world, plan)
    case 'message':
      return world.ask('message', (workspace) => workspace.message(plan, 'Mind the tests.'), learn(world))
    case 'status':
      return world.ask(
        'planStatus',
        (workspace) => workspace.planStatus(plan, { waitMs: 10_000, after: 0, limit: 10 }),
        () => {},
      )
    case 'merge':
      return merge(world, plan)
    case 'close':
      for (const pull of world.pulls)
        if (!pull.merged && pull.branch === world.branches.get(plan)) pull.state = 'closed'
      return
  }
}

/** Cancelled and resumed while its machine hears nothing: the old attempt goes on there, and only the fence stops it. */
function againUnheard(world: World, plan: string): void {
  const fromMs = nowOf(world)
  world.faults.unshift({
    kind: 'vm_dropped',
    at: 'vm_sync',
    fromMs,
    untilMs: fromMs + 120_000,
    chance: 1,
    hits: 99,
  })
  cancel(world, plan)
  world.kernel.after(400, () => resume(world, plan))
}

/** The attempt asks something instead of going on. */
function pauseByQuestion(world: World, plan: string): void {
  for (const { plans } of world.machines) {
    const found = plans.get(plan)
    if (found !== undefined) found.script = ['question']
  }
}

function open(world: World, step: Step): void {
  const [at = '', kind = ''] = (step.at ?? '').split(' ')
  const fromMs = nowOf(world)
  note(world, `fault ${kind} at ${at} begins`)
  // Before all others: a key that is wrong for one call is wrong for every one, and makes no machine where it lists none.
  world.faults[kind === 'wrong_key' ? 'unshift' : 'push']({
    kind,
    at,
    fromMs,
    untilMs: fromMs + (step.lengthMs ?? 0),
    chance: step.chance ?? 1,
    hits: step.hits ?? 1,
    ...(step.state === undefined ? {} : { state: step.state }),
  })
}

const learn = (world: World) => (plan: PlanSnapshot | null) => {
  if (plan !== null) world.branches.set(plan.id, plan.branch)
}

/** A client that gets no answer asks again with its key. */
function submit(world: World, key: string, n: number, tries = 0): void {
  world.ask(
    'submit',
    (workspace) =>
      workspace
        .submit(world.name, { plan: `Do ${key}.`, idempotencyKey: key, budgetUsd: n === 8 ? 1 : 10 })
        .catch(refusedAs),
    (answer) => {
      if (answer === null && tries < 3)
        world.kernel.after(world.rng.int(100, 3_000), () => submit(world, key, n, tries + 1))
      if (answer === null || answer === 'refused') return
      const { plan } = answer
      const known = world.accepted.get(key)
      if (known !== undefined && known !== plan.id)
        world.violations.push({ invariant: 'I2', text: `${key} made ${known} and ${plan.id}` })
      world.accepted.set(key, plan.id)
      world.branches.set(plan.id, plan.branch)
      note(world, `accepted ${plan.id.slice(-4)}`)
    },
  )
}

/** Our own words are an answer; anything else is none. */
const refusedAs = (error: unknown): 'refused' => {
  if (error instanceof Error && 'status' in error) return 'refused'
  throw error
}

export function cancel(world: World, plan: string): void {
  world.ask(
    'cancel',
    (workspace) => workspace.cancel(plan),
    (answer) => {
      if (answer?.status === 'cancelled') world.revoked.set(`${plan}.${answer.attempt}`, nowOf(world))
    },
  )
}

export function resume(world: World, plan: string, budgetUsd?: number): void {
  world.ask(
    'resume',
    (workspace) => workspace.resume(plan, budgetUsd),
    (answer) => {
      if (answer !== null) world.revoked.set(`${plan}.${answer.attempt - 1}`, nowOf(world))
    },
  )
}

/** Merged at the host; its webhook may come twice, late or never. */
function merge(world: World, plan: string): void {
  const branch = world.branches.get(plan) ?? ''
  const head = world.refs[`refs/heads/${branch}`]
  if (head === undefined) return
  world.merged.add(head)
  const opened = world.pulls.find((pull) => pull.branch === branch && pull.state === 'open')
  if (opened !== undefined) Object.assign(opened, { head, merged: true, state: 'closed' })
  else world.pulls.push({ branch, head, merged: true, state: 'closed', number: world.pulls.length + 1 })
  const deliveryId = `delivery ${world.merged.size} ${head}`
  note(world, `merged ${head.slice(0, 6)}`)
  const hint = () =>
    world.ask(
      'record',
      (workspace) => workspace.record([{ kind: 'branch_merged_hint', branch, deliveryId }]),
      () => {},
    )
  for (let count = world.rng.int(0, 2); count > 0; count--)
    world.kernel.after(world.rng.int(10, 90_000), hint)
}

export function onMachine(world: World, what: string): void {
  const machine = world.machines.findLast(({ known }) => known)
  if (machine === undefined || machine.status === 'gone') return
  visit(world, what, world.busy() ? 'in a call' : 'at rest')
  events[what]?.(world, machine)
}

const events: Record<string, (world: World, machine: Machine) => void> = {
  vm_stop: (world, machine) => powerOff(world, machine, 'stopped'),
  vm_reboot(world, machine) {
    powerOff(world, machine, 'stopped')
    powerOn(world, machine)
  },
  vm_delete(world, machine) {
    powerOff(world, machine, 'gone')
    machine.known = false
  },
  /** Orgo has lost it; it runs on. */
  vm_zombie: (_, machine) => void (machine.known = false),
  vm_suspend: (_, machine) => void (machine.status === 'running' && (machine.status = 'suspended')),
  vm_silence: (world, machine) => void (machine.silentUntilMs = nowOf(world) + world.rng.int(5_000, 300_000)),
  vm_error: (world, machine) => powerOff(world, machine, 'error'),
  agent_crash(world, machine) {
    killProcesses(machine)
    // The supervisor starts it again at its next look.
    void world
  },
  supervisor_crash: (_, machine) => Object.assign(machine, { supervisor: null, syncing: false }),
}
