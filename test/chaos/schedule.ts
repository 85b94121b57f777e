// A run's plan: what people, machines, the platform and the faults do when. Plain data made from a seed, so that it can be cut down.
import { CELLS } from './cells.ts'
import type { Schedule, Step } from './job.ts'
import { MACHINE_EVENTS, OBJECT_EVENTS, POINTS } from './points.ts'
import { createRng } from './rng.ts'
import type { Rng } from './rng.ts'

const POINT_NAMES = Object.keys(POINTS) as [string, ...string[]]

const CLIENT = [
  'submit',
  'submit',
  'submit_twice',
  'cancel',
  'cancel',
  'resume',
  'message',
  'update',
  'status',
  'merge',
  'merge',
  'close',
  'remove',
  'register',
] as const

/** Moments that are over in a blink: what strikes there is set to wait for them. */
const MOMENTS = ['started', 'ended', 'gate_push', 'gate_model'] as const
const ACTS = [
  'cancel',
  'cancel',
  'resume',
  'message',
  'kill',
  'vm_stop',
  'vm_zombie',
  'vm_silence',
  'vm_delete',
  'again_unheard',
] as const

export function makeSchedule(seed: number): Schedule {
  const rng = createRng(seed)
  const stormMs = rng.int(seed % 2 === 0 ? 480_000 : 120_000, 900_000)
  const steps: Step[] = [{ atMs: rng.int(100, 20_000), do: 'submit', n: 0 }]
  // Every second seed goes for one cell: 10,000 runs come to each many times, and chance does the rest.
  if (seed % 2 === 0) steps.push(...towards(CELLS[(seed / 2) % CELLS.length] ?? '', rng))
  const when = () => Math.floor(rng.next() ** 1.3 * stormMs)
  const add = (from: readonly [string, ...string[]], most: number) => {
    for (let count = rng.int(0, most); count > 0; count--)
      steps.push({ atMs: when(), do: rng.pick(from), n: rng.int(0, 9) })
  }
  add(CLIENT, 7)
  if (rng.chance(0.6)) add(MACHINE_EVENTS, 3)
  if (rng.chance(0.7)) add(OBJECT_EVENTS, 4)
  for (let count = rng.int(1, 6); count > 0; count--) steps.push(faultStep(rng, when()))
  for (let count = rng.int(0, 3); count > 0; count--)
    steps.push({ atMs: when(), do: 'when', n: 0, at: `${rng.pick(MOMENTS)} ${rng.pick(ACTS)}` })
  for (const [kind, chance] of [
    ['outage', 0.03],
    ['wrong_key', 0.06],
  ] as const)
    if (rng.chance(chance))
      steps.push({
        atMs: when(),
        do: 'fault',
        n: 0,
        at: `orgo_ ${kind}`,
        lengthMs: 1_800_000,
        chance: 1,
        hits: 1e9,
      })
  // Two things at once are worth more than two things.
  for (const step of steps.slice(1))
    if (rng.chance(0.25)) step.atMs = rng.pick(steps as [Step, ...Step[]]).atMs + rng.int(0, 400)
  return { seed, steps: steps.toSorted((a, b) => a.atMs - b.atMs), stormMs }
}

const LATER_MS = [240_000, 280_000, 320_000, 400_000]
const MERGES = LATER_MS.map((atMs) => ({ atMs, do: 'merge' }))
const NEW_MACHINE = [{ atMs: 0, do: 'when', at: 'started vm_delete' }]

/** Leads to the state of a cell, or to the call in it; what is not named here comes by itself. */
const WAYS: Record<string, (Omit<Step, 'n'> & { n?: number })[]> = {
  'recovering orgo_list': NEW_MACHINE,
  'recovering orgo_create': NEW_MACHINE,
  'recovering orgo_awake': NEW_MACHINE,
  'recovering account_acquireCreate': NEW_MACHINE,
  'recovering account_releaseCreate': NEW_MACHINE,
  'recovering orgo_restart': [{ atMs: 0, do: 'when', at: 'started vm_error' }],
  'known orgo_list': [
    {
      atMs: 0,
      do: 'fault',
      at: 'orgo_get orgo_404',
      lengthMs: 7_200_000,
      chance: 1,
      hits: 3,
      state: 'known',
    },
  ],
  'booting orgo_wake': [{ atMs: 0, do: 'event', at: 'vm_suspend', state: 'booting' }],
  'creating account_noteRateLimit': [
    {
      atMs: 0,
      do: 'fault',
      at: 'orgo_list orgo_429',
      lengthMs: 60_000,
      chance: 1,
      hits: 2,
      state: 'creating',
    },
  ],
  'unmerged git_delete': MERGES,
  // Somebody pushes to the base: the branch is looked at, and no pull request says that it is merged.
  'unmerged github_compare': LATER_MS.map((atMs) => ({ atMs, do: 'base_push' })),
  // Closed by a person before its answer is known here: nobody opens it again.
  'unmerged github_open': [{ atMs: 0, do: 'when', at: 'opened close' }],
  // One asks; the other is merged, and its checkout is to go.
  'paused orgo_bell': [
    { atMs: 0, do: 'when', at: 'started pause' },
    { atMs: 60_000, do: 'submit' },
    ...MERGES.map((step) => ({ ...step, n: 1 })),
  ],
  recovering: [{ atMs: 0, do: 'when', at: 'started vm_stop' }],
  stopping: [{ atMs: 0, do: 'when', at: 'started cancel' }],
  queued: [{ atMs: 240_000, do: 'submit' }],
  paused: [{ atMs: 0, do: 'when', at: 'started pause' }],
  idle: MERGES,
  removed: [{ atMs: 100_000, do: 'remove' }],
}

function towards(cell: string, rng: Rng): Step[] {
  const [state = '', kind = '', point = ''] = cell.split(' × ')
  const way = (WAYS[`${state} ${point}`] ?? WAYS[state] ?? []).map((step) => ({ n: 0, ...step }))
  if (point === 'at rest') return [...way, { atMs: 0, do: 'event', n: 0, at: kind, state }]
  const hits = kind.startsWith('kill') ? 1 : rng.int(1, 3)
  return [
    ...way,
    { atMs: 0, do: 'fault', n: 0, at: `${point} ${kind}`, lengthMs: 7_200_000, chance: 1, hits, state },
  ]
}

function faultStep(rng: Rng, atMs: number): Step {
  const point = rng.pick(POINT_NAMES)
  const kind = rng.pick((POINTS[point] ?? ['kill_before']) as [string, ...string[]])
  const wide = kind.startsWith('orgo_') && kind !== 'orgo_late' && kind !== 'orgo_limit' && rng.chance(0.3)
  const kills = kind.startsWith('kill')
  return {
    atMs: rng.chance(0.3) ? 0 : atMs,
    do: 'fault',
    n: 0,
    at: `${wide ? 'orgo_' : point} ${kind}`,
    lengthMs: rng.int(30_000, 900_000),
    chance: rng.pick([1, 1, 0.5, 0.2]),
    hits: kills ? rng.int(1, 2) : rng.int(1, 12),
  }
}
