// The outside of one run: its machines, its git host, what was done to it, and the faults that are on. Nothing in here is the product's.
import type { AttemptEnd, EventLine } from '../../src/shared/protocol.ts'
import type { Workspace } from '../../src/workspace/workspace.ts'
import type { Kernel } from './kernel.ts'
import type { Rng } from './rng.ts'

export interface FaultWindow {
  kind: string
  /** Which calls it hits: the name of a point, or the beginning of one. */
  at: string
  fromMs: number
  untilMs: number
  chance: number
  hits: number
  /** Only while the workspace is at this. */
  state?: string
}

export interface PlanOnDisk {
  id: string
  attempt: number
  status: 'running' | 'ended'
  phase: 'preparing' | 'working' | 'verifying' | 'pushing'
  activity: number
  messagesTaken: number
  events: EventLine[]
  lastEvent: number
  end?: AttemptEnd
  budgetLeft: boolean
  /** What the process does next, as on its journal: it goes on from here after a crash. */
  script: string[]
  /** Grows with each process started for it. */
  process: number
  alive: boolean
  head: string | null
}

export interface Machine {
  id: string
  name: string
  status: 'creating' | 'running' | 'suspended' | 'stopped' | 'error' | 'gone'
  /** Listed and answering Orgo; a zombie runs on unseen. */
  known: boolean
  boot: number
  counter: number
  wakingUntilMs: number
  silentUntilMs: number
  bootNonce: string | null
  bootStep: string
  bootError: string | null
  bootRun: number
  key: { workspace: string; generation: number } | null
  nonce: string
  revision: number
  supervisor: number | null
  syncing: boolean
  plans: Map<string, PlanOnDisk>
}

/** Something a VM got done upstream. */
export interface Deed {
  kind: 'start' | 'push' | 'model'
  plan: string
  attempt: number
  machine: string
  atMs: number
  /** For push and model: when the right to it was asked for. */
  askedAtMs: number
  ref: string
  usd: number
}

export interface World {
  rng: Rng
  kernel: Kernel
  name: string
  machines: Machine[]
  refs: Record<string, string>
  pulls: {
    branch: string
    head: string
    merged: boolean
    state: 'open' | 'closed'
    number: number
    byUs?: true
  }[]
  merged: Set<string>
  deletedRefs: { ref: string; head: string }[]
  deeds: Deed[]
  /** Branch of each plan, from the object's answers. */
  branches: Map<string, string>
  /** `plan.attempt` → when the answer went out that ended all its rights. */
  revoked: Map<string, number>
  faults: FaultWindow[]
  visited: Map<string, number>
  /** What the workspace is at, as last looked at. */
  state: string
  notes: string[]
  violations: { invariant: string; text: string }[]
  creates: number
  /** When a create was sent whose outcome nobody was told. */
  createUnknown: { name: string; atMs: number } | null
  /** What is to befall the machine or the object once it rests in a state. */
  atRest: { state: string; event: string }[]
  /** When Orgo last did as it was asked. */
  orgoAnsweredAtMs: number
  calls: Record<string, number>
  /** Calls the object; null when the call failed. */
  ask: <T>(name: string, call: (workspace: Workspace) => Promise<T>, then: (value: T | null) => void) => void
  /** Has the machine's supervisor sync at once. */
  news: (machine: Machine) => void
  /** Aborts the object at once. */
  kill: () => void
  /** True while a call or the alarm of the object is under way. */
  busy: () => boolean
  /** Idempotency key → the plan that was answered. */
  accepted: Map<string, string>
  removals: number
  /** What is to be done at the next such moment of a plan. */
  triggers: { moment: string; act: string }[]
  act: (act: string, plan: string) => void
  /** Calls of the object, alarms among them, and how long they took together. */
  busyMs: number
  requests: number
  /** How often a stream asks whether its lease lives: each second in the product, which is too fine for thousands of runs. */
  beatMs: number
  /** What each attempt does instead of its own short script. */
  script: string[] | null
  /** False once faults are off: then everybody works as they should. */
  stormy: boolean
}

export const nowOf = (world: World): number => world.kernel.nowMs

/** What may go wrong at a point, drawn from the windows that are open; counts the cell. */
export function faultAt(world: World, point: string): string | null {
  world.calls[point] = (world.calls[point] ?? 0) + 1
  const met = `${world.state} × (called) × ${point}`
  world.visited.set(met, (world.visited.get(met) ?? 0) + 1)
  const now = nowOf(world)
  for (const window of world.faults) {
    if (window.state !== undefined && window.state !== world.state) continue
    if (window.hits <= 0 || now < window.fromMs || now >= window.untilMs) continue
    if (!point.startsWith(window.at) || !world.rng.chance(window.chance)) continue
    window.hits -= 1
    visit(world, window.kind, point)
    return window.kind
  }
  return null
}

export function visit(world: World, fault: string, point: string): void {
  const cell = `${world.state} × ${fault} × ${point}`
  world.visited.set(cell, (world.visited.get(cell) ?? 0) + 1)
  note(world, `fault ${fault} at ${point} (${world.state})`)
}

export function note(world: World, text: string): void {
  world.notes.push(`${((nowOf(world) - START_MS) / 1_000).toFixed(1).padStart(9)} ${text}`)
}

/** Something happens with a plan: whoever waited for it strikes now, or a moment later. */
export function moment(world: World, name: string, plan: string): void {
  const at = world.triggers.findIndex((trigger) => trigger.moment === name)
  const [found] = at === -1 ? [] : world.triggers.splice(at, 1)
  if (found !== undefined)
    world.kernel.after(world.rng.int(0, 250), () => {
      note(world, `at ${name}: ${found.act}`)
      world.act(found.act, plan)
    })
}

export function violate(world: World, invariant: string, text: string): void {
  world.violations.push({ invariant, text })
  note(world, `VIOLATION ${invariant}: ${text}`)
}

/** 2040: alarms set there never ring by themselves while the tests run. */
export const START_MS = Date.UTC(2040, 0, 15)
