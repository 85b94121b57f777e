// What the tests of HISTORY_DAYS begin with: a plan that is over, with something of it in every table, and the object from inside.
import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { createCore } from '../../../src/workspace/core/core.ts'
import type { Core } from '../../../src/workspace/core/core.ts'
import { onAlarm } from '../../../src/workspace/reconcile.ts'
import { objectOf } from './outside.ts'
import type { Outside } from './outside.ts'
import { completed, planClaims, ready, settle } from './ready.ts'

const DAYS = 30
export const KEPT_MS = DAYS * 24 * 3_600_000

/** D1 as it is when it is down. */
export const DOWN = Object.assign(Object.create(env.DB), {
  batch: async () => Promise.reject(new Error('D1_ERROR: down')),
})

interface Inside {
  core: Core
  /** Rings, `afterMs` after the plan ended, until nothing is due then. */
  ring: (afterMs: number) => Promise<void>
  alarmMs: () => Promise<number | null>
  /** Rows of the object that name the plan. */
  rows: () => string[]
  state: DurableObjectState
}

/** Inside the object, with HISTORY_DAYS set and a clock of the test's own. */
export async function inside<T>(
  name: string,
  planId: string,
  use: (inside: Inside) => Promise<T>,
  settings: Record<string, unknown> = { HISTORY_DAYS: String(DAYS) },
): Promise<T> {
  return runInDurableObject(await objectOf(name), async (_, state) => {
    const core = createCore(state, { ...env, ...settings })
    const endedAtMs = core.store.plan(planId)?.finishedAtMs ?? Date.now()
    const alarmMs = () => state.storage.getAlarm()
    return use({
      core,
      state,
      alarmMs,
      ring: async (afterMs) => {
        core.now = () => endedAtMs + afterMs
        for (let i = 0; i < 5; i++) {
          await onAlarm(core)
          if (((await alarmMs()) ?? Infinity) > core.now()) return
        }
      },
      rows: () => rowsOf(state.storage.sql, planId),
    })
  })
}

function rowsOf(sql: SqlStorage, planId: string): string[] {
  const tables = sql.exec<{ name: string }>(
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'",
  )
  return tables
    .toArray()
    .filter(({ name }) => JSON.stringify(sql.exec(`SELECT * FROM "${name}"`).toArray()).includes(planId))
    .map(({ name }) => name)
}

export async function inD1(planId: string): Promise<{ events: number; plans: number }> {
  const count = async (query: string) => Number(await env.DB.prepare(query).bind(planId).first('n'))
  return {
    events: await count('SELECT COUNT(*) AS n FROM events WHERE plan = ?'),
    plans: await count('SELECT COUNT(*) AS n FROM plans WHERE id = ?'),
  }
}
export const NOTHING = { events: 0, plans: 0 }

/** A plan that was completed and is on no machine any more, with something of it in every table but event_sources, which is for plans that say too much. */
export async function finished(name: string, outside: Outside, pushes = false) {
  const { stub, vm } = await ready(name, outside)
  const { plan } = await stub.submit(name, { plan: 'Forget me', idempotencyKey: 'key' })
  await settle(name)
  await vm.sync()
  if (pushes) {
    const ref = `refs/heads/${plan.branch}`
    const commands = [{ oldId: '0'.repeat(40), newId: 'c'.repeat(40), ref }]
    const push = await stub.authorize(planClaims(name, plan.id), { kind: 'git_push', commands })
    if (!push.ok) throw new Error(push.reason)
    await stub.settle(push.leaseId, { kind: 'pushed', updated: [{ ref, newId: 'c'.repeat(40) }] })
    outside.refs[ref] = 'c'.repeat(40)
  }
  const line = { n: 1, atMs: 1, type: 'say', text: 'Hello.' }
  const observed = { id: plan.id, attempt: 1, activity: 1, messagesTaken: 1, events: [line] }
  await stub.message(plan.id, 'Hurry.')
  await vm.sync({ plans: [{ ...observed, status: 'ended', end: completed }] })
  await vm.sync({ plans: [] })
  await settle(name)
  await runInDurableObject(await objectOf(name), (_, state) => {
    const { store } = createCore(state, env)
    store.addDiffPage(plan.id, 'c'.repeat(40), 0, [])
    store.saveDiff(plan.id, { head: 'c'.repeat(40), base: null, pages: 1, totals: null, written: 1 })
    store.saveLease({
      id: 'lease',
      plan: plan.id,
      attempt: 1,
      kind: 'git_read',
      state: 'revoked',
      deadlineMs: Number.MAX_SAFE_INTEGER,
      worstCaseUsd: 0,
      commands: [],
    })
  })
  return { stub, vm, plan }
}
