// A run's plan: what people, machines, the platform and the faults do when. Plain data made from a seed, so that it can be cut down.
import type { Schedule, Step } from './job.ts'
import { createRng } from './rng.ts'
import type { Rng } from './rng.ts'

const KILLS = ['kill_before', 'kill_after']
const ORGO = [
  'orgo_401',
  'orgo_402',
  'orgo_403',
  'orgo_404',
  'orgo_409',
  'orgo_422',
  'orgo_429',
  'orgo_500',
  'orgo_hang',
  'orgo_lost',
  'orgo_html',
  ...KILLS,
]
const host = (prefix: string, statuses: string[]) => [
  ...statuses.map((status) => `${prefix}_${status}`),
  `${prefix}_hang`,
  ...KILLS,
]

/** Every call at which something can go wrong, and what. */
export const POINTS: Record<string, string[]> = {
  orgo_list: ORGO,
  orgo_create: [...ORGO, 'orgo_late'],
  orgo_get: ORGO,
  orgo_awake: ORGO,
  orgo_boot: ORGO,
  orgo_bootstatus: ORGO,
  orgo_bell: ORGO,
  orgo_start: ORGO,
  orgo_wake: ORGO,
  orgo_restart: ORGO,
  orgo_delete: ORGO,
  git_refs: host('git', ['401', '500']),
  git_list: host('git', ['401', '500']),
  git_delete: host('git', ['401', '500']),
  github_pulls: host('github', ['403', '500']),
  github_compare: host('github', ['403', '500']),
  github_open: host('github', ['403', '500']),
  notify_post: host('notify', ['500']),
  d1_batch: ['d1_down', 'd1_unknown', 'd1_slow', ...KILLS],
  account_canCall: ['account_down', ...KILLS],
  account_acquireCreate: ['account_down', ...KILLS],
  account_releaseCreate: ['account_down', ...KILLS],
  account_noteRateLimit: ['account_down', ...KILLS],
  account_reserve: ['account_down', ...KILLS],
  account_settle: ['account_down', ...KILLS],
  vm_sync: ['vm_lost', 'vm_dropped', 'vm_late'],
  vm_ticket: ['vm_lost', 'vm_dropped'],
  gate_model: ['worker_dies', 'vm_dropped', 'vm_lost', 'model_529', 'model_lost'],
  gate_push: ['worker_dies', 'vm_dropped', 'vm_lost', 'git_refuses', 'push_lost'],
}
const POINT_NAMES = Object.keys(POINTS) as [string, ...string[]]

export const MACHINE_EVENTS = [
  'vm_stop',
  'vm_reboot',
  'vm_delete',
  'vm_zombie',
  'vm_suspend',
  'vm_silence',
  'vm_error',
  'agent_crash',
  'supervisor_crash',
] as const
export const OBJECT_EVENTS = ['evict', 'kill', 'clock_back', 'clock_forward'] as const
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
] as const

export function makeSchedule(seed: number): Schedule {
  const rng = createRng(seed)
  const stormMs = rng.int(120_000, 900_000)
  const steps: Step[] = [{ atMs: rng.int(100, 20_000), do: 'submit', n: 0 }]
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
  if (rng.chance(0.03))
    steps.push({
      atMs: when(),
      do: 'fault',
      n: 0,
      at: 'orgo_ outage',
      lengthMs: 1_800_000,
      chance: 1,
      hits: 1e9,
    })
  // Two things at once are worth more than two things.
  for (const step of steps.slice(1))
    if (rng.chance(0.25)) step.atMs = rng.pick(steps as [Step, ...Step[]]).atMs + rng.int(0, 400)
  return { seed, steps: steps.toSorted((a, b) => a.atMs - b.atMs), stormMs }
}

function faultStep(rng: Rng, atMs: number): Step {
  const point = rng.pick(POINT_NAMES)
  const kind = rng.pick((POINTS[point] ?? ['kill_before']) as [string, ...string[]])
  const wide = kind.startsWith('orgo_') && kind !== 'orgo_late' && rng.chance(0.3)
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
