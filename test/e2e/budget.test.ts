// What the gateway books against what the upstream bills: the model's stand-in keeps its own books. The calls are made by hand
// with a plan token, as a hostile VM would: in parallel, cut in the middle, and with the Worker killed under them.
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { planTokenExpiryMs, signVmToken } from '../../src/auth/vm-token.ts'
import { worstCaseUsd } from '../../src/lib/prices.ts'
import { OWN_CONNECTION } from './support/calls.ts'
import { secretsOf } from './support/canaries.ts'
import { eventually, planStatus, script, startStack, submit, untilPlan } from './support/stack.ts'
import type { Plan, Stack } from './support/stack.ts'

let stack: Stack
beforeAll(async () => {
  stack = await startStack()
  await stack.workspace('money')
})
afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

const MODEL = 'claude-opus-5-5'
const MAX_TOKENS = 2_000
const Calls = z.object({
  calls: z.array(
    z.object({
      plan: z.string().nullable(),
      usd: z.number(),
      status: z.number().nullable(),
      ended: z.string().nullable(),
    }),
  ),
  usd: z.number(),
})

/** A plan that is only there to be running, and calls in its name. */
async function spender(budgetUsd: number) {
  const calls = () => stack.control('GET', '/model/calls').then((answer) => Calls.parse(answer))
  await stack.control('DELETE', '/model/calls')
  const { id } = await submit(stack, 'money', script(`Sleep ${randomUUID()}`, 'sleep 3600'), {
    budget_usd: budgetUsd,
  })
  await untilPlan(stack, id, (plan) => plan.phase === 'working' && plan.spent_usd > 0)
  const token = await signVmToken(secretsOf(stack.stateDir)['TOKEN_KEY'] ?? '', {
    kind: 'plan',
    workspace: 'money',
    plan: id,
    attempt: 1,
    expiresAtMs: planTokenExpiryMs(Date.now()),
  })
  const bodyFor = (acts: object) => {
    const plan = randomUUID()
      .replace(/^(.{14})./, '$18')
      .replace(/^(.{19})./, '$1a')
    const content = `<plan id="${plan}">\nAct\n\n\`\`\`model\n${JSON.stringify(acts)}\n\`\`\`\n</plan>`
    const tools = [{ name: 'finish', input_schema: { type: 'object' } }]
    return JSON.stringify({
      model: MODEL,
      max_tokens: MAX_TOKENS,
      stream: true,
      tools,
      messages: [{ role: 'user', content }],
    })
  }
  return {
    id,
    calls,
    bodyFor,
    call: (body: string, signal?: AbortSignal) =>
      fetch(`${stack.urls.base_url}/vm/model/v1/messages`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${token}`,
          'content-type': 'application/json',
          'anthropic-version': '2026-10-21',
          ...OWN_CONNECTION,
        },
        body,
        ...(signal === undefined ? {} : { signal }),
      }),
    status: () => planStatus(stack, id),
    /** Spending that no open call will change any more: as the upstream has it or above. */
    booked: (atLeast: (plan: Plan) => boolean) => untilPlan(stack, id, atLeast),
    /** Without users of their own, plans run one at a time: the next test's waits for this one. */
    async [Symbol.asyncDispose]() {
      await stack.call('plan_cancel', { plan_id: id })
    },
  }
}

const worstOf = (body: string) =>
  worstCaseUsd({
    model: MODEL,
    bodyBytes: Buffer.byteLength(body),
    images: 0,
    maxTokens: MAX_TOKENS,
    compacts: false,
  })

describe('recorded spending', () => {
  it('with 20 parallel calls at 95 % of the budget is never under what the upstream bills, nor above the budget plus one call', async () => {
    const budgetUsd = 2
    await using plan = await spender(budgetUsd)
    const before = (await plan.status()).spent_usd
    // 20 dollars a million: up to 95 % of the budget in one answer.
    const output_tokens = Math.floor(((0.95 * budgetUsd - before) * 1e6) / 20)
    const first = await plan.call(
      plan.bodyFor({ stop: 'end_turn', say: 'x', usage: { input_tokens: 1, output_tokens } }),
    )
    await first.text()
    expect((await plan.booked(({ spent_usd }) => spent_usd > 0.94 * budgetUsd)).spent_usd).toBeLessThan(
      budgetUsd,
    )

    const bodies = Array.from({ length: 20 }, () =>
      plan.bodyFor({
        say: 'word '.repeat(200),
        stall_ms: 1_000,
        stop: 'end_turn',
        usage: { input_tokens: 300, output_tokens: MAX_TOKENS },
      }),
    )
    const answers = await Promise.all(bodies.map((body) => plan.call(body)))
    const statuses = answers.map(({ status }) => status)
    await Promise.all(answers.map((answer) => answer.text()))
    expect(statuses).toContain(200)
    expect(statuses).toContain(402)
    expect(statuses.every((status) => status === 200 || status === 402)).toBe(true)
    const billed = (await plan.calls()).usd
    const { spent_usd: spent } = await plan.booked(({ spent_usd }) => spent_usd >= billed - 1e-9)
    const one = Math.max(...bodies.map(worstOf))
    expect(spent).toBeLessThanOrEqual(budgetUsd + one)
    expect((await plan.calls()).calls.filter(({ status }) => status === 200).length).toBeLessThan(20)
    console.log(
      `20 parallel calls: ${statuses.filter((s) => s === 200).length} admitted; budget ${budgetUsd}, billed ${billed.toFixed(4)}, booked ${spent.toFixed(4)}`,
    )
  })

  it('over 100 clients that cut their stream in the middle is never under what the upstream bills', async () => {
    await using plan = await spender(500)
    const ends = new Set<string | null>()
    for (let batch = 0; batch < 10; batch++)
      await Promise.all(
        Array.from({ length: 10 }, async (_, index) => {
          const body = plan.bodyFor({
            say: 'word '.repeat(40 + index * 20),
            stall_ms: 200 + index * 30,
            stop: 'end_turn',
          })
          const client = new AbortController()
          const answer = await plan.call(body, client.signal)
          expect(answer.status).toBe(200)
          await answer.body?.getReader().read()
          client.abort()
        }),
      )
    // Each call has ended upstream, and the last of them is settled here.
    await eventually(
      'every call ended',
      plan.calls,
      ({ calls }) => calls.length >= 101 && calls.every(({ ended }) => ended !== null),
    )
    const { calls, usd: billed } = await plan.calls()
    for (const { ended } of calls) ends.add(ended)
    const { spent_usd: spent } = await plan.booked(({ spent_usd }) => spent_usd >= billed - 1e-9)
    console.log(
      `100 cuts: ends ${[...ends].join(', ')}; billed ${billed.toFixed(4)}, booked ${spent.toFixed(4)}`,
    )
    expect(ends).toContain('client_gone')
    // Bounded as well: the output that was asked for, not the whole budget.
    expect(spent).toBeLessThan(101 * worstOf(plan.bodyFor({ say: 'word '.repeat(240) })))
  })

  it('of a stream whose Worker was killed under it is booked in full', async () => {
    await using plan = await spender(500)
    const body = plan.bodyFor({
      say: 'word '.repeat(100),
      stall_ms: 8_000,
      stop: 'end_turn',
      usage: { input_tokens: 100, output_tokens: MAX_TOKENS },
    })
    const answer = await plan.call(body)
    await answer.body?.getReader().read()
    await stack.control('POST', '/worker/kill')
    await eventually('the call ended upstream', plan.calls, ({ calls }) =>
      calls.every(({ ended }) => ended !== null),
    )
    const billed = (await plan.calls()).usd
    const { spent_usd: spent } = await plan.booked(
      ({ spent_usd }) => spent_usd >= billed - 1e-9 && spent_usd > 0.03,
    )
    console.log(`Worker killed: billed ${billed.toFixed(4)}, booked ${spent.toFixed(4)}`)
    expect(spent).toBeGreaterThanOrEqual(billed - 1e-9)
  })
})
