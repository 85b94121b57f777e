// The object itself, real storage and real D1, against a played outside. Every arrow of DESIGN flow 1 and 3 on its own.
import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AttemptEnd } from '../../src/protocol.ts'
import {
  endOutside,
  MAIN_HEAD,
  objectOf,
  playOutside,
  refusal,
  supervisor,
  workspaceStub,
} from './support/outside.ts'
import type { Outside } from './support/outside.ts'

const REMOTE = 'https://git.test/o/r.git'
const HEAD = 'c'.repeat(40)
let outside: Outside
beforeEach(() => {
  outside = playOutside()
})
afterEach(endOutside)

const work = {
  head: HEAD,
  commits: [{ sha: HEAD, subject: 'feat: x' }],
  diff: { files: 1, additions: 1, deletions: 0 },
  checks: [],
}
const completed: AttemptEnd = {
  kind: 'completed',
  summary: 'done',
  outcome: 'unverified',
  reasons: ['no_checks'],
  proof: 'none',
  work,
}

/** Runs alarms until none is due now. */
async function settle(name: string): Promise<void> {
  const stub = await objectOf(name)
  for (let i = 0; i < 12; i++) {
    const due = await runInDurableObject(
      stub,
      async (_, state) => ((await state.storage.getAlarm()) ?? Infinity) <= Date.now() + 3_100,
    )
    if (!due) return
    await runInDurableObject(stub, (_, state) => state.storage.setAlarm(Date.now() + 60_000))
    await runDurableObjectAlarm(stub)
  }
}

async function ready(name: string) {
  const stub = await workspaceStub(name)
  await stub.register({ name, gitRemote: REMOTE })
  await settle(name)
  const vm = supervisor(name, outside)
  await vm.sync()
  await settle(name)
  return { stub, vm }
}

describe('registration', () => {
  it('makes one VM, gives it a bootstrap, and is ready when its supervisor is heard', async () => {
    const { stub } = await ready('reg')
    expect(await stub.snapshot('reg')).toMatchObject({
      status: 'ready',
      branch: 'main',
      vm: { adopted: false },
    })
    expect(outside.computers).toHaveLength(1)
    expect(outside.computers[0]?.name).toMatch(/^aer-reg-[0-9a-f]{8}$/)
  })

  it('of a remote that refuses us names GIT_CREDENTIALS and leaves nothing behind, not even tables', async () => {
    outside.gitStatus = 401
    const stub = await workspaceStub('refused')
    expect(
      await refusal('refused', (workspace) => workspace.register({ name: 'refused', gitRemote: REMOTE })),
    ).toContain('GIT_CREDENTIALS')
    const tables = await runInDurableObject(await objectOf('refused'), (_, state) =>
      state.storage.sql
        .exec("SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'")
        .toArray(),
    )
    expect(tables).toEqual([])
    expect(outside.computers).toEqual([])
  })

  it('of a remote that is silent is accepted, and learns its branch before the first plan starts', async () => {
    outside.gitStatus = 503
    const stub = await workspaceStub('silent')
    expect((await stub.register({ name: 'silent', gitRemote: REMOTE })).workspace).toMatchObject({
      status: 'provisioning',
      branch: null,
    })
    await settle('silent')
    const vm = supervisor('silent', outside)
    await vm.sync()
    outside.gitStatus = 200
    const { plan } = await stub.submit('silent', { plan: 'x' })
    await settle('silent')
    expect((await stub.planStatus(plan.id, { waitMs: 0, after: 0, limit: 10 })).plan).toMatchObject({
      status: 'running',
      base: 'main',
    })
  })

  it('twice with the same remote answers the same workspace and says what differs; with another it is refused', async () => {
    const { stub } = await ready('twice')
    expect(await stub.register({ name: 'twice', gitRemote: REMOTE, setup: 'make' })).toMatchObject({
      existing: true,
      differs: ['setup'],
    })
    expect(
      await refusal('twice', (workspace) =>
        workspace.register({ name: 'twice', gitRemote: 'https://git.test/o/other.git' }),
      ),
    ).toContain('workspace_remove')
    expect(outside.computers).toHaveLength(1)
  })

  it('makes no second VM when the answer to the create is lost', async () => {
    let lost = false
    outside.orgoFault = (method, path) => {
      if (method !== 'POST' || path !== '/computers' || lost) return null
      lost = true
      outside.computers.push({ id: crypto.randomUUID(), name: 'placeholder', status: 'running' })
      throw new TypeError('Network connection lost.')
    }
    const stub = await workspaceStub('lost')
    await stub.register({ name: 'lost', gitRemote: REMOTE })
    await runDurableObjectAlarm(await objectOf('lost'))
    // The machine exists under our name, as the lost answer would have said.
    const name = await runInDurableObject(await objectOf('lost'), (_, state) =>
      String(
        state.storage.sql.exec("SELECT json_extract(record, '$.vm.name') AS name FROM workspace").one()[
          'name'
        ],
      ),
    )
    for (const computer of outside.computers) computer.name = name
    await runInDurableObject(
      await objectOf('lost'),
      (_, state) =>
        void state.storage.sql.exec("UPDATE workspace SET record = json_set(record, '$.retryAtMs', null)"),
    )
    await settle('lost')
    expect(outside.computers).toHaveLength(1)
    expect((await stub.snapshot('lost')).vm.id).toBe(outside.computers[0]?.id)
  })

  it('refused by the Orgo plan is an error in plain words, and pauses what waits for it', async () => {
    outside.orgoFault = (method, path) =>
      method === 'POST' && path === '/computers'
        ? Response.json({ error: 'no room', code: 'VM_SLOT_ADDON' }, { status: 403 })
        : null
    const stub = await workspaceStub('full')
    await stub.register({ name: 'full', gitRemote: REMOTE })
    const { plan } = await stub.submit('full', { plan: 'x' })
    await settle('full')
    expect(await stub.snapshot('full')).toMatchObject({ status: 'error' })
    expect((await stub.planStatus(plan.id, { waitMs: 0, after: 0, limit: 10 })).plan).toMatchObject({
      status: 'paused',
      pausedReason: 'orgo_refused',
    })
  })
})

describe('a plan', () => {
  it('is started, told to the VM with its text and a token, and completed; the history is in D1 without a gap', async () => {
    const { stub, vm } = await ready('flow')
    const { plan } = await stub.submit('flow', { plan: 'Do it\nnow' })
    expect(plan).toMatchObject({ status: 'queued', title: 'Do it', branch: `agent/${plan.id}`, planChars: 9 })
    await settle('flow')
    expect(outside.orgoCalls.filter(({ command }) => command.includes('doorbell'))).toHaveLength(1)
    const told = await vm.sync({ wantTexts: [plan.id] })
    expect(told.plans[0]).toMatchObject({ id: plan.id, want: 'run', attempt: 1 })
    expect(told.plans[0]?.planToken).toMatch(/^aer_plan_/)
    expect(told.texts).toEqual([{ id: plan.id, text: 'Do it\nnow' }])
    const lines = [1, 2, 3].map((n) => ({ n, atMs: n, type: 'tool', text: `tool ${n}` }))
    const observed = {
      id: plan.id,
      attempt: 1,
      status: 'running' as const,
      phase: 'working' as const,
      activity: 1,
      messagesTaken: 0,
    }
    await vm.sync({ plans: [{ ...observed, events: lines }] })
    await vm.sync({ plans: [{ ...observed, events: lines }] })
    const last = await vm.sync({ plans: [{ ...observed, status: 'ended', events: [], end: completed }] })
    expect(last.plans[0]).toMatchObject({ want: 'forget', final: true })
    await vm.sync({ plans: [] })
    await settle('flow')
    const { plan: done, events } = await stub.planStatus(plan.id, { waitMs: 0, after: 0, limit: 50 })
    expect(done).toMatchObject({
      status: 'completed',
      outcome: 'unverified',
      outcomeReasons: ['no_checks'],
      summary: 'done',
    })
    expect(events.map((event) => event.type)).toEqual([
      'queued',
      'running',
      'tool',
      'tool',
      'tool',
      'completed',
    ])
    const rows = await env.DB.prepare('SELECT seq FROM events WHERE plan = ? ORDER BY seq')
      .bind(plan.id)
      .all<{ seq: number }>()
    expect(rows.results.map((row) => row.seq)).toEqual([1, 2, 3, 4, 5, 6])
    expect(await env.DB.prepare('SELECT status FROM plans WHERE id = ?').bind(plan.id).first('status')).toBe(
      'completed',
    )
  })

  it('submitted twice with one idempotency key is one plan; with other arguments the key is refused', async () => {
    const { stub } = await ready('idem')
    const [a, b] = await Promise.all([
      stub.submit('idem', { plan: 'x', idempotencyKey: 'k' }),
      stub.submit('idem', { plan: 'x', idempotencyKey: 'k' }),
    ])
    expect(a.plan.id).toBe(b.plan.id)
    expect([a.deduplicated, b.deduplicated].toSorted()).toEqual([false, true])
    expect(
      await refusal('idem', (workspace) => workspace.submit('idem', { plan: 'y', idempotencyKey: 'k' })),
    ).toContain('other arguments')
    const again = await stub.submit('idem', { plan: 'z' })
    expect((await stub.submit('idem', { plan: 'z' })).plan.id).toBe(again.plan.id)
  })

  it('cancelled is refused every right before the answer, and the VM is told to stop', async () => {
    const { stub, vm } = await ready('cancel')
    const { plan } = await stub.submit('cancel', { plan: 'x' })
    await settle('cancel')
    await vm.sync()
    const claims = {
      kind: 'plan' as const,
      workspace: 'cancel',
      plan: plan.id,
      attempt: 1,
      expiresAtMs: Date.now() + 1e6,
    }
    const lease = await stub.authorize(claims, { kind: 'model', worstCaseUsd: 1 })
    if (!lease.ok) throw new Error(lease.reason)
    const cut = stub.untilRevoked(lease.leaseId)
    const [answer] = await Promise.all([
      stub.cancel(plan.id),
      cut.then(() => stub.settle(lease.leaseId, { kind: 'unknown' })),
    ])
    expect(answer.status).toBe('cancelled')
    expect(await stub.authorize(claims, { kind: 'git_push', commands: [] })).toMatchObject({
      ok: false,
      reason: 'plan_cancelled',
    })
    expect(await stub.leaseLives(lease.leaseId)).toBe(false)
    const observed = { id: plan.id, attempt: 1, activity: 1, messagesTaken: 0, events: [] }
    expect((await vm.sync({ plans: [{ ...observed, status: 'running' }] })).plans[0]).toMatchObject({
      want: 'stop',
    })
    expect(
      (await vm.sync({ plans: [{ ...observed, status: 'ended', end: { kind: 'stopped', work } }] })).plans[0],
    ).toMatchObject({ want: 'forget' })
    expect((await stub.planStatus(plan.id, { waitMs: 0, after: 0, limit: 50 })).plan.statusDetail).toContain(
      'confirmed',
    )
  })

  it('whose budget is used up is paused at the gateway, and resumes with a higher one only', async () => {
    const { stub } = await ready('budget')
    const { plan } = await stub.submit('budget', { plan: 'x', budgetUsd: 1 })
    await settle('budget')
    const claims = {
      kind: 'plan' as const,
      workspace: 'budget',
      plan: plan.id,
      attempt: 1,
      expiresAtMs: Date.now() + 1e6,
    }
    const first = await stub.authorize(claims, { kind: 'model', worstCaseUsd: 5 })
    if (!first.ok) throw new Error(first.reason)
    await stub.settle(first.leaseId, {
      kind: 'model',
      usd: 1.5,
      tokens: { input: 1, output: 2, cacheRead: 3, cacheWrite: 4 },
    })
    await stub.settle(first.leaseId, {
      kind: 'model',
      usd: 1.5,
      tokens: { input: 1, output: 2, cacheRead: 3, cacheWrite: 4 },
    })
    expect(await stub.authorize(claims, { kind: 'model', worstCaseUsd: 5 })).toMatchObject({
      ok: false,
      reason: 'budget_exceeded',
    })
    const { plan: paused } = await stub.planStatus(plan.id, { waitMs: 0, after: 0, limit: 50 })
    expect(paused).toMatchObject({
      status: 'paused',
      pausedReason: 'budget',
      spentUsd: 1.5,
      tokens: { input: 1, output: 2, cacheRead: 3, cacheWrite: 4 },
    })
    expect(await refusal('budget', (workspace) => workspace.resume(plan.id, 1.2))).toContain('budget_usd')
    expect(await stub.resume(plan.id, 3)).toMatchObject({ status: 'queued', attempt: 2, budgetUsd: 3 })
  })

  it('answers a waiting plan_status as soon as something changes', async () => {
    const { stub } = await ready('wait')
    const { plan } = await stub.submit('wait', { plan: 'x' })
    const waiting = stub.planStatus(plan.id, { waitMs: 20_000, after: 0, limit: 50 })
    await stub.cancel(plan.id)
    expect((await waiting).plan.status).toBe('cancelled')
  })
})

describe('the supervisor’s line', () => {
  it('refuses a machine that did not hear the last doorbell, and rings again', async () => {
    const { vm } = await ready('clone')
    await expect(vm.sync({ nonce: 'f'.repeat(32) })).rejects.toThrow('stale_nonce')
  })

  it('refuses a clone that repeats the counter of its original', async () => {
    const { vm } = await ready('fork')
    await vm.sync()
    await expect(vm.sync({ counter: 1 })).rejects.toThrow('stale_nonce')
    await expect(vm.sync({ bootId: 'another boot' })).rejects.toThrow('stale_nonce')
  })

  it('refuses the key of an older machine', async () => {
    await ready('old')
    await expect(supervisor('old', outside, () => 1).sync()).rejects.toThrow('vm_replaced')
  })

  it('makes one plan of a line a person added, however often it is reported', async () => {
    const { vm } = await ready('lines')
    const adopted = [{ ref: 'r1', text: 'written by hand' }]
    const [first, second] = [await vm.sync({ adopted }), await vm.sync({ adopted })]
    expect(first.adopted).toEqual(second.adopted)
    expect(first.adopted[0]).toMatchObject({ ref: 'r1', title: 'written by hand' })
  })
})

describe('pushes and merges', () => {
  async function pushed(name: string) {
    const { stub, vm } = await ready(name)
    const { plan } = await stub.submit(name, { plan: 'x' })
    await settle(name)
    await vm.sync()
    const claims = {
      kind: 'plan' as const,
      workspace: name,
      plan: plan.id,
      attempt: 1,
      expiresAtMs: Date.now() + 1e6,
    }
    const ref = `refs/heads/${plan.branch}`
    const command = { oldId: '0'.repeat(40), newId: HEAD, ref }
    const lease = await stub.authorize(claims, { kind: 'git_push', commands: [command] })
    if (!lease.ok) throw new Error(lease.reason)
    return { stub, vm, plan, claims, ref, lease, command }
  }
  const end = (vm: ReturnType<typeof supervisor>, id: string) =>
    vm.sync({
      plans: [{ id, attempt: 1, status: 'ended', activity: 2, messagesTaken: 0, events: [], end: completed }],
    })

  it('a push is recorded from the gateway and opens the merge watch', async () => {
    const { stub, plan, lease, ref } = await pushed('push')
    await stub.settle(lease.leaseId, { kind: 'pushed', updated: [{ ref, newId: HEAD }] })
    expect((await stub.planStatus(plan.id, { waitMs: 0, after: 0, limit: 50 })).plan).toMatchObject({
      pushedHead: HEAD,
      mergeStatus: 'open',
    })
  })

  it('a push whose answer was lost is looked up before the next one is judged', async () => {
    const { stub, plan, claims, lease, ref } = await pushed('unknown')
    outside.refs[ref] = HEAD
    await stub.settle(lease.leaseId, { kind: 'unknown' })
    expect(
      await stub.authorize(claims, { kind: 'git_push', commands: [{ oldId: HEAD, newId: MAIN_HEAD, ref }] }),
    ).toMatchObject({ ok: true })
    expect((await stub.planStatus(plan.id, { waitMs: 0, after: 0, limit: 50 })).plan.pushedHead).toBe(HEAD)
  })

  it.each(['pull request', 'reachable'])(
    'a branch merged by %s is merged, deleted where we left it, and forgotten on the VM',
    async (way) => {
      const name = `merged-${way.slice(0, 4)}`
      const { stub, vm, plan, lease, ref } = await pushed(name)
      outside.refs[ref] = HEAD
      await stub.settle(lease.leaseId, { kind: 'pushed', updated: [{ ref, newId: HEAD }] })
      await end(vm, plan.id)
      if (way === 'reachable') outside.reachable.add(HEAD)
      else outside.pulls.push({ head: plan.branch, headSha: HEAD, merged: true, state: 'closed' })
      await stub.record([{ kind: 'base_pushed', branch: 'main', deliveryId: crypto.randomUUID() }])
      await settle(name)
      expect((await stub.planStatus(plan.id, { waitMs: 0, after: 0, limit: 50 })).plan.mergeStatus).toBe(
        'merged',
      )
      expect(outside.deletedRefs).toContain(ref)
      expect((await vm.sync({ plans: [] })).plans[0]).toMatchObject({
        want: 'forget',
        removeCheckout: true,
        final: true,
      })
      await vm.sync({ plans: [] })
      expect(await refusal(name, (workspace) => workspace.resume(plan.id, 100))).toContain('merged')
    },
  )

  it('a branch somebody moved is merged by its recorded head, and left in place', async () => {
    const { stub, vm, plan, lease, ref } = await pushed('moved')
    outside.refs[ref] = MAIN_HEAD
    await stub.settle(lease.leaseId, { kind: 'pushed', updated: [{ ref, newId: HEAD }] })
    await end(vm, plan.id)
    outside.reachable.add(HEAD)
    await stub.record([{ kind: 'base_pushed', branch: 'main', deliveryId: crypto.randomUUID() }])
    await settle('moved')
    expect((await stub.planStatus(plan.id, { waitMs: 0, after: 0, limit: 50 })).plan.mergeStatus).toBe(
      'merged',
    )
    expect(outside.refs[ref]).toBe(MAIN_HEAD)
  })

  it('a webhook that claims a merge the host does not confirm changes nothing', async () => {
    const { stub, vm, plan, lease, ref } = await pushed('forged')
    outside.refs[ref] = HEAD
    await stub.settle(lease.leaseId, { kind: 'pushed', updated: [{ ref, newId: HEAD }] })
    await end(vm, plan.id)
    await stub.record([{ kind: 'branch_merged_hint', branch: plan.branch, deliveryId: crypto.randomUUID() }])
    await settle('forged')
    expect((await stub.planStatus(plan.id, { waitMs: 0, after: 0, limit: 50 })).plan.mergeStatus).toBe('open')
    expect(outside.refs[ref]).toBe(HEAD)
  })
})

describe('an idle workspace', () => {
  it('with no open plan and no open branch makes no request and holds no alarm', async () => {
    const { stub, vm } = await ready('idle')
    const { plan } = await stub.submit('idle', { plan: 'x' })
    await settle('idle')
    await vm.sync()
    await vm.sync({
      plans: [
        {
          id: plan.id,
          attempt: 1,
          status: 'ended',
          activity: 1,
          messagesTaken: 0,
          events: [],
          end: { ...completed, reasons: ['nothing_changed'] },
        },
      ],
    })
    const last = await vm.sync({ plans: [] })
    expect(last.nextSyncMs).toBeNull()
    await settle('idle')
    outside.orgoCalls.length = 0
    expect(
      await runInDurableObject(await objectOf('idle'), (_, state) => state.storage.getAlarm()),
    ).toBeNull()
    expect(await runDurableObjectAlarm(await objectOf('idle'))).toBe(false)
    expect(outside.orgoCalls).toEqual([])
  })
})

describe('removal', () => {
  it('cancels what is open, deletes the VM we made, and voids its key', async () => {
    const { stub, vm } = await ready('gone')
    const { plan } = await stub.submit('gone', { plan: 'x' })
    await settle('gone')
    expect(await stub.remove('gone', undefined)).toEqual({ removed: true, vmDeleted: true })
    expect(outside.computers).toEqual([])
    await expect(vm.sync()).rejects.toThrow('workspace_removed')
    expect((await stub.planStatus(plan.id, { waitMs: 0, after: 0, limit: 50 })).plan.status).toBe('cancelled')
    expect(await refusal('gone', (workspace) => workspace.submit('gone', { plan: 'y' }))).toContain(
      'workspace_register',
    )
  })
})
