// One run: the real object driven through a schedule, the storm ended, and everybody given time to finish. Then the invariants.
import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { workspaceKey } from '../../src/lib/ids.ts'
import { Workspace } from '../../src/workspace/workspace.ts'
import { edges, playStorage, setEdges } from './edges.ts'
import type { Alarm } from './edges.ts'
import { checkAtEnd, checkNow } from './invariants.ts'
import { install, uninstall } from './kernel.ts'
import { lookInside } from './look.ts'
import type { Look } from './look.ts'
import { createWorld, edgesOf } from './new-world.ts'
import { actOn, onMachine, perform, register, resume } from './perform.ts'
import { OBJECT_EVENTS } from './points.ts'
import type { Schedule } from './job.ts'
import { note, START_MS, violate, visit } from './world.ts'
import type { World } from './world.ts'

const ROUND_MS = 8 * 60_000
const ROUNDS = 10
/** Past an hourly look at open branches. */
const AFTER_MS = 65 * 60_000

export type Watch = (world: World, look: Look) => void

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

/** Runs inside the object's own context: its storage is real, its instances are made and dropped here. */
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
  const alarm: Alarm = { atMs: null, changes: 0 }
  const { storage } = state
  playStorage(state, alarm)
  let workspace = new Workspace(state, edges(env))
  let [kill, evict, dirty, ringing, alarms] = [false, false, true, false, 0]
  world.kill = () => void (kill = true)
  world.act = (act, plan) => {
    if (act === 'kill') kill = true
    else actOn(world, act, plan)
  }
  world.busy = () => kernel.active().length > 0
  world.ask = (call, run, then) => {
    const live = workspace
    const askedAtMs = kernel.nowMs
    world.requests += 1
    kernel.start(
      call,
      () => run(live),
      (value, error) => {
        world.busyMs += kernel.nowMs - askedAtMs
        if (error !== undefined) note(world, `${call}: ${wordsOf(error)}`)
        then(value)
      },
    )
  }
  const ring = () => {
    ringing = dirty = true
    alarms += 1
    alarm.atMs = null
    const live = workspace
    const rungAtMs = kernel.nowMs
    world.requests += 1
    kernel.start(
      'alarm',
      async () => live.alarm(),
      (_, error) => {
        world.busyMs += kernel.nowMs - rungAtMs
        ringing = false
        dirty = true
        if (error !== undefined) note(world, `alarm: ${wordsOf(error)}`)
      },
    )
  }
  const befall = (event: string, n = 1): void => {
    if (!isEvent(event)) return onMachine(world, event)
    visit(world, event, world.busy() ? 'in a call' : 'at rest')
    if (event === 'kill') kill = true
    else if (event === 'evict') evict = true
    else kernel.skewMs += event === 'clock_back' ? -60_000 : n === 0 ? 3_600_000 : 90_000
  }
  const glance = (): Look => lookInside(storage.sql, alarm.atMs)
  let look = glance()
  let seenChanges = alarm.changes
  /** Runs until the time, or until `enough`. */
  const runTo = async (untilMs: number, enough: () => boolean = () => false): Promise<void> => {
    await kernel.settle()
    look = glance()
    for (;;) {
      const dueMs =
        look.alarmMs === null || ringing ? Infinity : Math.max(kernel.nowMs, look.alarmMs - kernel.skewMs)
      const nextMs = Math.min(kernel.nextMs(), dueMs)
      if (nextMs > untilMs) break
      if (dueMs <= kernel.nextMs()) {
        kernel.nowMs = dueMs
        ring()
      } else kernel.step()
      if (kill || (evict && !world.busy())) {
        if (kill) note(world, `killed in ${kernel.active().join(', ') || 'rest'}`)
        kernel.kill()
        workspace = new Workspace(state, edges(env))
        ringing = false
        dirty = true
      }
      kill = evict = false
      await kernel.settle()
      if (!dirty && alarm.changes === seenChanges) continue
      dirty = false
      seenChanges = alarm.changes
      look = glance()
      world.state = look.state
      watch(world, look)
      if (!world.busy()) checkNow(world, look)
      const due = world.atRest[0]
      if (due?.state === look.state && !world.busy()) {
        world.atRest.shift()
        kernel.after(0, () => befall(due.event))
      }
      if (world.violations.length > 0 || enough()) return
    }
    kernel.nowMs = Math.max(kernel.nowMs, untilMs)
  }
  install(kernel)
  setEdges(edgesOf(world))
  try {
    for (const step of schedule.steps)
      kernel.at(START_MS + step.atMs, () => {
        if (step.do === 'event') world.atRest.push({ state: step.state ?? '', event: step.at ?? '' })
        else if (isEvent(step.do)) befall(step.do, step.n)
        else if (step.do === 'when') {
          const [moment = '', act = ''] = (step.at ?? '').split(' ')
          world.triggers.push({ moment, act })
        } else perform(world, step)
      })
    kernel.at(START_MS, () => register(world))
    await runTo(START_MS + schedule.stormMs)
    note(world, 'the storm is over')
    calm(world)
    if (look.state === 'none') register(world)
    for (let round = 0; round < ROUNDS && world.violations.length === 0; round++) {
      await runTo(kernel.nowMs + ROUND_MS, () => isDone(look) && !world.busy())
      if (isDone(look) && !world.busy()) break
      for (const plan of look.plans) if (plan.status === 'paused') resume(world, plan.id, plan.budgetUsd + 20)
      if (look.status === 'error') register(world)
    }
    if (world.violations.length === 0 && !isDone(look))
      violate(world, 'I1', `not finished: ${look.open.join('; ')}`)
    if (world.violations.length === 0) await runTo(kernel.nowMs + AFTER_MS)
    if (world.violations.length === 0) await checkAtEnd(world, look, storage.sql)
  } catch (error) {
    violate(world, 'simulation', String(error instanceof Error ? error.stack : error).slice(0, 600))
  } finally {
    kernel.clear()
    setEdges(null)
    uninstall()
    await storage.deleteAll()
  }
  return {
    seed: schedule.seed,
    violations: world.violations,
    visited: world.visited,
    notes: world.notes,
    calls: world.calls,
    alarms,
    plans: look.plans.length,
    requests: world.requests,
    busyMs: world.busyMs,
    planMs: look.plans.reduce(
      (sum, { startedAtMs, finishedAtMs }) => sum + (finishedAtMs ?? 0) - (startedAtMs ?? finishedAtMs ?? 0),
      0,
    ),
    cancelled: look.plans.filter(({ status }) => status === 'cancelled').length,
  }
}

const isEvent = (what: string): boolean => OBJECT_EVENTS.some((event) => event === what)

const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : 'unknown').slice(0, 120)

const isDone = (look: Look): boolean => look.open.length === 0

function calm(world: World): void {
  world.faults.length = 0
  world.triggers.length = 0
  world.atRest.length = 0
  world.stormy = false
  for (const machine of world.machines) machine.silentUntilMs = 0
}
