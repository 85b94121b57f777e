// One run: the real object driven through a schedule, the storm ended, and everybody given time to finish. Then the invariants.
import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { workspaceKey } from '../../src/lib/ids.ts'
import { setEdges } from './edges.ts'
import { checkAtEnd } from './invariants.ts'
import { install, uninstall } from './kernel.ts'
import { createLife, isEvent } from './life.ts'
import type { Watch } from './life.ts'
import type { Look } from './look.ts'
import { createWorld, edgesOf } from './new-world.ts'
import { perform, register, resume } from './perform.ts'
import type { Schedule } from './job.ts'
import { note, START_MS, violate } from './world.ts'
import type { World } from './world.ts'

const ROUND_MS = 8 * 60_000
const ROUNDS = 10
/** Past an hourly look at open branches. */
const AFTER_MS = 65 * 60_000

export interface RunResult {
  seed: number
  violations: World['violations']
  visited: Map<string, number>
  notes: string[]
  calls: Record<string, number>
  alarms: number
  plans: number
  cancelled: number
  requests: number
  busyMs: number
  /** Of all plans, from their start to their end. */
  planMs: number
}

/** `watch` looks on after every step; `prepare` sets the world up before the first. */
export async function runOne(
  schedule: Schedule,
  name: string,
  watch: Watch = () => {},
  prepare: (world: World) => void = () => {},
): Promise<RunResult> {
  const stub = env.WORKSPACE.getByName(await workspaceKey(name))
  return runInDurableObject(stub, (_, state) => drive(schedule, name, state, watch, prepare))
}

/** Runs inside the object's own context: its storage is real, its instances are made and dropped by its life. */
async function drive(
  schedule: Schedule,
  name: string,
  state: DurableObjectState,
  watch: Watch,
  prepare: (world: World) => void,
): Promise<RunResult> {
  const world = createWorld(schedule, name)
  prepare(world)
  const { kernel } = world
  const { storage } = state
  const life = createLife(world, state, watch)
  install(kernel)
  setEdges(edgesOf(world))
  try {
    for (const step of schedule.steps)
      kernel.at(START_MS + step.atMs, () => {
        if (step.do === 'event') world.atRest.push({ state: step.state ?? '', event: step.at ?? '' })
        else if (isEvent(step.do)) life.befall(step.do, step.n)
        else if (step.do === 'when') {
          const [moment = '', act = ''] = (step.at ?? '').split(' ')
          world.triggers.push({ moment, act })
        } else perform(world, step)
      })
    kernel.at(START_MS, () => register(world))
    await life.runTo(START_MS + schedule.stormMs)
    note(world, 'the storm is over')
    calm(world)
    if (life.look().state === 'none') register(world)
    for (let round = 0; round < ROUNDS && world.violations.length === 0; round++) {
      await life.runTo(kernel.nowMs + ROUND_MS, () => isDone(life.look()) && !world.busy())
      if (isDone(life.look()) && !world.busy()) break
      for (const plan of life.look().plans)
        if (plan.status === 'paused') resume(world, plan.id, plan.budgetUsd + 20)
      if (life.look().status === 'error') register(world)
    }
    if (world.violations.length === 0 && !isDone(life.look()))
      violate(world, 'I1', `not finished: ${life.look().open.join('; ')}`)
    if (world.violations.length === 0) await life.runTo(kernel.nowMs + AFTER_MS)
    if (world.violations.length === 0) await checkAtEnd(world, life.look(), storage.sql)
  } catch (error) {
    violate(world, 'simulation', String(error instanceof Error ? error.stack : error).slice(0, 600))
  } finally {
    kernel.clear()
    setEdges(null)
    uninstall()
    await storage.deleteAll()
  }
  const { plans } = life.look()
  return {
    seed: schedule.seed,
    violations: world.violations,
    visited: world.visited,
    notes: world.notes,
    calls: world.calls,
    alarms: life.alarms(),
    plans: plans.length,
    requests: world.requests,
    busyMs: world.busyMs,
    planMs: plans.reduce(
      (sum, { startedAtMs, finishedAtMs }) => sum + (finishedAtMs ?? 0) - (startedAtMs ?? finishedAtMs ?? 0),
      0,
    ),
    cancelled: plans.filter(({ status }) => status === 'cancelled').length,
  }
}

const isDone = (look: Look): boolean => look.open.length === 0

function calm(world: World): void {
  world.faults.length = 0
  world.triggers.length = 0
  world.atRest.length = 0
  world.stormy = false
  for (const machine of world.machines) machine.silentUntilMs = 0
}
