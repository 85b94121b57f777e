// The pull request of a completed plan: opened once, also when the host does not answer or the object dies over it.
import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AttemptEnd } from '../../../src/shared/protocol.ts'
import { createStore } from '../../../src/workspace/store/store.ts'
import { endOutside, objectOf, playOutside } from '../support/outside.ts'
import type { Outside } from '../support/outside.ts'
import { HEAD, planClaims, ready, settle, work } from '../support/ready.ts'

let outside: Outside
beforeEach(() => {
  outside = playOutside()
})
afterEach(endOutside)

const base = { state: 'passed' as const, exitCode: 0 }
const check = { command: 'npm test', exitCode: 1, seconds: 1, newFailure: true, base }
const END: AttemptEnd = {
  kind: 'completed',
  summary: 'done',
  outcome: 'unverified',
  reasons: ['check_failed'],
  proof: 'clean_checkout',
  work: { ...work, checks: [check] },
  lookFirst: [{ path: 'src/a.ts', line: 3, why: 'The largest change without a test.' }],
}
const opened = () => outside.pulls.filter(({ merged }) => !merged).length

/** A plan that asked for a pull request, pushed and completed; `before` comes before its end is told. */
async function finished(name: string, before: () => void = () => {}) {
  const { stub, vm } = await ready(name, outside)
  const { plan } = await stub.submit(name, { plan: 'x', openPr: true })
  await settle(name)
  await vm.sync()
  const ref = `refs/heads/${plan.branch}`
  const command = { oldId: '0'.repeat(40), newId: HEAD, ref }
  const right = await stub.authorize(planClaims(name, plan.id), { kind: 'git_push', commands: [command] })
  if (!right.ok) throw new Error(right.reason)
  outside.refs[ref] = HEAD
  await stub.settle(right.leaseId, { kind: 'pushed', updated: [{ ref, newId: HEAD }] })
  before()
  await vm.sync({
    plans: [
      { id: plan.id, attempt: 1, status: 'ended', activity: 2, messagesTaken: 0, events: [], end: END },
    ],
  })
  await settle(name)
  const seen = async () => (await stub.planStatus(plan.id, { waitMs: 0, after: 0, limit: 50 })).plan
  const types = async () =>
    (await stub.planStatus(plan.id, { waitMs: 0, after: 0, limit: 50 })).events.map(({ type }) => type)
  /** A minute later. */
  const later = async () => {
    const object = await objectOf(name)
    await runInDurableObject(object, async (_, state) => {
      const store = createStore(state.storage.sql)
      const now = store.plan(plan.id)
      if (now !== null) store.savePlan({ ...now, openPrAtMs: 0 })
      await state.storage.setAlarm(Date.now() + 60_000)
    })
    await runDurableObjectAlarm(object)
  }
  return { plan, seen, types, later }
}

describe('a completed plan that asked for a pull request', () => {
  it('has one opened, once', async () => {
    const { seen, types, later } = await finished('pr-once')
    expect(await seen()).toMatchObject({ prUrl: 'https://git.test/o/r/pull/1' })
    await later()
    expect(opened()).toBe(1)
    expect((await types()).filter((type) => type === 'pull_request')).toHaveLength(1)
  })

  it('says in it what the proof found', async () => {
    await finished('pr-body')
    expect(outside.pulls[0]?.body).toContain('| `npm test` | passed | failed |')
    expect(outside.pulls[0]?.body).toContain('- `src/a.ts:3` `The largest change without a test.`')
  })

  it('has none opened a second time when the answer to the first was lost', async () => {
    const { seen, later } = await finished('pr-lost', () => (outside.pullAnswerIsLost = true))
    expect(opened()).toBe(1)
    expect(await seen()).toMatchObject({ prUrl: null })
    await later()
    expect(opened()).toBe(1)
    expect(await seen()).toMatchObject({ prUrl: 'https://git.test/o/r/pull/1' })
  })

  /** One of an earlier head, which is not known here: the object died over it. */
  const earlier = (merged: boolean) => () => {
    const ref = Object.keys(outside.refs).find((name) => name.startsWith('refs/heads/agent/')) ?? ''
    const head = ref.slice('refs/heads/'.length)
    outside.pulls.push({ head, headSha: 'e'.repeat(40), merged, state: 'closed' })
  }
  it('has none opened beside the one a person closed, whatever was pushed since (seed 8370)', async () => {
    const { seen } = await finished('pr-closed', earlier(false))
    expect(outside.pulls).toHaveLength(1)
    expect(await seen()).toMatchObject({ prUrl: 'https://git.test/o/r/pull/1' })
  })

  it('has one opened for work that came after a merge', async () => {
    await finished('pr-after-merge', earlier(true))
    expect(outside.pulls.map(({ state, headSha }) => `${state} ${headSha.slice(0, 1)}`)).toEqual([
      'closed e',
      'open c',
    ])
  })

  it('has it opened a minute later by whoever follows an object that died over it', async () => {
    const { seen, later } = await finished('pr-died', () => {
      outside.githubFault = () => Response.json({}, { status: 503 })
    })
    expect(await seen()).toMatchObject({ prUrl: null })
    outside.githubFault = () => null
    await later()
    expect(await seen()).toMatchObject({ prUrl: 'https://git.test/o/r/pull/1' })
  })

  it.each([
    ['a refusal', 422, 1],
    ['five failures', 503, 5],
  ])('is told of %s, and asks no more', async (_, status, tries) => {
    let asked = 0
    const { types, later } = await finished(`pr-${status}`, () => {
      outside.githubFault = (method) => {
        if (method === 'POST') asked += 1
        return method === 'POST' ? Response.json({}, { status }) : null
      }
    })
    for (let time = 0; time < 7; time++) await later()
    expect(asked).toBe(tries)
    expect((await types()).filter((type) => type === 'pull_request_refused')).toHaveLength(1)
  })
})
