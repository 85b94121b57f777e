// Two promises with a clock in them, kept in the simulated world: an Orgo outage in each state, and a cancel nobody on the VM hears.
import { beforeAll, describe, expect, it } from 'vitest'
import { runOne } from './run-one.ts'
import { START_MS } from './world.ts'
import type { World } from './world.ts'

const MINUTE_MS = 60_000
const OUTAGE_MS = 30 * MINUTE_MS
beforeAll(() => void (console.log = () => {}))

const submit = { atMs: 2_000, do: 'submit', n: 0 }
const orgoFault = (world: World, kind: string, lengthMs: number) =>
  world.faults.push({
    kind,
    at: 'orgo_',
    fromMs: world.kernel.nowMs,
    untilMs: world.kernel.nowMs + lengthMs,
    chance: 1,
    hits: Infinity,
  })

describe('a 30-minute Orgo outage', () => {
  it.each([
    ['creating', 0],
    ['known', 0],
    ['booting', 0],
    ['queued', 0],
    ['running', 0],
    ['recovering', 20_000],
    ['stopping', 0],
    ['removed', 0],
  ])(
    'while the workspace is %s is over within 60 s of its end',
    { timeout: 120_000 },
    async (state, stopAtMs) => {
      let [beganAtMs, wasOpen] = [0, false]
      const steps = [
        submit,
        ...(stopAtMs > 0 ? [{ atMs: 60_000, do: 'vm_stop', n: 0 }] : []),
        ...(state === 'stopping' ? [{ atMs: 60_000, do: 'cancel', n: 0 }] : []),
        ...(state === 'removed' ? [{ atMs: 60_000, do: 'remove', n: 0 }] : []),
      ]
      const goneOn: number[] = []
      const run = await runOne(
        { seed: 7, steps, stormMs: 90 * MINUTE_MS },
        `outage-${state}`,
        (world, look) => {
          world.stormy = false // no questions, no failures: only Orgo's
          if (beganAtMs === 0 && look.state === state) {
            beganAtMs = world.kernel.nowMs
            orgoFault(world, 'outage', OUTAGE_MS)
          }
          const endMs = beganAtMs + OUTAGE_MS
          if (beganAtMs > 0 && world.kernel.nowMs < endMs) wasOpen = look.open.length > 0
          if (beganAtMs > 0 && world.kernel.nowMs >= endMs && world.orgoAnsweredAtMs >= endMs)
            goneOn.push(world.orgoAnsweredAtMs - endMs)
          // Neither the outage nor a deadline may have paused it: nobody is there to resume it.
          expect(look.plans.some(({ status }) => status === 'paused')).toBe(false)
        },
      )
      expect(run.violations).toEqual([])
      expect(beganAtMs).toBeGreaterThan(START_MS)
      expect(wasOpen ? goneOn[0] : 0).toBeLessThan(MINUTE_MS)
    },
  )
})

describe('a cancel on a VM that does not answer at all', () => {
  it.each([3, 5, 8, 13, 21])(
    'is answered within 2 s, and nothing of the plan is pushed or spent after it (seed %i)',
    { timeout: 120_000 },
    async (seed) => {
      let [silent, late] = [false, 0]
      const run = await runOne(
        { seed, steps: [submit, { atMs: 75_000, do: 'cancel', n: 0 }], stormMs: 30 * MINUTE_MS },
        `silent-${seed}`,
        (world) => {
          world.stormy = false
          if (!silent && world.deeds.some(({ kind }) => kind === 'start')) {
            silent = true
            orgoFault(world, 'orgo_hang', 20 * MINUTE_MS)
            // The supervisor hears nothing; the plan's process and its calls go on.
            world.faults.push({
              kind: 'vm_dropped',
              at: 'vm_sync',
              fromMs: 0,
              untilMs: world.kernel.nowMs + 20 * MINUTE_MS,
              chance: 1,
              hits: Infinity,
            })
          }
          const revokedAtMs = [...world.revoked.values()][0]
          if (revokedAtMs !== undefined) late = revokedAtMs - (START_MS + 75_000)
        },
      )
      // I7 among them: a push or a paid call after the answer.
      expect(run.violations).toEqual([])
      expect(late).toBeLessThan(2_000)
      expect(run.cancelled).toBe(1)
    },
  )
})
