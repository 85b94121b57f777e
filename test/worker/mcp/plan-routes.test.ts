// POST /plans and GET /plans/{id}: the same tools by plain HTTP.
import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { SettingsError } from '../../../src/lib/errors.ts'
import { PLAN_ID, planRow, playContext } from '../support/mcp-fakes.ts'
import type { Played } from '../support/mcp-fakes.ts'
import { BASE_URL, BEARER, openDoor } from '../support/mcp-wire.ts'

async function send(
  path: string,
  init: { method?: string; body?: BodyInit; headers?: Record<string, string> } = {},
  played: Played = playContext(),
) {
  const response = await openDoor(env, played).fetch(`${BASE_URL}${path}`, {
    ...init,
    headers: { authorization: BEARER, ...init.headers },
  })
  const text = await response.text()
  return { status: response.status, text, body: text.startsWith('{') ? JSON.parse(text) : null }
}

const submit = async (args: unknown, played?: Played) =>
  send('/plans', { method: 'POST', body: typeof args === 'string' ? args : JSON.stringify(args) }, played)

describe('POST /plans', () => {
  it('submits a plan and answers what plan_submit answers', async () => {
    const played = playContext()
    expect(
      await submit({ workspace_id: 'site', plan: 'Fix the typo 🙂', budget_usd: 3 }, played),
    ).toMatchObject({
      status: 201,
      body: {
        plan: { id: PLAN_ID, status: 'queued', branch: `agent/${PLAN_ID}` },
        next_step: expect.any(String),
      },
    })
    expect(played.calls).toEqual([['submit', 'site', { plan: 'Fix the typo 🙂', budgetUsd: 3 }]])
  })

  it('answers 200 for a plan that was submitted before', async () => {
    const played = playContext({ stub: { submit: async () => ({ plan: planRow(), deduplicated: true }) } })
    expect(await submit({ workspace_id: 'site', plan: 'x' }, played)).toMatchObject({
      status: 200,
      body: { deduplicated: true },
    })
  })

  it.each([
    ['no JSON', '{', 400, 'The body is not JSON'],
    ['nothing', '', 400, 'The body is not JSON'],
    ['a list', '[]', 400, 'must be one JSON object'],
    ['no plan', { workspace_id: 'site' }, 400, 'plan is missing'],
    ['an unknown argument', { workspace_id: 'site', plan: 'x', why: 1 }, 400, 'no argument "why"'],
    ['an unknown workspace', { workspace_id: 'other', plan: 'x' }, 404, 'no workspace "other"'],
    [
      'a git token',
      { workspace_id: 'site', plan: 'ghp_R8s3kQ2vT9xZ4mN7pL1wY6bC0dF5gH2jK4aE' },
      400,
      'GIT_CREDENTIALS',
    ],
    [
      'a million bytes',
      { workspace_id: 'site', plan: 'x'.repeat(1_000_000) },
      413,
      'longer than 1000000 bytes',
    ],
  ])('refuses %s', async (_what, args, status, message) => {
    const answer = await submit(args)
    expect(answer).toMatchObject({
      status,
      body: { error: { code: expect.any(String), message: expect.stringContaining(message) } },
    })
    expect(answer.text).not.toContain('R8s3kQ2v')
  })

  it('refuses bytes that are no UTF-8, because it could not keep them', async () => {
    const body = new Uint8Array([
      ...new TextEncoder().encode('{"workspace_id":"site","plan":"'),
      0xff,
      ...new TextEncoder().encode('"}'),
    ])
    expect(await send('/plans', { method: 'POST', body })).toMatchObject({ status: 400 })
  })

  it('names missing settings as 412 and keeps a fault of ours to itself', async () => {
    const unset = playContext({
      context: {
        settings: () => {
          throw new SettingsError('ORGO_API_KEY is not set')
        },
      },
    })
    expect(await submit({ workspace_id: 'site', plan: 'x' }, unset)).toMatchObject({
      status: 412,
      body: { error: { code: 'settings' } },
    })
    const broken = playContext({ stub: { submit: async () => Promise.reject(new Error('SQLITE_ERROR')) } })
    const answer = await submit({ workspace_id: 'site', plan: 'x' }, broken)
    expect(answer).toMatchObject({ status: 500, body: { error: { code: 'internal' } } })
    expect(answer.text).not.toContain('SQLITE')
  })

  it('is for the owner only, before the body is read', async () => {
    const played = playContext()
    for (const authorization of ['', 'Bearer x'])
      expect(
        await send('/plans', { method: 'POST', body: '{', headers: { authorization } }, played),
      ).toMatchObject({ status: 401, body: { error: { code: 'unauthorized' } } })
    expect(await send(`/plans/${PLAN_ID}`, { headers: { authorization: '' } }, played)).toMatchObject({
      status: 401,
    })
    expect(played.calls).toEqual([])
  })
})

describe('GET /plans/{id}', () => {
  it('answers what plan_status answers, with its arguments as a query', async () => {
    const played = playContext()
    expect(await send(`/plans/${PLAN_ID}?wait_seconds=2.5&after=0&limit=10`, {}, played)).toMatchObject({
      status: 200,
      body: { plan: { id: PLAN_ID }, events: [{ seq: 1, type: 'queued' }], cursor: 1 },
    })
    expect(played.calls).toEqual([['planStatus', PLAN_ID, { waitMs: 2_500, after: 0, limit: 10 }]])
  })

  it.each([
    ['an id that cannot be ours', '/plans/latest', 404],
    ['a long wait', `/plans/${PLAN_ID}?wait_seconds=600`, 400],
    ['a wait that is no number', `/plans/${PLAN_ID}?wait_seconds=long`, 400],
    ['an unknown argument', `/plans/${PLAN_ID}?detail=all`, 400],
    ['an id with an encoded slash', '/plans/..%2f..%2fhealthz', 404],
  ])('refuses %s', async (_what, path, status) => {
    expect(await send(path)).toMatchObject({ status, body: { error: { message: expect.any(String) } } })
  })
})

describe('GET /plans/{id}/export', () => {
  it('hands on what the object answers, as a file, for the plan it was asked of', async () => {
    const played = playContext()
    expect(await send(`/plans/${PLAN_ID.toUpperCase()}/export`, {}, played)).toMatchObject({
      status: 200,
      body: { format: 'played' },
    })
    expect(played.calls).toEqual([['planExport', PLAN_ID]])
  })

  it.each([
    ['an id that cannot be ours', '/plans/latest/export', 404, 'There is no plan'],
    ['an argument', `/plans/${PLAN_ID}/export?events=none`, 400, 'An export takes no'],
    ['a name beside it', `/plans/${PLAN_ID}/exports`, 404, ''],
  ])('refuses %s', async (_what, path, status, message) => {
    const played = playContext()
    const answer = await send(path, {}, played)
    expect(answer.status).toBe(status)
    expect(answer.text).toContain(message)
    expect(played.calls).toEqual([])
  })

  it('is for the owner only', async () => {
    const played = playContext()
    for (const authorization of ['', 'Bearer x'])
      expect(await send(`/plans/${PLAN_ID}/export`, { headers: { authorization } }, played)).toMatchObject({
        status: 401,
      })
    expect(played.calls).toEqual([])
  })
})
