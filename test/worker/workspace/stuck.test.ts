// Each stuck state, planted: it is named with its cure, by doctor and, as a count, by the owner's /healthz. A good system has none.
import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { statusRoutes } from '../../../src/dashboard/health.ts'
import { createCore } from '../../../src/workspace/core/core.ts'
import type { PlanRecord, WorkspaceRecord } from '../../../src/workspace/records/records.ts'
import type { Finding } from '../../../src/lib/finding.ts'
import type { Store } from '../../../src/workspace/store/store.ts'
import { findStuck } from '../../../src/workspace/health/stuck.ts'
import { CANARIES } from '../setup/options.ts'
import { endOutside, objectOf, playOutside, workspaceStub } from '../support/outside.ts'
import { ready, settle } from '../support/ready.ts'

const [MINUTE_MS, HOUR_MS] = [60_000, 3_600_000]
let name: string
let count = 0
beforeEach(async () => {
  const outside = playOutside()
  await env.DB.batch([env.DB.prepare('DELETE FROM workspaces'), env.DB.prepare('DELETE FROM plans')])
  name = `stuck-${count++}`
  await ready(name, outside)
})
afterEach(endOutside)

const stuck = async (): Promise<Finding[]> => (await workspaceStub(name)).stuck(name)

interface Planted {
  store: Store
  sql: SqlStorage
  plan: PlanRecord
  setWorkspace: (change: Partial<WorkspaceRecord>) => void
}

/** Puts the tables into a state that the code should never leave them in, behind its back; the alarm is set far enough. */
async function plant(change: (planted: Planted) => void): Promise<void> {
  const { plan } = await (await workspaceStub(name)).submit(name, { plan: 'x' })
  await settle(name)
  await runInDurableObject(await objectOf(name), async (_, state) => {
    const { store } = createCore(state, env)
    const record = store.plan(plan.id)
    if (record === null) throw new Error('no plan')
    change({
      store,
      sql: state.storage.sql,
      plan: record,
      setWorkspace: (over) => void store.changeWorkspace((workspace) => Object.assign(workspace, over)),
    })
    await state.storage.setAlarm(Date.now() + 30_000)
  })
}

const health = async (bearer?: string) => {
  const headers = bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }
  const response = await statusRoutes.request('/healthz', { headers }, env)
  return response.json()
}

it('a workspace at work, and one at rest, have nothing stuck', async () => {
  expect(await stuck()).toEqual([])
  await plant(() => {})
  expect(await stuck()).toEqual([])
  expect(await health(CANARIES.OWNER_TOKEN)).toMatchObject({ ok: true, problems: [] })
})

const ago = (ms: number): number => Date.now() - ms
const states: [string, (planted: Planted) => void, RegExp, RegExp][] = [
  [
    'a push whose outcome cannot be found out',
    ({ store, plan }) =>
      store.saveLease({
        id: 'l',
        plan: plan.id,
        attempt: 1,
        kind: 'git_push',
        state: 'unknown',
        deadlineMs: ago(20 * MINUTE_MS),
        worstCaseUsd: 0,
        commands: [],
      }),
    /outcome of a push .* is unknown for 20 minutes: git\.test/,
    /asked again/,
  ],
  [
    'a right past its deadline',
    ({ store, plan }) =>
      store.saveLease({
        id: 'l',
        plan: plan.id,
        attempt: 1,
        kind: 'git_read',
        state: 'open',
        deadlineMs: ago(20 * MINUTE_MS),
        worstCaseUsd: 0,
        commands: [],
      }),
    /right of kind git_read has outlived/,
    /report it/,
  ],
  [
    'a computer nobody wants',
    ({ setWorkspace }) =>
      setWorkspace({
        leftovers: [
          {
            name: 'old',
            id: 'c-1',
            orgoWorkspaceId: null,
            dueAtMs: Date.now() + 30_000,
            untilMs: Date.now() + HOUR_MS,
          },
        ],
      }),
    /Computer c-1 \(old\) is no longer needed/,
    /Delete it in Orgo/,
  ],
  [
    'what a newer version left',
    ({ sql }) => void sql.exec("INSERT INTO pending (kind, plan, seq) VALUES ('artifact', 'a', 1)"),
    /1 thing in it is written by a newer version/,
    /npm run deploy/,
  ],
]

describe.each(states)('%s', (_, change, detail, cure) => {
  it('is found, alone, with its cure, and counted for the owner only', async () => {
    await plant(change)
    const found = await stuck()
    expect(found).toEqual([
      {
        check: expect.stringContaining(name),
        ok: false,
        detail: expect.stringMatching(detail),
        cure: expect.stringMatching(cure),
      },
    ])
    expect(await health(CANARIES.OWNER_TOKEN)).toMatchObject({
      ok: false,
      problems: ['1 thing stands still: npm run doctor names each with its cure.'],
    })
    expect(await health()).toMatchObject({ ok: true, problems: [] })
    expect(await health('another-token-0123456789-0123456789')).toMatchObject({ ok: true, problems: [] })
  })
})

describe('open work', () => {
  it.each<[string, number | null, RegExp]>([
    ['without an alarm', null, /no alarm is set/],
    ['with an alarm that never rang', -20 * MINUTE_MS, /should have rung 20 minutes ago/],
    ['with an alarm far behind its due time', 5 * HOUR_MS, /set only for 300 minutes from now/],
  ])('%s is found, and woken by the look', async (_, inMs, what) => {
    await plant(() => {})
    let armedMs: number | null = inMs === null ? null : Date.now() + inMs
    await runInDurableObject(await objectOf(name), async (__, state) => {
      // An alarm of the past would ring before it is looked at.
      const core = { ...createCore(state, env), armedMs: async () => armedMs }
      core.poke = async () => void (armedMs = Date.now())
      expect(await findStuck(core, name)).toMatchObject([
        {
          check: `alarm of ${name}`,
          detail: expect.stringMatching(what),
          cure: expect.stringContaining('woken'),
        },
      ])
      expect(await findStuck(core, name)).toEqual([])
    })
  })

  it('without an alarm rings again after doctor has looked', async () => {
    await plant(() => {})
    await runInDurableObject(await objectOf(name), (_, state) => state.storage.deleteAlarm())
    expect(await stuck()).toHaveLength(1)
    await runInDurableObject(await objectOf(name), async (_, state) =>
      expect(await state.storage.getAlarm()).not.toBeNull(),
    )
  })
})

it('with D1 down the owner is told that it cannot be told', async () => {
  const down = () => Promise.reject(new Error('D1_ERROR'))
  const DB = { prepare: () => ({ bind: () => ({ all: down }) }) }
  const headers = { authorization: `Bearer ${CANARIES.OWNER_TOKEN}` }
  const response = await statusRoutes.request('/healthz', { headers }, Object.assign({ ...env }, { DB }))
  expect(await response.json()).toMatchObject({
    ok: false,
    problems: [expect.stringContaining('D1 does not answer')],
  })
})
