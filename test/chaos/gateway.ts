// The gateway's part, as src/gateway does it: a right, the effect upstream while the lease lives, the settlement. Its Worker may die
// anywhere in between; upstream may refuse, be silent, or lose its answer.
import type { PlanClaims } from '../../src/auth/vm-token.ts'
import type { Intent, Settlement } from '../../src/workspace/contract.ts'
import { faultAt, moment, note, nowOf, violate } from './world.ts'
import type { Machine, PlanOnDisk, World } from './world.ts'

export type Then = (outcome: 'done' | 'again' | 'stopped' | 'budget') => void
const ZERO = '0'.repeat(40)
export const WORST_USD = 0.9

const claimsOf = (world: World, plan: PlanOnDisk): PlanClaims => ({
  kind: 'plan',
  workspace: world.name,
  plan: plan.id,
  attempt: plan.attempt,
  expiresAtMs: nowOf(world) + 600_000,
})

interface Passage {
  point: 'gate_push' | 'gate_model'
  intent: Intent
  machine: Machine
  plan: PlanOnDisk
  /** How long upstream takes. */
  ms: number
  /** What upstream does at the end, and what is settled. Not run when the lease was cut. */
  effect: (fault: string | null, askedAtMs: number) => Settlement
  /** A stream that is cut. */
  cut: Settlement
  over: Then
}

function passage(world: World, { point, intent, machine, plan, ms, effect, cut, over }: Passage): void {
  const fault = faultAt(world, point)
  if (machine.silentUntilMs > nowOf(world) || fault === 'vm_dropped') return over('again')
  const askedAtMs = nowOf(world)
  moment(world, point, plan.id)
  world.ask(
    'authorize',
    (workspace) => workspace.authorize(claimsOf(world, plan), intent),
    (right) => {
      if (right === null) return over('again')
      if (!right.ok) {
        note(world, `${point} of ${plan.id.slice(-4)}.${plan.attempt} on ${machine.id}: ${right.reason}`)
        if (right.reason === 'budget_exceeded' || right.reason === 'monthly_budget_exceeded')
          return over('budget')
        return over(right.reason === 'ref_moved' ? 'done' : 'stopped')
      }
      const settle = (settlement: Settlement) => {
        if (fault === 'worker_dies') return over('again')
        world.ask(
          'settle',
          (workspace) => workspace.settle(right.leaseId, settlement),
          (settled) => {
            // settleLease tries twice.
            if (settled === null)
              world.ask(
                'settle',
                (workspace) => workspace.settle(right.leaseId, settlement),
                () => {},
              )
            over(fault === 'vm_lost' ? 'again' : 'done')
          },
        )
      }
      const end = () =>
        world.ask(
          'leaseLives',
          (workspace) => workspace.leaseLives(right.leaseId),
          (lives) => {
            if (lives === null) return settle(cut)
            if (!lives) {
              note(world, `${point} of ${plan.id.slice(-4)} was cut`)
              settle(cut)
            } else settle(effect(fault, askedAtMs))
          },
        )
      // Asked about every so often, so that the object knows its Worker lives.
      const beat = (leftMs: number): void => {
        if (leftMs <= 0) return end()
        world.kernel.after(Math.min(leftMs, world.beatMs), () => {
          if (leftMs <= world.beatMs) return end()
          world.ask(
            'leaseLives',
            (workspace) => workspace.leaseLives(right.leaseId),
            (lives) => (lives === false ? settle(cut) : beat(leftMs - world.beatMs)),
          )
        })
      }
      beat(ms)
    },
  )
}

export function gatewayModel(world: World, machine: Machine, plan: PlanOnDisk, then: Then): void {
  const usd = world.script === null ? 0.05 + world.rng.next() * (WORST_USD - 0.05) : 0.15
  passage(world, {
    point: 'gate_model',
    intent: { kind: 'model', worstCaseUsd: WORST_USD },
    machine,
    plan,
    ms: world.rng.int(300, 15_000),
    over: then,
    cut: { kind: 'unknown' },
    effect(fault, askedAtMs) {
      if (fault === 'model_529') return { kind: 'refused_upstream', detail: 'model API 529' }
      deed(world, machine, plan, { kind: 'model', askedAtMs, usd, ref: '' })
      if (fault === 'model_lost') return { kind: 'unknown' }
      return { kind: 'model', usd, tokens: { input: 10, output: 10, cacheRead: 0, cacheWrite: 0 } }
    },
  })
}

export function gatewayPush(
  world: World,
  machine: Machine,
  plan: PlanOnDisk,
  final: boolean,
  then: Then,
): void {
  const branch = world.branches.get(plan.id) ?? ''
  const ref = final ? `refs/heads/${branch}` : `refs/agent/${plan.id}`
  const oldId = world.refs[ref] ?? ZERO
  const newId = world.rng.hex(40)
  passage(world, {
    point: 'gate_push',
    intent: { kind: 'git_push', commands: [{ oldId, newId, ref }] },
    machine,
    plan,
    ms: world.rng.int(50, 4_000),
    over: then,
    cut: { kind: 'unknown' },
    effect(fault, askedAtMs) {
      if (fault === 'git_refuses') return { kind: 'refused_upstream', detail: 'git_401' }
      if ((world.refs[ref] ?? ZERO) !== oldId) return { kind: 'pushed', updated: [] }
      world.refs[ref] = newId
      plan.head = newId
      deed(world, machine, plan, { kind: 'push', askedAtMs, usd: 0, ref })
      if (fault === 'push_lost') return { kind: 'unknown' }
      return { kind: 'pushed', updated: [{ ref, newId }] }
    },
  })
}

/** Something of a plan happened upstream: the moment the fences are judged by. */
function deed(
  world: World,
  machine: Machine,
  plan: PlanOnDisk,
  what: { kind: 'push' | 'model'; askedAtMs: number; usd: number; ref: string },
): void {
  const atMs = nowOf(world)
  const before = world.deeds.filter(({ plan: id, kind }) => id === plan.id && kind !== 'start')
  if (before.some(({ attempt, atMs: then }) => attempt > plan.attempt && then < atMs))
    violate(world, 'I2', `${what.kind} of attempt ${plan.attempt} of ${plan.id} after one of a later attempt`)
  const revokedAtMs = world.revoked.get(`${plan.id}.${plan.attempt}`)
  if (revokedAtMs !== undefined && atMs > revokedAtMs)
    violate(
      world,
      'I7',
      `${what.kind} of ${plan.id} ${atMs - revokedAtMs} ms after its cancel or resume was answered`,
    )
  world.deeds.push({ ...what, plan: plan.id, attempt: plan.attempt, machine: machine.id, atMs })
  note(world, `${what.kind} of ${plan.id.slice(-4)}.${plan.attempt} by ${machine.id}`)
}
