// plan_status waiting at the real object: how soon it answers, and that a client who leaves changes nothing.
import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, it } from 'vitest'
import { SCOPES } from '../../../src/auth/scopes.ts'
import { createToolContext } from '../../../src/mcp/kit/context.ts'
import { planStatus } from '../../../src/mcp/tools/plan-status.ts'
import { objectOf, playOutside } from '../support/outside.ts'
import type { Outside } from '../support/outside.ts'
import { completed, ready, settle } from '../support/ready.ts'

let outside: Outside
beforeAll(() => {
  outside = playOutside()
})

async function running(name: string) {
  const { stub, vm } = await ready(name, outside)
  const { plan } = await stub.submit(name, { plan: 'Wait for me' })
  await settle(name)
  const observed = { id: plan.id, attempt: 1, activity: 1, messagesTaken: 0, status: 'running' as const }
  await vm.sync({ plans: [{ ...observed, phase: 'working', events: [] }] })
  return { stub, vm, plan, observed }
}

/** An answer that comes earlier was not waited for to the end. */
const WAIT_MS = 45_000
const none = { signal: new AbortController().signal }

describe('a wait', () => {
  it('ends early by a change that wakes nobody', async () => {
    const { stub, plan } = await running('wait-quiet')
    const object = await objectOf('wait-quiet')
    const startedMs = Date.now()
    const progress = { answered: false }
    const waiting = stub.planStatus(plan.id, { waitMs: WAIT_MS, after: 0, limit: 1 }).then((seen) => {
      progress.answered = true
      return seen
    })
    // Again until it is heard: the first write may come before the wait has begun.
    for (let n = 1; !progress.answered; n += 1) {
      await runInDurableObject(object, (_, state) =>
        state.storage.sql.exec(
          "UPDATE plans SET record = json_set(record, '$.question', ?) WHERE id = ?",
          `Which of ${n}?`,
          plan.id,
        ),
      )
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    expect((await waiting).plan.question).toMatch(/^Which of/)
    expect(Date.now() - startedMs).toBeLessThan(WAIT_MS)
  }, 60_000)

  it('tells of an event by progress, and ends with the plan', async () => {
    const { vm, plan, observed } = await running('wait-event')
    const told: string[] = []
    const first = Promise.withResolvers<void>()
    const second = Promise.withResolvers<void>()
    const waiting = planStatus.run(
      { plan_id: plan.id, wait_seconds: WAIT_MS / 1_000 },
      createToolContext(env, { scopes: SCOPES }),
      {
        ...none,
        progress: async ({ message }) => {
          told.push(message)
          if (told.length === 1) first.resolve()
          if (told.length === 2) second.resolve()
        },
      },
    )
    await first.promise
    const startedMs = Date.now()
    await vm.sync({
      plans: [{ ...observed, phase: 'working', events: [{ n: 1, atMs: 1, type: 'tool', text: 'x' }] }],
    })
    await second.promise
    expect(Date.now() - startedMs).toBeLessThan(WAIT_MS)
    await vm.sync({ plans: [{ ...observed, status: 'ended', events: [], end: completed }] })
    const { structured } = await waiting
    expect(structured).toMatchObject({ plan: { status: 'completed' } })
  }, 60_000)

  it('does not begin when the plan ended after the last event the client has seen', async () => {
    const { stub, vm, plan, observed } = await running('wait-ended')
    const { cursor } = await stub.planStatus(plan.id, { waitMs: 0, after: 0, limit: 50 })
    await vm.sync({ plans: [{ ...observed, status: 'ended', events: [], end: completed }] })
    for (const progress of [undefined, async () => {}]) {
      const startedMs = Date.now()
      const { structured } = await planStatus.run(
        { plan_id: plan.id, wait_seconds: WAIT_MS / 1_000, after: cursor },
        createToolContext(env, { scopes: SCOPES }),
        { ...none, ...(progress === undefined ? {} : { progress }) },
      )
      expect(structured).toMatchObject({ plan: { status: 'completed' } })
      expect(Date.now() - startedMs).toBeLessThan(WAIT_MS)
    }
  })

  it('that is given up by its client leaves the plan as it was', async () => {
    const { stub, plan } = await running('wait-left')
    const before = await stub.planStatus(plan.id, { waitMs: 0, after: 0, limit: 50 })
    const leaving = new AbortController()
    const waiting = planStatus.run(
      { plan_id: plan.id, wait_seconds: WAIT_MS / 1_000 },
      createToolContext(env, { scopes: SCOPES }),
      {
        signal: leaving.signal,
        progress: async () => leaving.abort(),
      },
    )
    await waiting
    expect(await stub.planStatus(plan.id, { waitMs: 0, after: 0, limit: 50 })).toEqual(before)
  })
})
