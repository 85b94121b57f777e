// The alarm on tables of its own and a clock in the test's hand: an object nobody registered, whose steps are run by the test alone.
import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import type { PlanRecord, WorkspaceRecord } from '../../../src/workspace/records/records.ts'
import { createCore } from '../../../src/workspace/core/core.ts'
import type { Core } from '../../../src/workspace/core/core.ts'
import { newSupervisorRecord, newVmRecord } from '../../../src/workspace/records/new-records.ts'
import { onAlarm } from '../../../src/workspace/reconcile.ts'
import { readyWorkspace } from '../../unit/support/full-records.ts'
import { planRecord } from './own-store.ts'

export const MACHINE_ID = '11111111-1111-8111-8111-111111111111'
const AGENT_SHA = 'a'.repeat(64)

export interface OwnAlarm {
  core: Core
  /** May be moved on at any time. */
  clock: { nowMs: number }
  /** What the alarm was set to, in order. */
  armed: (number | null)[]
  ring: () => Promise<void>
  workspace: () => WorkspaceRecord | null
  plan: (id: string) => PlanRecord | null
  eventTypes: (id: string) => string[]
  /** Milliseconds until Orgo may be called. */
  paceMs: () => Promise<number>
  /** Bindings the object uses; replaceable. */
  bindings: Env
}

export interface OwnTables {
  workspace?: Partial<WorkspaceRecord>
  plans?: PlanRecord[]
  /** Without tables: never registered. */
  empty?: boolean
}

/** A ready workspace whose machine was heard just now, unless told otherwise. */
export async function withAlarm(tables: OwnTables, look: (own: OwnAlarm) => Promise<void>): Promise<void> {
  await runInDurableObject(env.WORKSPACE.getByName(crypto.randomUUID()), async (_, state) => {
    const name = crypto.randomUUID()
    const clock = { nowMs: Date.now() }
    const armed: (number | null)[] = []
    const bindings: Env = {
      ...env,
      // Platform seams: only the calls the object makes are offered. The pace of one test is none of another's.
      ACCOUNT: { getByName: () => env.ACCOUNT.getByName(name) } as unknown as Env['ACCOUNT'],
      ASSETS: {
        fetch: async () => Response.json({ ralphSha256: AGENT_SHA }),
      } as unknown as Env['ASSETS'],
    }
    const core: Core = {
      ...createCore(state, bindings),
      now: () => clock.nowMs,
      setAlarm: async (atMs) => void armed.push(atMs),
    }
    if (tables.empty !== true) {
      core.createTables()
      core.store.saveWorkspace(
        readyWorkspace({
          supervisor: { ...newSupervisorRecord(), counter: 3, lastHeardAtMs: clock.nowMs },
          ...tables.workspace,
        }),
      )
      for (const plan of tables.plans ?? []) core.store.insertPlan(plan, 'x')
    }
    await look({
      core,
      clock,
      armed,
      bindings,
      ring: () => onAlarm(core),
      workspace: () => core.store.workspace(),
      plan: (id) => core.store.plan(id),
      eventTypes: (id) => core.store.events(id, 0, 50).map(({ type }) => type),
      paceMs: async () => core.account().canCall(),
    })
  })
}

/** On the VM for a minute, heard of just now. */
export const runningPlan = (id: string, nowMs: number, over: Partial<PlanRecord> = {}): PlanRecord =>
  planRecord(id, {
    status: 'running',
    phase: 'working',
    startedAtMs: nowMs - 60_000,
    attemptStartedAtMs: nowMs - 60_000,
    onVm: true,
    ...over,
  })

const news = { ...newSupervisorRecord(), ringWanted: true, lastHeardAtMs: 1 }
/** A ready machine that is to be rung. */
export const wanted = (over: Partial<WorkspaceRecord> = {}): Partial<WorkspaceRecord> => ({
  vm: { ...newVmRecord('v'), id: MACHINE_ID, step: 'ready', status: 'running' },
  supervisor: news,
  ...over,
})
/** No machine yet. */
export const coming = (over: Partial<WorkspaceRecord> = {}): Partial<WorkspaceRecord> => ({
  status: 'provisioning',
  statusDetail: 'Registered.',
  vm: newVmRecord('v'),
  supervisor: newSupervisorRecord(),
  ...over,
})
