// What must hold: at every moment the object rests (checkNow), and when everything had time to finish (checkAtEnd).
import { env } from 'cloudflare:workers'
import type { PlanEvent } from '../../src/workspace/contract.ts'
import type { PlanStatus } from '../../src/shared/words.ts'
import { toPlanSnapshot } from '../../src/workspace/records/snapshots.ts'
import { createStore } from '../../src/workspace/store/store.ts'
import { WORST_USD } from './gateway.ts'
import type { Look } from './look.ts'
import { violate } from './world.ts'
import type { World } from './world.ts'

export function checkNow(world: World, look: Look): void {
  // An error waits for a person; everything else that is open has its next moment.
  const waits = look.status === 'error' && look.open.length === 1 && look.open[0]?.startsWith('workspace')
  if (look.open.length > 0 && !waits && look.alarmMs === null)
    violate(world, 'alarm', `no alarm with: ${look.open.join('; ')}`)
}

export async function checkAtEnd(world: World, look: Look, sql: SqlStorage): Promise<void> {
  for (const [key, id] of world.accepted)
    if (!look.plans.some((plan) => plan.id === id)) violate(world, 'I1', `${key}: plan ${id} is gone`)
  const store = createStore(sql)
  const events = Object.fromEntries(look.plans.map(({ id }) => [id, store.events(id, 0, 100_000)]))
  await checkHistory(world, look, events)
  for (const plan of look.plans) {
    const spent = world.deeds
      .filter((deed) => deed.plan === plan.id && deed.kind === 'model')
      .reduce((sum, { usd }) => sum + usd, 0)
    if (spent > plan.budgetUsd + WORST_USD)
      violate(world, 'I6', `${plan.id} spent $${spent} of $${plan.budgetUsd}`)
    if (spent > plan.spentUsd + 1e-6)
      violate(world, 'I6', `${plan.id} spent $${spent}, counted $${plan.spentUsd}`)
    const head =
      world.deletedRefs.find(({ ref }) => ref === `refs/heads/${plan.branch}`)?.head ??
      world.refs[`refs/heads/${plan.branch}`] ??
      null
    if (look.status !== 'removed' && plan.pushedHead !== head)
      violate(world, 'I8', `${plan.branch} is at ${head}, recorded ${plan.pushedHead}`)
    const opened = world.pulls.filter(({ branch, byUs }) => byUs === true && branch === plan.branch)
    if (opened.length > 1)
      violate(world, 'I2', `${opened.length} pull requests were opened for ${plan.branch}`)
    if (opened.length > 0 && plan.prUrl === null && plan.status === 'completed')
      violate(world, 'I8', `the pull request of ${plan.branch} is not known here`)
    if (look.status !== 'removed' && head !== null && world.merged.has(head) && plan.mergeStatus !== 'merged')
      violate(world, 'I8', `${plan.branch} was merged, and is ${plan.mergeStatus} here`)
    if (plan.mergeStatus === 'merged' && (head === null || !world.merged.has(head)))
      violate(world, 'I8', `${plan.branch} is merged here only`)
  }
  const left = world.machines.filter((machine) => machine.known && machine.status !== 'gone')
  for (const machine of left)
    if (look.status === 'removed' || machine.id !== look.vmId)
      violate(world, 'I9', `${machine.id} "${machine.name}" is left ${machine.status}`)
}

async function checkHistory(world: World, look: Look, events: Record<string, PlanEvent[]>): Promise<void> {
  const ids = JSON.stringify(look.plans.map(({ id }) => id))
  const [stored, rows] = await env.DB.batch<Record<string, unknown>>([
    env.DB.prepare(
      'SELECT plan, seq, type, text, data FROM events WHERE plan IN (SELECT value FROM json_each(?1)) ORDER BY plan, seq',
    ).bind(ids),
    env.DB.prepare(
      'SELECT id, status, snapshot FROM plans WHERE id IN (SELECT value FROM json_each(?1))',
    ).bind(ids),
  ])
  if (JSON.stringify([stored?.results, rows?.results]).includes('CANARY'))
    violate(world, 'I3', 'a secret in D1')
  for (const plan of look.plans) {
    const own = events[plan.id] ?? []
    const there = (stored?.results ?? []).filter((row) => row['plan'] === plan.id)
    if (own.some(({ seq }, index) => seq !== index + 1)) violate(world, 'I5', `${plan.id}: seq has gaps`)
    if (
      there.length !== own.length ||
      there.some(
        (row, index) =>
          row['seq'] !== own[index]?.seq ||
          row['type'] !== own[index]?.type ||
          row['text'] !== own[index]?.text,
      )
    )
      violate(world, 'I5', `${plan.id}: ${own.length} events here, ${there.length} in D1, or others`)
    const row = (rows?.results ?? []).find(({ id }) => id === plan.id)
    if (row?.['status'] !== plan.status)
      violate(world, 'I5', `${plan.id} is ${plan.status} here and ${String(row?.['status'])} in D1`)
    // What plan_status answers and what plan_list shows are one.
    if (row?.['snapshot'] !== JSON.stringify(toPlanSnapshot(plan, world.name)))
      violate(
        world,
        'I5',
        `${plan.id} in D1 is not as it is here: ${differences(row?.['snapshot'], plan, world.name)}`,
      )
    const problem = illegal(own, plan.status)
    if (problem !== null) violate(world, 'I5', `${plan.id}: ${problem}`)
  }
}

function differences(there: unknown, plan: Look['plans'][number], workspace: string): string {
  const found: Record<string, unknown> = typeof there === 'string' ? JSON.parse(there) : {}
  return Object.entries(toPlanSnapshot(plan, workspace))
    .filter(([name, value]) => JSON.stringify(found[name]) !== JSON.stringify(value))
    .map(([name, value]) => `${name} ${JSON.stringify(value)}, there ${JSON.stringify(found[name])}`)
    .join('; ')
    .slice(0, 300)
}

const NEXT: Record<PlanStatus, PlanStatus[]> = {
  queued: ['running', 'paused', 'cancelled', 'failed'],
  running: ['completed', 'paused', 'cancelled', 'failed'],
  paused: ['cancelled', 'failed', 'queued'],
  completed: ['queued'],
  failed: ['queued'],
  cancelled: ['queued'],
}

/** The first step of the states in the events that is no allowed transition; null when all are allowed. */
function illegal(events: PlanEvent[], status: PlanStatus): string | null {
  let at: PlanStatus | null = null
  let attempt = 1
  for (const { type, data } of events) {
    if (data?.['n'] !== undefined && data['attempt'] !== undefined && !(type in NEXT)) continue // the VM's own lines
    if (type === 'vm_replaced' && at !== 'running') return `vm_replaced while ${at ?? 'nothing'}`
    const told = data?.['attempt']
    if (type === 'vm_replaced' || type === 'queued') {
      if (at !== null && told !== attempt + 1) return `attempt ${String(told)} after ${attempt}`
      attempt = typeof told === 'number' ? told : attempt
    }
    if (!(type in NEXT)) continue
    const next = type as PlanStatus
    if (at === null ? next !== 'queued' : !NEXT[at].includes(next)) return `${next} after ${at ?? 'nothing'}`
    at = next
  }
  return at === status ? null : `events end in ${at ?? 'nothing'}, the plan is ${status}`
}
