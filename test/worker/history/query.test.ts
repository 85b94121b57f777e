// The lists, asked of a real D1 that the object's own writer filled.
import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, it } from 'vitest'
import { appendHistory } from '../../../src/history/append.ts'
import { historyCursor, listPlans, listWorkspaces, workspacesByRemote } from '../../../src/history/query.ts'
import { planRow, workspaceRow } from '../support/mcp-fakes.ts'

const planId = (index: number): string => `0a1b2c3d-4e5f-8111-9222-${String(index).padStart(12, '0')}`

beforeAll(async () => {
  // Pairs share a millisecond, so that a page can end between two of one time.
  const plans = Array.from({ length: 25 }, (_, index) =>
    planRow({
      id: planId(index),
      workspace: index % 5 === 0 ? 'other' : 'site',
      status: index % 2 === 0 ? 'queued' : 'completed',
      createdAtMs: 1_000 + Math.floor(index / 2),
    }),
  )
  const workspaces = [
    workspaceRow({ name: 'site', gitRemote: 'https://git.test/O/Site.git', createdAtMs: 1 }),
    workspaceRow({ name: 'twin', gitRemote: 'https://git.test/o/site', createdAtMs: 1 }),
    workspaceRow({ name: 'other', gitRemote: 'https://git.test/o/other', createdAtMs: 3 }),
    workspaceRow({ name: 'gone', gitRemote: 'https://git.test/o/site', status: 'removed', createdAtMs: 4 }),
  ]
  await appendHistory(env.DB, {
    events: [],
    erased: [],
    plans: plans.map((plan) => ({
      id: plan.id,
      workspace: plan.workspace,
      branch: plan.branch,
      status: plan.status,
      createdAt: plan.createdAtMs,
      revision: 1,
      snapshot: JSON.stringify(plan),
    })),
    workspaces: workspaces.map((row) => ({
      name: row.name,
      gitRemote: row.gitRemote,
      status: row.status,
      createdAt: row.createdAtMs,
      revision: 1,
      snapshot: JSON.stringify(row),
    })),
  })
})

const ids = (page: { snapshots: unknown[] }): unknown[] =>
  page.snapshots.map((snapshot) => Object(snapshot).id)

describe('listPlans', () => {
  it('shows each plan exactly once over its pages, newest first, also where two were made at once', async () => {
    const seen: unknown[] = []
    let cursor: string | undefined
    do {
      const page = await listPlans(env.DB, { limit: 4, ...(cursor === undefined ? {} : { cursor }) })
      seen.push(...ids(page))
      const last = Object(page.snapshots.at(-1))
      cursor = page.more ? historyCursor(last.createdAtMs, last.id) : undefined
    } while (cursor !== undefined)
    expect(seen).toEqual(Array.from({ length: 25 }, (_, index) => planId(24 - index)))
  })

  it('is filtered by workspace and by status', async () => {
    expect(ids(await listPlans(env.DB, { workspace: 'other', limit: 50 }))).toEqual(
      [20, 15, 10, 5, 0].map(planId),
    )
    expect(ids(await listPlans(env.DB, { workspace: 'other', status: 'completed', limit: 50 }))).toEqual(
      [15, 5].map(planId),
    )
    expect(await listPlans(env.DB, { workspace: 'nobody', limit: 50 })).toEqual({
      snapshots: [],
      more: false,
    })
  })

  it('gives back the snapshot that was written', async () => {
    expect((await listPlans(env.DB, { workspace: 'other', limit: 1 })).snapshots).toEqual([
      planRow({ id: planId(20), workspace: 'other', status: 'queued', createdAtMs: 1_010 }),
    ])
  })

  it.each([
    'x',
    '!',
    'bm90IGpzb24',
    historyCursor(1, 'a').slice(0, -3),
    btoa('{"a":1}').replace(/=+$/, ''),
    btoa('[1,2]'),
    '\u{1f642}',
    '',
  ])('refuses the cursor %j by name', async (cursor) => {
    await expect(listPlans(env.DB, { cursor, limit: 5 })).rejects.toMatchObject({
      code: 'bad_request',
      message: expect.stringContaining('cursor is not one'),
    })
  })
})

describe('listWorkspaces', () => {
  it('leaves the removed ones out and goes on after a cursor', async () => {
    const first = await listWorkspaces(env.DB, { limit: 2 })
    expect(first).toMatchObject({ snapshots: [{ name: 'other' }, { name: 'twin' }], more: true })
    expect(await listWorkspaces(env.DB, { limit: 2, cursor: historyCursor(1, 'twin') })).toMatchObject({
      snapshots: [{ name: 'site' }],
      more: false,
    })
  })
})

describe('workspacesByRemote', () => {
  it.each(['https://git.test/o/site', 'https://git.test/O/SITE.git', 'https://git.test/o/site.git/'])(
    'finds every workspace of %s, however it is spelled',
    async (remote) => {
      expect(await workspacesByRemote(env.DB, remote)).toEqual(['site', 'twin'])
    },
  )

  it('finds none for another repository', async () => {
    expect(await workspacesByRemote(env.DB, 'https://git.test/o/site2')).toEqual([])
    expect(await workspacesByRemote(env.DB, '')).toEqual([])
  })
})

describe('a history database that fails', () => {
  it('is answered with what still works, its own words kept for the log', async () => {
    const broken = {
      prepare: () => ({
        bind: () => ({ all: async () => Promise.reject(new Error('D1_ERROR: no such table')) }),
      }),
    } as unknown as D1Database
    for (const ask of [
      listPlans(broken, { limit: 1 }),
      listWorkspaces(broken, { limit: 1 }),
      workspacesByRemote(broken, 'x'),
    ])
      await expect(ask).rejects.toMatchObject({
        code: 'history_unavailable',
        kind: 'transient',
        message: expect.stringMatching(/^(?!.*D1_ERROR).*plan_submit.*still work/),
      })
  })
})
