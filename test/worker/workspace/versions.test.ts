// Older code on what a newer version left: a rollback, or two versions of the Worker at once. What it does not know it leaves as it
// is, its own work goes on, and the alarm stays armed for the version that comes back.
import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { planList } from '../../../src/mcp/tools/plan-list.ts'
import { planStatus } from '../../../src/mcp/tools/plan-status.ts'
import { createToolContext } from '../../../src/mcp/kit/context.ts'
import type { ObservedPlan } from '../../../src/shared/protocol.ts'
import { createCore } from '../../../src/workspace/core/core.ts'
import type { Store } from '../../../src/workspace/store/store.ts'
import { Workspace } from '../../../src/workspace/workspace.ts'
import { endOutside, objectOf, playOutside } from '../support/outside.ts'
import type { Outside } from '../support/outside.ts'
import { completed, planClaims, ready, settle } from '../support/ready.ts'

const HOUR_MS = 3_600_000
let outside: Outside
beforeEach(() => {
  outside = playOutside()
})
afterEach(endOutside)

const observed = (id: string, over: Partial<ObservedPlan> = {}): ObservedPlan => ({
  id,
  attempt: 1,
  status: 'running',
  activity: 1,
  messagesTaken: 0,
  events: [],
  ...over,
})

/** The database as a version after ours leaves it. */
function upgrade(sql: SqlStorage): void {
  sql.exec('CREATE TABLE newer_things (id TEXT PRIMARY KEY, what TEXT NOT NULL) STRICT')
  const tables = sql
    .exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'")
    .toArray()
    .map(({ name }) => name)
    .filter((name) => !name.startsWith('_') && !name.startsWith('sqlite_') && name !== 'newer_things')
  expect(tables).toContain('plans')
  for (const table of tables) sql.exec(`ALTER TABLE ${table} ADD COLUMN newer TEXT NOT NULL DEFAULT 'n'`)
  sql.exec('UPDATE schema_version SET version = 99')
}

async function within<T>(name: string, look: (store: Store, sql: SqlStorage) => T): Promise<T> {
  return runInDurableObject(await objectOf(name), (_, state) =>
    look(createCore(state, env).store, state.storage.sql),
  )
}

async function alarmInMs(name: string): Promise<number> {
  return runInDurableObject(
    await objectOf(name),
    async (_, state) => ((await state.storage.getAlarm()) ?? Infinity) - Date.now(),
  )
}

/** Rings as the platform would, and as often as the object asks for within the next seconds. */
async function ring(name: string): Promise<void> {
  await runInDurableObject(await objectOf(name), (_, state) => state.storage.setAlarm(Date.now() + 60_000))
  await runDurableObjectAlarm(await objectOf(name))
}

type PlanRow = { status: string; watched: number; record: string }

/** A plan in a state of a newer version, with words of it in its record. */
async function foreignPlan(name: string, outside_: Outside) {
  const { stub, vm } = await ready(name, outside_)
  const { plan } = await stub.submit(name, { plan: 'of the newer version' })
  await settle(name)
  await vm.sync({ wantTexts: [plan.id] })
  await settle(name)
  await within(name, (store, sql) => {
    const record = { ...store.plan(plan.id), status: 'parked', parkedBy: { who: 'newer', since: 7 } }
    sql.exec(
      "UPDATE plans SET status = 'parked', watched = 1, record = ? WHERE id = ?",
      JSON.stringify(record),
      plan.id,
    )
  })
  const row = () =>
    within(name, (_, sql) => sql.exec<PlanRow>('SELECT * FROM plans WHERE id = ?', plan.id).one())
  return { stub, vm, id: plan.id, row }
}

describe('a database of a newer schema', () => {
  it('with more tables and more columns carries a plan from its submission to its end', async () => {
    const { stub, vm } = await ready('schema', outside)
    await within('schema', (_, sql) => upgrade(sql))
    const { plan } = await stub.submit('schema', { plan: 'Do it', idempotencyKey: 'k' })
    expect(await stub.submit('schema', { plan: 'Do it', idempotencyKey: 'k' })).toMatchObject({
      deduplicated: true,
    })
    await settle('schema')
    await stub.message(plan.id, 'Hurry')
    const told = await vm.sync({
      wantTexts: [plan.id],
      adopted: [{ ref: 'line-1', text: 'by hand' }],
    })
    expect(told.texts).toEqual([{ id: plan.id, text: 'Do it' }])
    expect(told.adopted).toHaveLength(1)
    const allowed = await stub.authorize(planClaims('schema', plan.id), { kind: 'git_read' })
    expect(allowed.ok).toBe(true)
    const head = 'd'.repeat(40)
    expect(
      await stub.storeDiff(planClaims('schema', plan.id), {
        head,
        first: 0,
        pages: [[]],
        totals: { files: 0, additions: 0, deletions: 0, omittedFiles: 0 },
      }),
    ).toBeNull()
    await stub.record([{ kind: 'base_pushed', branch: 'main', deliveryId: 'delivery-1' }])
    const events = [{ n: 1, atMs: 1, type: 'tool', text: 'x' }]
    await vm.sync({
      plans: [observed(plan.id, { status: 'ended', events, messagesTaken: 1, end: completed })],
    })
    await settle('schema')
    const { plan: done } = await stub.planStatus(plan.id, { waitMs: 0, after: 0, limit: 50 })
    expect(done.status).toBe('completed')
    expect(
      await env.DB.prepare('SELECT COUNT(*) AS n FROM events WHERE plan = ?').bind(plan.id).first('n'),
    ).toBeGreaterThanOrEqual(4)
    const version = await within('schema', (_, sql) => sql.exec('SELECT version FROM schema_version').one())
    expect(version).toEqual({ version: 99 })
  })

  it('keeps the fields of its records that this version does not know', async () => {
    const { stub, vm } = await ready('fields', outside)
    const { plan } = await stub.submit('fields', { plan: 'x' })
    await settle('fields')
    const opened = await stub.authorize(planClaims('fields', plan.id), {
      kind: 'git_push',
      commands: [{ oldId: '0'.repeat(40), newId: 'e'.repeat(40), ref: `refs/heads/${plan.branch}` }],
    })
    const leaseId = opened.ok ? opened.leaseId : ''
    await within('fields', (_, sql) => {
      for (const table of ['plans', 'leases'])
        sql.exec(`UPDATE ${table} SET record = json_set(record, '$.newer', json('{"deep":[1]}'))`)
      sql.exec(
        `UPDATE workspace SET record = json_set(record, '$.newer', 1, '$.vm.newer', 2, '$.supervisor.newer', 3)`,
      )
    })
    await vm.sync({ plans: [observed(plan.id, { phase: 'working', activity: 2 })] })
    await stub.settle(leaseId, { kind: 'unknown' })
    await stub.update('fields', { setup: 'true' })
    await settle('fields')
    const read = await within('fields', (_, sql) =>
      sql
        .exec(
          `SELECT (SELECT json_extract(record, '$.newer') FROM plans) AS plan, (SELECT json_extract(record, '$.newer') FROM leases) AS lease,
           json_extract(record, '$.newer', '$.vm.newer', '$.supervisor.newer', '$.setup') AS workspace FROM workspace`,
        )
        .one(),
    )
    expect(read).toEqual({ plan: '{"deep":[1]}', lease: '{"deep":[1]}', workspace: '[1,2,3,"true"]' })
  })
})

describe('a plan in a state this version does not know', () => {
  it('is neither stopped, forgotten, confirmed nor written, while other plans go on', async () => {
    const { stub, vm, id, row } = await foreignPlan('parked', outside)
    const before = await row()
    expect((await vm.sync({ plans: [observed(id)] })).plans).toEqual([])
    await vm.sync({ plans: [observed(id, { status: 'ended', end: completed })] })
    await ring('parked')
    const { plan: ours } = await stub.submit('parked', { plan: 'ours' })
    await settle('parked')
    expect((await vm.sync({ plans: [observed(id)] })).plans).toMatchObject([{ id: ours.id, want: 'run' }])
    await vm.sync({ plans: [observed(ours.id, { status: 'ended', end: completed })] })
    await vm.sync({ plans: [] })
    await settle('parked')
    expect((await stub.planStatus(ours.id, { waitMs: 0, after: 0, limit: 1 })).plan.status).toBe('completed')
    expect(await row()).toEqual(before)
  })

  it('keeps the alarm armed when nothing else is open, and not in a loop', async () => {
    await foreignPlan('awake', outside)
    await settle('awake')
    await ring('awake')
    const inMs = await alarmInMs('awake')
    expect(inMs).toBeGreaterThan(60_000)
    expect(inMs).toBeLessThanOrEqual(HOUR_MS)
  })

  it('stays watched when what it spent is written down', async () => {
    const { stub, id, row } = await foreignPlan('spent', outside)
    await within('spent', (store) => {
      const lease = { id: 'l1', plan: id, attempt: 1, kind: 'model' as const, state: 'open' as const }
      store.saveLease({ ...lease, deadlineMs: Date.now() + HOUR_MS, worstCaseUsd: 1, commands: [] })
      const plan = store.plan(id)
      if (plan !== null) store.touchPlan({ ...plan, onVm: false })
    })
    const tokens = { input: 1, output: 1, cacheRead: 0, cacheWrite: 0 }
    await stub.settle('l1', { kind: 'model', usd: 0.5, tokens })
    expect(await row()).toMatchObject({ status: 'parked', watched: 1 })
    expect(JSON.parse((await row()).record)).toMatchObject({
      spentUsd: 0.5,
      parkedBy: { who: 'newer', since: 7 },
    })
  })

  it('does not cost the user the list of plans, and is told by its name', async () => {
    const { stub, id } = await foreignPlan('listed', outside)
    const { plan: ours } = await stub.submit('listed', { plan: 'ours' })
    await settle('listed')
    await env.DB.prepare(
      "UPDATE plans SET status = 'parked', snapshot = json_set(snapshot, '$.status', 'parked') WHERE id = ?",
    )
      .bind(id)
      .run()
    const context = createToolContext(env, { scopes: ['read', 'write'] })
    const call = { signal: new AbortController().signal }
    const { structured } = await planList.run({ workspace_id: 'listed' }, context, call)
    expect(structured).toMatchObject({ plans: [{ id: ours.id }] })
    await expect(planStatus.run({ plan_id: id }, context, call)).rejects.toThrow(
      /in the state "parked", which a newer version/,
    )
  })
})

it('a workspace in a state this version does not know carries its plans to their end all the same', async () => {
  const { stub, vm } = await ready('rest', outside)
  await within('rest', (_, sql) =>
    sql.exec("UPDATE workspace SET record = json_set(record, '$.status', 'z')"),
  )
  const { plan } = await stub.submit('rest', { plan: 'x' })
  await settle('rest')
  await vm.sync({ wantTexts: [plan.id] })
  await vm.sync({ plans: [observed(plan.id, { status: 'ended', end: completed })] })
  await settle('rest')
  expect((await stub.planStatus(plan.id, { waitMs: 0, after: 0, limit: 1 })).plan.status).toBe('completed')
})

describe('rows of kinds this version does not know', () => {
  it('stay in the outbox while ours drain', async () => {
    const { stub } = await ready('outbox', outside)
    await within('outbox', (_, sql) =>
      sql.exec("INSERT INTO pending (kind, plan, seq) VALUES ('artifact', 'a', 1)"),
    )
    const { plan } = await stub.submit('outbox', { plan: 'x' })
    await stub.cancel(plan.id)
    await settle('outbox')
    const kinds = await within('outbox', (_, sql) => sql.exec('SELECT kind FROM pending').toArray())
    expect(kinds).toEqual([{ kind: 'artifact' }])
    const status = await env.DB.prepare('SELECT status FROM plans WHERE id = ?').bind(plan.id).first('status')
    expect(status).toBe('cancelled')
    expect(await alarmInMs('outbox')).toBeLessThanOrEqual(HOUR_MS)
  })

  it('leave a lease past its deadline as it is, and the alarm does not turn in circles over it', async () => {
    await ready('lease', outside)
    const record = JSON.stringify({ id: 'l', plan: '', kind: 'artifact_put', state: 'open', deadlineMs: 1 })
    await within('lease', (_, sql) =>
      sql.exec(
        "INSERT INTO leases (id, plan, state, deadline, record) VALUES ('l', '', 'open', 1, ?)",
        record,
      ),
    )
    await ring('lease')
    await ring('lease')
    expect(await within('lease', (_, sql) => sql.exec('SELECT state, record FROM leases').toArray())).toEqual(
      [{ state: 'open', record }],
    )
    expect(await alarmInMs('lease')).toBeGreaterThan(60_000)
    expect(await alarmInMs('lease')).toBeLessThanOrEqual(HOUR_MS)
  })

  it('show an event of a type this version does not write', async () => {
    const { stub } = await ready('event', outside)
    const { plan } = await stub.submit('event', { plan: 'x' })
    await within('event', (store) =>
      store.appendEvent(plan.id, { atMs: 1, type: 'artifact_stored', text: 'newer', data: { newer: [1] } }),
    )
    await settle('event')
    const { events } = await stub.planStatus(plan.id, { waitMs: 0, after: 1, limit: 1 })
    expect(events).toMatchObject([{ seq: 2, type: 'artifact_stored', data: { newer: [1] } }])
  })
})

describe('a manifest that cannot be read', () => {
  it('keeps no VM waiting: it is told what should be, and stays with the agent it has', async () => {
    const { vm } = await ready('manifest', outside)
    const ASSETS = { fetch: () => Promise.reject(new Error('no assets')) }
    await runInDurableObject(await objectOf('manifest'), async (_, state) => {
      const object = new Workspace(state, Object.assign({ ...env }, { ASSETS }))
      const agentSha256 = 'a'.repeat(64)
      const request = { nonce: vm.heard(), bootId: 'boot-1', counter: 99, revision: 0, agentSha256 }
      const lists = { plans: [], wantTexts: [], adopted: [] }
      const answer = await object.vmSync(
        { kind: 'vm', workspace: 'manifest', generation: 2 },
        { protocol: 1, canAddUsers: true, ...request, ...lists },
      )
      expect(answer).toMatchObject({ ok: true, response: { agentSha256 } })
    })
  })
})
