// GET /doctor: each planted fault is found and comes with its cure; a good system has none. The real object, a played outside.
import { env } from 'cloudflare:workers'
import { runInDurableObject } from 'cloudflare:test'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { z } from 'zod'
import { doctorRoutes } from '../../../src/dashboard/doctor.ts'
import { createCore } from '../../../src/workspace/core/core.ts'
import { diagnose } from '../../../src/workspace/health/diagnose.ts'
import type { Workspace } from '../../../src/workspace/workspace.ts'
import { CANARIES } from '../setup/options.ts'
import { endOutside, objectOf, playOutside } from '../support/outside.ts'
import type { Outside } from '../support/outside.ts'
import { ready, settle } from '../support/ready.ts'

const Report = z.object({
  findings: z.array(
    z.object({ check: z.string(), ok: z.boolean(), detail: z.string(), cure: z.string().optional() }),
  ),
})
let outside: Outside
let modelStatus: number
let room: { max_computers: number; computers_used: number }
let name: string

beforeEach(async ({ task }) => {
  outside = playOutside()
  modelStatus = 200
  room = { max_computers: 4, computers_used: 1 }
  outside.also = (url) => (url.host === 'model.test' ? new Response('{}', { status: modelStatus }) : null)
  outside.orgoFault = (_, path) => (path.startsWith('/billing') ? Response.json(room) : null)
  await env.DB.batch([env.DB.prepare('DELETE FROM workspaces'), env.DB.prepare('DELETE FROM plans')])
  name = `doctor-${task.id.replaceAll(/[^a-z0-9]/g, '')}`.slice(0, 40)
  await ready(name, outside)
})
afterEach(endOutside)

async function examine(changes: Record<string, unknown> = {}) {
  const response = await doctorRoutes.request(
    '/doctor',
    { headers: { authorization: `Bearer ${CANARIES.OWNER_TOKEN}` } },
    Object.assign({ ...env }, changes),
  )
  const text = await response.text()
  for (const value of Object.values(CANARIES)) expect(text).not.toContain(value)
  return Report.parse(JSON.parse(text)).findings.filter(({ ok }) => !ok)
}

it('finds nothing on a good system', async () => {
  expect(await examine()).toEqual([])
})

it('answers only the owner', async () => {
  expect((await doctorRoutes.request('/doctor', {}, env)).status).toBe(401)
})

const orgoAnswers = (status: number, body: object) => () => {
  outside.orgoFault = () => Response.json(body, { status })
}

it.each<[string, () => void, Record<string, unknown>, RegExp, RegExp]>([
  ['a missing Orgo key', () => {}, { ORGO_API_KEY: undefined }, /ORGO_API_KEY is not set/, /npm run deploy/],
  ['a refused Orgo key', orgoAnswers(401, { error: 'Invalid API key' }), {}, /key/i, /new key at orgo\.ai/],
  ['Orgo out of order', orgoAnswers(503, { error: 'down' }), {}, /Orgo/, /Wait/],
  [
    'no room in the Orgo plan',
    () => {
      room = { max_computers: 1, computers_used: 1 }
    },
    {},
    /All 1 computers/,
    /larger plan/,
  ],
  [
    'a missing model key',
    () => {},
    { ANTHROPIC_API_KEY: undefined },
    /ANTHROPIC_API_KEY is not set/,
    /npm run deploy/,
  ],
  [
    'a refused model key',
    () => {
      modelStatus = 401
    },
    {},
    /refuses ANTHROPIC_API_KEY/,
    /platform\.claude\.com/,
  ],
  [
    'a model that is not there',
    () => {
      modelStatus = 404
    },
    { MODEL: 'claude-nine' },
    /no model claude-nine/,
    /Set MODEL/,
  ],
  [
    'a model API out of order',
    () => {
      modelStatus = 529
    },
    {},
    /529/,
    /Wait/,
  ],
  ['a short owner secret for VMs', () => {}, { TOKEN_KEY: 'short' }, /TOKEN_KEY/, /npm run deploy/],
  [
    'a missing webhook secret',
    () => {},
    { GITHUB_WEBHOOK_SECRET: '' },
    /GITHUB_WEBHOOK_SECRET/,
    /npm run deploy/,
  ],
  [
    'a malformed line of GIT_CREDENTIALS',
    () => {},
    { GIT_CREDENTIALS_2: 'nonsense' },
    /is not a URL/,
    /secret put/,
  ],
  ['LOCAL in production', () => {}, { LOCAL: 'true' }, /LOCAL is for `npm run dev` only/, /npm run deploy/],
  [
    'a git token that has expired',
    () => {
      outside.gitStatus = 401
    },
    {},
    /answers 401/,
    /credentials -- add git\.test/,
  ],
  [
    'a git token that may only read',
    () => {
      outside.pushStatus = 403
    },
    {},
    /may read .* but not push/,
    /right to write/,
  ],
  [
    'a git host out of order',
    () => {
      outside.gitStatus = 503
    },
    {},
    /does not answer/,
    /status page/,
  ],
  [
    'tables that were never made',
    () => {},
    {
      DB: {
        prepare: () => ({
          first: () => Promise.reject(new Error('D1_ERROR: no such table: plans')),
          all: () => Promise.reject(new Error('no such table')),
          bind: () => ({ all: () => Promise.resolve({ results: [] }) }),
        }),
      },
    },
    /tables of the history are missing/,
    /migrations/,
  ],
])('finds %s and names its cure', async (_, plant, changes, detail, cure) => {
  plant()
  const findings = await examine(changes)
  const found = findings.find((finding) => detail.test(finding.detail))
  expect(found?.cure).toMatch(cure)
  expect(findings.length).toBeLessThanOrEqual(2)
})

it('finds a host that has no credential', async () => {
  const findings = await runInDurableObject(await objectOf(name), (workspace: Workspace) =>
    workspace.diagnose(name),
  )
  expect(findings.every(({ ok }) => ok)).toBe(true)
  const without = Object.assign(
    { ...env },
    { GIT_CREDENTIALS: 'https://u:ghp_other1234567890@elsewhere.test' },
  )
  const looked = await runInDurableObject(await objectOf(name), (_, state) =>
    diagnose(createCore(state, without), name),
  )
  expect(looked.find(({ ok }) => !ok)).toMatchObject({
    detail: 'There is no git credential for git.test.',
    cure: 'npm run credentials -- add git.test',
  })
})

it('finds a workspace in error', async () => {
  await runInDurableObject(await objectOf(name), (_, state) => {
    createCore(state, env).store.changeWorkspace((workspace) => {
      workspace.status = 'error'
      workspace.statusDetail = 'Orgo says no.'
    })
  })
  expect(await examine()).toMatchObject([
    { detail: 'Orgo says no.', cure: expect.stringContaining('workspace_register') },
  ])
})

it('finds a VM that is not heard while a plan waits for it', async () => {
  const object = await objectOf(name)
  await runInDurableObject(object, (workspace: Workspace) => workspace.submit(name, { plan: 'x' }))
  await settle(name)
  await runInDurableObject(object, (_, state) =>
    createCore(state, env).store.changeWorkspace(({ supervisor }) => {
      supervisor.lastHeardAtMs = Date.now() - 30 * 60_000
      supervisor.lastRingAtMs = Date.now()
    }),
  )
  expect(await examine()).toMatchObject([
    {
      detail: 'It was not heard for 30 minutes, and plans wait for it.',
      cure: expect.stringContaining('restart it there'),
    },
  ])
})
