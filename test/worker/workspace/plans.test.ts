// Flow 1 of docs/architecture.md in the object: a plan is accepted, started, told, completed, cancelled, paused. Real storage and real D1.
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { endOutside, playOutside, refusal } from '../support/outside.ts'
import type { Outside } from '../support/outside.ts'
import { completed, planClaims, ready, settle, work } from '../support/ready.ts'

let outside: Outside
beforeEach(() => {
  outside = playOutside()
})
afterEach(endOutside)

describe('a plan', () => {
  it('is started, told to the VM with its text and a token, and completed; the history is in D1 without a gap', async () => {
    const { stub, vm } = await ready('flow', outside)
    const { plan } = await stub.submit('flow', { plan: 'Do it\nnow' })
    expect(plan).toMatchObject({ status: 'queued', title: 'Do it', branch: `agent/${plan.id}`, planChars: 9 })
    await settle('flow')
    // Once, or again when the machine is so slow that the VM counts as deaf.
    expect(outside.orgoCalls.some(({ command }) => command.includes('doorbell'))).toBe(true)
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
    const { stub } = await ready('idem', outside)
    const [a, b] = await Promise.all([
      stub.submit('idem', { plan: 'x', idempotencyKey: 'k' }),
      stub.submit('idem', { plan: 'x', idempotencyKey: 'k' }),
    ])
    expect(a.plan.id).toBe(b.plan.id)
    expect([a, b].filter((answer) => answer.deduplicated)).toHaveLength(1)
    expect(
      await refusal('idem', (workspace) => workspace.submit('idem', { plan: 'y', idempotencyKey: 'k' })),
    ).toContain('other arguments')
    const again = await stub.submit('idem', { plan: 'z' })
    expect((await stub.submit('idem', { plan: 'z' })).plan.id).toBe(again.plan.id)
  })

  it('cancelled is refused every right before the answer, and the VM is told to stop', async () => {
    const { stub, vm } = await ready('cancel', outside)
    const { plan } = await stub.submit('cancel', { plan: 'x' })
    await settle('cancel')
    await vm.sync()
    const claims = planClaims('cancel', plan.id)
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
    const { stub } = await ready('budget', outside)
    const { plan } = await stub.submit('budget', { plan: 'x', budgetUsd: 1 })
    await settle('budget')
    const claims = planClaims('budget', plan.id)
    const first = await stub.authorize(claims, { kind: 'model', worstCaseUsd: 5 })
    if (!first.ok) throw new Error(first.reason)
    expect(first.budgetUsed).toBe(0)
    await stub.settle(first.leaseId, {
      kind: 'model',
      usd: 0.25,
      tokens: { input: 1, output: 2, cacheRead: 3, cacheWrite: 4 },
    })
    const second = await stub.authorize(claims, { kind: 'model', worstCaseUsd: 5 })
    if (!second.ok) throw new Error(second.reason)
    expect(second.budgetUsed).toBe(0.25)
    await stub.settle(second.leaseId, {
      kind: 'model',
      usd: 1.25,
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
      tokens: { input: 2, output: 4, cacheRead: 6, cacheWrite: 8 },
    })
    expect(await refusal('budget', (workspace) => workspace.resume(plan.id, 1.2))).toContain('budget_usd')
    expect(await stub.resume(plan.id, 3)).toMatchObject({ status: 'queued', attempt: 2, budgetUsd: 3 })
  })

  it('answers a waiting plan_status as soon as something changes', async () => {
    const { stub } = await ready('wait', outside)
    const { plan } = await stub.submit('wait', { plan: 'x' })
    const waiting = stub.planStatus(plan.id, { waitMs: 20_000, after: 0, limit: 50 })
    await stub.cancel(plan.id)
    expect((await waiting).plan.status).toBe('cancelled')
  })
})

describe('the answer to a question', () => {
  it('reaches only the attempt that asked: one given twice, or too late for a newer question, goes nowhere', async () => {
    const { stub, vm } = await ready('answer', outside)
    const { plan } = await stub.submit('answer', { plan: 'Paint it', onQuestion: 'pause' })
    await settle('answer')
    const observed = {
      id: plan.id,
      phase: 'working' as const,
      activity: 1,
      messagesTaken: 0,
      events: [],
    }
    const askIn = async (attempt: number): Promise<void> => {
      const end = {
        kind: 'paused' as const,
        reason: 'question' as const,
        detail: 'x',
        question: 'Blue?',
        work,
      }
      await vm.sync({ plans: [{ ...observed, attempt, status: 'running' }] })
      await vm.sync({ plans: [{ ...observed, attempt, status: 'ended', end }] })
    }
    const messages = async () => {
      const { events } = await stub.planStatus(plan.id, { waitMs: 0, after: 0, limit: 50 })
      return events.filter(({ type }) => type === 'message').map(({ text }) => text)
    }
    await askIn(1)
    expect(await stub.message(plan.id, 'To none.', 2)).toMatchObject({ status: 'paused', attempt: 1 })
    const both = await Promise.all(['Blue.', 'Red.'].map((text) => stub.message(plan.id, text, 1)))
    expect(both.map(({ status, attempt }) => [status, attempt])).toEqual([
      ['queued', 2],
      ['queued', 2],
    ])
    await settle('answer')
    await askIn(2)
    expect(await stub.message(plan.id, 'Late.', 1)).toMatchObject({ status: 'paused', attempt: 2 })
    expect(await messages()).toEqual(['Blue.'])
  })
})
