// GET /plans/{id}/export through the whole Worker, the real object behind it: every fact, and whose word it is.
import { runInDurableObject } from 'cloudflare:test'
import { env, exports } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import packageJson from '../../../package.json'
import { sha256Hex } from '../../../src/lib/crypto.ts'
import { createStore } from '../../../src/workspace/store/store.ts'
import { CANARIES } from '../setup/options.ts'
import { BASE_URL, BEARER } from '../support/mcp-wire.ts'
import { endOutside, objectOf, playOutside } from '../support/outside.ts'
import type { Outside, supervisor } from '../support/outside.ts'
import { HEAD, planClaims, ready, REMOTE, settle, work } from '../support/ready.ts'

let outside: Outside
beforeEach(() => {
  outside = playOutside()
})
afterEach(endOutside)

const ISO = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/
const BASE_COMMIT = 'b'.repeat(40)
const TEXT = 'Fix the typo \u202e🙂\n\nin README'
const CHECKS = [{ command: 'npm test', exitCode: 0, seconds: 2.5, newFailure: false }]
const SHOWN_CHECK = {
  command: 'npm test',
  state: 'passed',
  exit_code: 0,
  seconds: 2.5,
  base: null,
  flaky: false,
  new_failure: false,
}
const done = {
  kind: 'completed' as const,
  summary: 'Fixed.',
  outcome: 'verified' as const,
  reasons: [],
  proof: 'clean_checkout' as const,
  work: { ...work, baseHead: BASE_COMMIT, checks: CHECKS },
}

const Source = z.enum(['worker', 'gateway', 'vm'])
const Event = z.strictObject({
  seq: z.number(),
  at: z.string(),
  type: z.string(),
  seen_by: Source,
  text: z.string(),
  data: z.record(z.string(), z.unknown()).optional(),
})
const Export = z.strictObject({
  format: z.string(),
  format_version: z.literal(2),
  exported_at: z.iso.datetime(),
  plan: z.record(z.string(), z.unknown()),
  seen_by: z.record(z.string(), z.enum([...Source.options, 'last_attempt'])),
  attempts: z.array(
    z.strictObject({
      attempt: z.number(),
      queued_at: z.string(),
      started_at: z.string().nullable(),
      stopped_at: z.string().nullable(),
      ended_as: z.string().nullable(),
      reason: z.string().nullable(),
      reason_seen_by: Source,
    }),
  ),
  event_count: z.number(),
  events: z.array(Event),
})

async function ask(path: string, bearer = BEARER) {
  const response = await exports.default.fetch(
    new Request(`${BASE_URL}${path}`, { headers: { authorization: bearer } }),
  )
  return { status: response.status, headers: response.headers, text: await response.text() }
}

async function exported(planId: string) {
  const { status, text } = await ask(`/plans/${planId}/export`)
  expect(status).toBe(200)
  return Export.parse(JSON.parse(text))
}

type Vm = ReturnType<typeof supervisor>
const observed = (id: string, attempt = 1) => ({ id, attempt, activity: 1, messagesTaken: 0, events: [] })
const end = (vm: Vm, id: string, how: object = done, attempt = 1) =>
  vm.sync({ plans: [{ ...observed(id, attempt), status: 'ended', end: how as typeof done }] })

/** A plan that spent 0.25 dollars, pushed, said a line, and was completed with a proof. */
async function finished(name: string) {
  const { stub, vm } = await ready(name, outside)
  const { plan } = await stub.submit(name, { plan: TEXT, budgetUsd: 3, checks: ['npm test'] })
  await settle(name)
  await vm.sync()
  const claims = planClaims(name, plan.id)
  const call = await stub.authorize(claims, { kind: 'model', worstCaseUsd: 1 })
  if (!call.ok) throw new Error(call.reason)
  const tokens = { input: 1, output: 2, cacheRead: 3, cacheWrite: 4 }
  await stub.settle(call.leaseId, { kind: 'model', usd: 0.25, tokens })
  const ref = `refs/heads/${plan.branch}`
  const commands = [{ oldId: '0'.repeat(40), newId: HEAD, ref }]
  const push = await stub.authorize(claims, { kind: 'git_push', commands })
  if (!push.ok) throw new Error(push.reason)
  await stub.settle(push.leaseId, { kind: 'pushed', updated: [{ ref, newId: HEAD }] })
  // A line that would pass for the Worker's, and for another attempt's.
  const line = { n: 1, atMs: 1, type: 'queued', text: 'Again.', data: { n: null, attempt: 9 } }
  await vm.sync({ plans: [{ ...observed(plan.id), status: 'running', events: [line] }] })
  await end(vm, plan.id)
  return { stub, vm, plan }
}

describe('the export of a plan', { timeout: 30_000 }, () => {
  it('holds every fact with whose word it is', async () => {
    const { plan } = await finished('facts')
    const found = await exported(plan.id)
    expect(found.format).toBe('agent-execution-runtime/plan')
    expect(Object.keys(found.seen_by)).toEqual(Object.keys(found.plan))
    const table = Object.entries(found.plan).map(([name, value]) => [name, found.seen_by[name], value])
    expect(table).toEqual([
      ['id', 'worker', plan.id],
      ['workspace', 'worker', 'facts'],
      ['git_remote', 'worker', REMOTE],
      ['title', 'worker', 'Fix the typo  🙂'],
      ['text', 'worker', TEXT],
      ['text_sha256', 'worker', await sha256Hex(TEXT)],
      ['model', 'worker', 'claude-opus-5-5'],
      ['effort', 'worker', 'high'],
      ['budget_usd', 'worker', 3],
      ['declared_checks', 'worker', ['npm test']],
      ['on_question', 'worker', 'pause'],
      ['runtime', 'worker', packageJson.version],
      ['protocol', 'worker', 1],
      ['branch', 'worker', plan.branch],
      ['base', 'worker', 'main'],
      ['merge_status', 'worker', 'open'],
      ['pr_url', 'worker', null],
      ['status', 'worker', 'completed'],
      ['outcome', 'worker', 'verified'],
      ['created_at', 'worker', expect.stringMatching(ISO)],
      ['started_at', 'worker', expect.stringMatching(ISO)],
      ['finished_at', 'worker', expect.stringMatching(ISO)],
      ['seconds_running', 'worker', expect.any(Number)],
      ['pushed_head', 'gateway', HEAD],
      ['checkpoint_head', 'gateway', null],
      ['spent_usd', 'gateway', 0.25],
      ['tokens', 'gateway', { input: 1, output: 2, cache_read: 3, cache_write: 4 }],
      ['agent_sha256', 'vm', 'x'],
      ['base_commit', 'vm', BASE_COMMIT],
      ['head', 'vm', HEAD],
      ['commits', 'vm', [{ sha: HEAD, subject: 'feat: x' }]],
      ['diff', 'vm', { files: 1, additions: 1, deletions: 0 }],
      ['outcome_reasons', 'vm', []],
      ['proof', 'vm', 'clean_checkout'],
      ['summary', 'vm', 'Fixed.'],
      ['question', 'vm', null],
      ['checks', 'vm', [SHOWN_CHECK]],
      ['tests', 'vm', null],
      ['look_first', 'vm', []],
      ['status_detail', 'last_attempt', null],
      ['paused_reason', 'last_attempt', null],
      ['error', 'last_attempt', null],
    ])
    expect(found.events.map(({ seq, type, seen_by }) => [seq, type, seen_by])).toEqual([
      [1, 'queued', 'worker'],
      [2, 'running', 'worker'],
      [3, 'pushed', 'gateway'],
      [4, 'queued', 'vm'],
      [5, 'completed', 'worker'],
    ])
    expect(found.events[3]?.data).toEqual({ attempt: 1, n: 1 })
    expect(found.attempts).toMatchObject([{ attempt: 1, ended_as: 'completed', reason_seen_by: 'worker' }])
  })

  it('tells its attempts apart, and whose word each end was', async () => {
    const { stub, vm } = await ready('attempts', outside)
    const { plan } = await stub.submit('attempts', { plan: 'x' })
    await settle('attempts')
    const asked = { kind: 'paused', reason: 'question', detail: 'Which?', question: 'Blue?', work }
    await end(vm, plan.id, asked)
    const paused = await exported(plan.id)
    expect(paused.plan).toMatchObject({ paused_reason: 'question', status_detail: 'Which?' })
    expect(paused.attempts).toMatchObject([{ ended_as: 'paused', reason_seen_by: 'vm' }])
    await stub.message(plan.id, 'Blue.')
    await settle('attempts')
    await vm.sync({ plans: [{ ...observed(plan.id, 2), status: 'running' }] })
    await stub.cancel(plan.id)
    const { attempts, plan: told } = await exported(plan.id)
    expect(attempts).toMatchObject([
      { attempt: 1, ended_as: 'paused', reason: 'question', reason_seen_by: 'vm' },
      {
        attempt: 2,
        ended_as: 'cancelled',
        reason: 'Rights revoked; the VM is being told to stop.',
        reason_seen_by: 'worker',
      },
    ])
    expect(told['seconds_running']).toBeLessThan(60)
  })

  it('holds every event of a long history, in order', async () => {
    const { stub } = await ready('long', outside)
    const { plan } = await stub.submit('long', { plan: 'x' })
    await runInDurableObject(await objectOf('long'), (_, state) => {
      const store = createStore(state.storage.sql)
      for (let n = 1; n <= 3_456; n++)
        store.appendEvent(plan.id, {
          atMs: n,
          type: 'say',
          text: `${n} ${'x'.repeat(500)}`,
          data: { n, attempt: 1 },
        })
    })
    const { event_count, events } = await exported(plan.id)
    const { cursor } = await stub.planStatus(plan.id, { waitMs: 0, after: 3_400, limit: 200 })
    expect(event_count).toBe(cursor)
    expect(events.map(({ seq }) => seq)).toEqual(Array.from({ length: cursor }, (_, index) => index + 1))
  })

  it('says no secret, also one that was kept before it was known as one, and hides no words', async () => {
    const { plan } = await finished('quiet')
    const leak = `${Object.values(CANARIES).join(' ')} glpat-strangers0123456789`
    await runInDurableObject(await objectOf('quiet'), (_, state) => {
      state.storage.sql.exec('UPDATE texts SET text = ?', leak)
      state.storage.sql.exec("UPDATE events SET text = ?, data = json_object('\u202ekey', ?)", leak, leak)
      state.storage.sql.exec("UPDATE plans SET record = json_set(record, '$.summary', ?)", `\u202e${leak}`)
    })
    const { text } = await ask(`/plans/${plan.id}/export`)
    expect(Export.parse(JSON.parse(text)).events).toHaveLength(5)
    for (const secret of [...Object.values(CANARIES), 'glpat-strangers', 'ghp_CANARY', '\u202e'])
      expect(text).not.toContain(secret)
  })

  it('takes the base from the diff of the pushed head, and none where nobody said it', async () => {
    const { stub, plan } = await finished('base')
    await runInDurableObject(await objectOf('base'), (_, state) =>
      createStore(state.storage.sql).saveDiff(plan.id, {
        head: HEAD,
        base: 'd'.repeat(40),
        pages: 0,
        totals: null,
        written: 0,
      }),
    )
    expect((await exported(plan.id)).plan['base_commit']).toBe('d'.repeat(40))
    const { plan: young } = await stub.submit('base', { plan: 'y' })
    const { base_commit, head, started_at } = (await exported(young.id)).plan
    expect([base_commit, head, started_at]).toEqual([null, null, null])
  })

  it('agrees with plan_status and with D1', async () => {
    const { stub, plan } = await finished('agree')
    await settle('agree')
    const { plan: told, events } = await stub.planStatus(plan.id, { waitMs: 0, after: 0, limit: 50 })
    const row = await env.DB.prepare('SELECT snapshot FROM plans WHERE id = ?')
      .bind(plan.id)
      .first('snapshot')
    expect(JSON.parse(String(row))).toEqual(told)
    const { results } = await env.DB.prepare(
      'SELECT seq, at, type, text, data FROM events WHERE plan = ? ORDER BY seq',
    )
      .bind(plan.id)
      .all()
    expect(
      results.map(({ at, data, ...rest }) => ({ ...rest, atMs: at, data: JSON.parse(String(data)) })),
    ).toEqual(events.map((event) => ({ ...event, data: event.data })))
    const { events: exportedEvents, plan: facts } = await exported(plan.id)
    expect(exportedEvents.map(({ seq, text }) => [seq, text])).toEqual(
      events.map(({ seq, text }) => [seq, text]),
    )
    expect([facts['status'], facts['spent_usd']]).toEqual([told.status, told.spentUsd])
  })
})

describe('the door to it', () => {
  it('is for the owner, and says what is not there', async () => {
    const { plan } = await finished('door')
    const path = `/plans/${plan.id}/export`
    for (const bearer of ['', 'Bearer x']) expect((await ask(path, bearer)).status).toBe(401)
    const { headers } = await ask(path)
    expect(headers.get('content-type')).toBe('application/json; charset=utf-8')
    expect(headers.get('content-disposition')).toBe(`attachment; filename="plan-${plan.id}.json"`)
    expect(headers.get('cache-control')).toBe('no-store')
    const nobody = `${plan.id.slice(0, -4)}${plan.id.endsWith('0000') ? '1111' : '0000'}`
    const missing = await ask(`/plans/${nobody}/export`)
    expect([missing.status, JSON.parse(missing.text).error.message]).toEqual([
      404,
      `There is no plan ${nobody}. List the plans with plan_list.`,
    ])
    expect((await ask('/plans/latest/export')).status).toBe(404)
  })
})
