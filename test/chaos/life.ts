// The object's life in a run: its instances are made, killed and evicted here, its alarm rings here, and time moves on for it, with a
// look into it after every step.
import { env } from 'cloudflare:workers'
import { Workspace } from '../../src/workspace/workspace.ts'
import { edges, playStorage } from './edges.ts'
import type { Alarm } from './edges.ts'
import { checkNow } from './invariants.ts'
import { lookInside } from './look.ts'
import type { Look } from './look.ts'
import { actOn, onMachine } from './perform.ts'
import { OBJECT_EVENTS } from './points.ts'
import { note, visit } from './world.ts'
import type { World } from './world.ts'

export type Watch = (world: World, look: Look) => void

export interface Life {
  /** Runs until the time, or until `enough`. */
  runTo(untilMs: number, enough?: () => boolean): Promise<void>
  /** Something of the platform's or of a machine's own happens. */
  befall(event: string, n?: number): void
  /** The last look. */
  look(): Look
  /** How often the alarm rang. */
  alarms(): number
}

/** Its storage is real. */
export function createLife(world: World, state: DurableObjectState, watch: Watch): Life {
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
  return { runTo, befall, look: () => look, alarms: () => alarms }
}

export const isEvent = (what: string): boolean => OBJECT_EVENTS.some((event) => event === what)

const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : 'unknown').slice(0, 120)
