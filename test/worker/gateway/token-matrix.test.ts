// Every token kind × every route × every state of plan, workspace and machine, through the whole Worker with its real objects:
// only the cells of support/token-matrix.ts answer 2xx, and no upstream hears of the others.
import { runInDurableObject } from 'cloudflare:test'
import { env, exports } from 'cloudflare:workers'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { signVmToken } from '../../../src/auth/vm-token.ts'
import type { VmClaims } from '../../../src/auth/vm-token.ts'
import { concatBytes, FLUSH, pkt } from '../../../src/git/pkt-line.ts'
import { newPlanId, workspaceKey } from '../../../src/lib/ids.ts'
import { createStore } from '../../../src/workspace/store/store.ts'
import type { PlanRecord, WorkspaceRecord } from '../../../src/workspace/records/records.ts'
import { CANARIES } from '../setup/options.ts'
import { endOutside, MAIN_HEAD, objectOf, playOutside } from '../support/outside.ts'
import { ready, settle } from '../support/ready.ts'
import { MATRIX, ROUTES, STATES } from '../support/token-matrix.ts'
import type { Route, State } from '../support/token-matrix.ts'

const BASE = 'https://runtime.test'
const NEW = '2'.repeat(40)
const NONCE = 'n'.repeat(32)

/** Paid for or pushed: everything the upstreams heard that a VM may cause. */
const upstream: string[] = []
let plan = ''
let sibling = ''
let stranger = ''
let counter = 100
let tokens = new Map<string, string | null>()
let saved: { workspace: WorkspaceRecord; plan: PlanRecord }
let sha = ''

beforeAll(async () => {
  const outside = playOutside()
  const known = vi.mocked(fetch).getMockImplementation()
  vi.mocked(fetch).mockImplementation(async (input, init) => {
    const request = new Request(input, init)
    const { host, pathname } = new URL(request.url)
    if (host === 'model.test') {
      upstream.push(`model ${pathname}`)
      return Response.json({ type: 'message', input_tokens: 1, usage: { input_tokens: 1, output_tokens: 1 } })
    }
    if (pathname.endsWith('/git-receive-pack') || request.url.includes('service=git-receive-pack')) {
      upstream.push(`git ${pathname}`)
      return receivePack(request)
    }
    if (host === 'git.test') upstream.push(`git ${pathname}`)
    if (known === undefined) throw new Error('the outside is not played')
    return known(request)
  })
  const { stub, vm } = await ready('tokens', outside)
  plan = (await stub.submit('tokens', { plan: 'one' })).plan.id
  sibling = (await stub.submit('tokens', { plan: 'two' })).plan.id
  await settle('tokens')
  await vm.sync()
  const other = await ready('strangers', outside)
  stranger = (await other.stub.submit('strangers', { plan: 'three' })).plan.id
  await settle('strangers')
  await inside('tokens', (store) => {
    const [workspace, record] = [store.workspace(), store.plan(plan)]
    if (workspace === null || record === null) throw new Error('not there')
    saved = { workspace, plan: record }
  })
  if (saved.plan.status !== 'running') throw new Error(`the plan is ${saved.plan.status}`)
  const manifest: { ralphSha256: string } = await (
    await env.ASSETS.fetch('https://assets.invalid/manifest.json')
  ).json()
  sha = manifest.ralphSha256
  tokens = await makeTokens(saved.workspace.vm.generation)
})
afterAll(endOutside)

describe.each(STATES)('while: %s', (state) => {
  it.each(MATRIX)('$token opens what the table says, and nothing else', async ({ token, opens }) => {
    const allowed = opens.filter((one) => one.in.includes(state)).flatMap(({ routes }) => routes)
    const seen: string[] = []
    for (const route of ROUTES) {
      await enter(state)
      upstream.length = 0
      const isOpen = await knock(route, tokens.get(token) ?? null, token)
      seen.push(cell(route, isOpen, upstream.length))
    }
    expect(seen).toEqual(
      ROUTES.map((route) =>
        allowed.includes(route) ? cell(route, true, PASSED.has(route) ? 1 : 0) : cell(route, false, 0),
      ),
    )
  })
})

const PASSED = new Set<Route>(['fetch', 'push list', 'push', 'messages', 'count_tokens', 'models'])
const cell = (route: Route, isOpen: boolean, calls: number) =>
  `${route}: ${isOpen ? 'open' : 'refused'}, ${calls} calls upstream`

/** True when it answered 2xx and, where git refuses inside a 200, did not refuse. */
async function knock(route: Route, token: string | null, kind: string): Promise<boolean> {
  const response = await exports.default.fetch(requestOf(route, token, kind))
  const text = new TextDecoder().decode(await response.arrayBuffer())
  return response.ok && !/^.{4,60}ERR |ng refs|unpack [^o]/s.test(text.slice(0, 400))
}

function requestOf(route: Route, token: string | null, kind: string): Request {
  const headers: Record<string, string> = token === null ? {} : { authorization: `Bearer ${token}` }
  const get = (path: string) => new Request(`${BASE}${path}`, { headers })
  const post = (path: string, body: unknown, type = 'application/json') =>
    new Request(`${BASE}${path}`, {
      method: 'POST',
      headers: {
        ...headers,
        host: 'runtime.test',
        accept: 'application/json, text/event-stream',
        'content-type': type,
      },
      body: body instanceof Uint8Array ? body : JSON.stringify(body),
    })
  const say = { model: 'claude-opus-5-5', messages: [{ role: 'user', content: 'hi' }] }
  const git = '/vm/git/tokens.git'
  switch (route) {
    case 'bootstrap.sh':
      return get('/vm/bootstrap.sh')
    case 'ralph.mjs':
      return get(`/vm/ralph.mjs?sha=${sha}`)
    case 'key':
      return post('/vm/key', {})
    case 'sync': {
      // A clone has the key and what stood on the disk, but has not heard the bell since.
      const nonce = kind.includes('clone') ? 'o'.repeat(32) : NONCE
      counter += 1
      const plans = { plans: [], wantTexts: [], adopted: [] }
      return post('/vm/sync', {
        protocol: 1,
        nonce,
        bootId: 'boot-1',
        counter,
        agentSha256: 'x',
        canAddUsers: true,
        revision: 0,
        ...plans,
      })
    }
    case 'fetch':
      return get(`${git}/info/refs?service=git-upload-pack`)
    case 'push list':
      return get(`${git}/info/refs?service=git-receive-pack`)
    case 'push': {
      const command = pkt(`${'0'.repeat(40)} ${NEW} refs/heads/agent/${plan}\0 report-status`)
      return post(
        `${git}/git-receive-pack`,
        concatBytes([command, FLUSH]),
        'application/x-git-receive-pack-request',
      )
    }
    case 'messages':
      return post('/vm/model/v1/messages', { ...say, max_tokens: 10 })
    case 'count_tokens':
      return post('/vm/model/v1/messages/count_tokens', say)
    case 'models':
      return get('/vm/model/v1/models')
    case 'mcp':
      return post('/mcp', { jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} })
    case 'plans':
      return get(`/plans/${plan}`)
    default:
      return route satisfies never
  }
}

async function receivePack(request: Request): Promise<Response> {
  if (request.method === 'GET')
    return new Response(
      concatBytes([
        pkt('# service=git-receive-pack\n'),
        FLUSH,
        pkt(`${MAIN_HEAD} refs/heads/main\0report-status delete-refs\n`),
        FLUSH,
      ]),
      { headers: { 'content-type': 'application/x-git-receive-pack-advertisement' } },
    )
  await request.arrayBuffer()
  return new Response(concatBytes([pkt('unpack ok\n'), pkt(`ok refs/heads/agent/${plan}\n`), FLUSH]), {
    headers: { 'content-type': 'application/x-git-receive-pack-result' },
  })
}

async function inside(name: string, act: (store: ReturnType<typeof createStore>) => void): Promise<void> {
  await runInDurableObject(await objectOf(name), async (_, state) => {
    await state.storage.deleteAlarm()
    act(createStore(state.storage.sql))
  })
}

/** The rows as they are in this state; nothing of an earlier cell is left. */
async function enter(state: State): Promise<void> {
  const { workspace, plan: record } = saved
  const now = Date.now()
  const paused = { status: 'paused' as const, pausedReason: 'question' as const }
  const over = { finishedAtMs: now }
  const plans: Record<State, Partial<PlanRecord>> = {
    'machine booting': {},
    'plan queued': { status: 'queued' },
    'plan running': {},
    'plan paused, first 10 minutes': { ...paused, pausedAtMs: now - 9 * 60_000 },
    'plan paused, later': { ...paused, pausedAtMs: now - 11 * 60_000 },
    'plan completed': { status: 'completed', ...over },
    'plan failed': { status: 'failed', ...over },
    'plan cancelled': { status: 'cancelled', ...over, cancelledAtMs: now },
    'next attempt running': { attempt: record.attempt + 1 },
    'machine replaced': { attempt: record.attempt + 1 },
    'workspace removed': {},
  }
  const replaced = state === 'machine replaced'
  await inside('tokens', (store) => {
    for (const lease of store.leases()) store.dropLease(lease.id)
    store.saveWorkspace({
      ...workspace,
      status: state === 'workspace removed' ? 'removed' : 'ready',
      vm: {
        ...workspace.vm,
        generation: workspace.vm.generation + (replaced ? 1 : 0),
        ticketSpent: state !== 'machine booting',
      },
      supervisor: {
        ...workspace.supervisor,
        heardNonce: NONCE,
        pendingNonce: null,
        bootId: 'boot-1',
        counter: 1,
      },
    })
    const untouched = { pushedHead: null, checkpointHead: null, spentUsd: 0, removeCheckout: false }
    store.savePlan({ ...record, ...plans[state], ...untouched })
    const second = store.plan(sibling)
    if (second !== null) store.savePlan({ ...second, status: 'running', ...untouched })
  })
}

async function makeTokens(generation: number): Promise<Map<string, string | null>> {
  const soon = Date.now() + 600_000
  const late = Date.now() - 1
  const sign = (claims: VmClaims, key = CANARIES.TOKEN_KEY) => signVmToken(key, claims)
  const own: VmClaims = { kind: 'plan', workspace: 'tokens', plan, attempt: 1, expiresAtMs: soon }
  const ticket: VmClaims = { kind: 'ticket', workspace: 'tokens', generation, expiresAtMs: soon }
  const vmKey: VmClaims = { kind: 'vm', workspace: 'tokens', generation }
  const nobody = newPlanId(await workspaceKey('tokens'))
  return new Map([
    ['none', null],
    ['words that are no token', 'let-me-in'],
    ['plan token, payload changed', (await sign(own)).replace('.', 'A.')],
    [
      'plan token, signed with another TOKEN_KEY',
      await sign(own, 'another-key-0123456789abcdef0123456789abcdef'),
    ],
    ['plan token, expired', await sign({ ...own, expiresAtMs: late })],
    ['bootstrap ticket, expired', await sign({ ...ticket, expiresAtMs: late })],
    ['OWNER_TOKEN', CANARIES.OWNER_TOKEN],
    ['bootstrap ticket', await sign(ticket)],
    ['VM key', await sign(vmKey)],
    ['VM key on a clone of the disk', await sign(vmKey)],
    ["another workspace's VM key", await sign({ kind: 'vm', workspace: 'strangers', generation })],
    ['plan token', await sign(own)],
    ['plan token of the next attempt', await sign({ ...own, attempt: 2 })],
    ['plan token of another plan here', await sign({ ...own, plan: sibling })],
    ["another workspace's plan token", await sign({ ...own, workspace: 'strangers', plan: stranger })],
    ['plan token of a plan nobody knows', await sign({ ...own, plan: nobody })],
  ])
}
