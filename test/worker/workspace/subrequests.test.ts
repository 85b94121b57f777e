// What one request of each kind asks of the platform, which allows 50 such calls on Workers Free: fetches, calls of objects, and
// operations of D1 and KV. The object runs in the same isolate here, so that its own fetches are counted with the Worker's.
import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { signVmToken } from '../../../src/auth/vm-token.ts'
import worker from '../../../src/index.ts'
import { endOutside, playOutside } from '../support/outside.ts'
import { planClaims, ready, settle } from '../support/ready.ts'

const BASE = 'https://runtime.test'
let calls = 0
let plan = ''
let planToken = ''

/** The same object, each of its functions counted when it is called; what they answer is the real thing. */
function counted<T extends object>(target: T, wrap: (value: object) => object = (value) => value): T {
  return new Proxy(target, {
    get(of, name) {
      const value: unknown = Reflect.get(of, name)
      if (typeof value !== 'function') return value
      return (...args: unknown[]) => {
        calls += 1
        const answer: unknown = Reflect.apply(value, of, args)
        return typeof answer === 'object' && answer !== null && !(answer instanceof Promise)
          ? wrap(answer)
          : answer
      }
    },
  })
}

/** An object's stub counts with each call of it, D1 with each statement. */
function countedEnv(): Env {
  const stubOf = <T extends object>(namespace: T): T =>
    new Proxy(namespace, {
      get(of, name) {
        const value: unknown = Reflect.get(of, name)
        if (typeof value !== 'function') return value
        return (...args: unknown[]) => {
          const answer: unknown = Reflect.apply(value, of, args)
          return name === 'getByName' || name === 'get' ? counted(answer as object) : answer
        }
      },
    })
  return {
    ...env,
    WORKSPACE: stubOf(env.WORKSPACE),
    ACCOUNT: stubOf(env.ACCOUNT),
    DB: counted(env.DB),
    OAUTH_KV: counted(env.OAUTH_KV),
    ASSETS: counted(env.ASSETS),
  }
}

async function countOf(path: string, init: RequestInit = {}): Promise<{ status: number; calls: number }> {
  const context = createExecutionContext()
  calls = 0
  const before = vi.mocked(fetch).mock.calls.length
  const response = await worker.fetch(new Request(`${BASE}${path}`, init), countedEnv(), context)
  await response.arrayBuffer()
  await waitOnExecutionContext(context)
  return { status: response.status, calls: calls + vi.mocked(fetch).mock.calls.length - before }
}

const owner = { authorization: `Bearer ${env.OWNER_TOKEN}` }
const mcp = (method: string, params: object): RequestInit => ({
  method: 'POST',
  headers: {
    ...owner,
    host: 'runtime.test',
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
  },
  body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
})
const tool = (name: string, args: object) => mcp('tools/call', { name, arguments: args })

beforeAll(async () => {
  const outside = playOutside()
  outside.also = (url) =>
    url.host === 'model.test'
      ? Response.json({ type: 'message', usage: { input_tokens: 1, output_tokens: 1 } })
      : null
  const { stub, vm } = await ready('counted', outside)
  plan = (await stub.submit('counted', { plan: 'one' })).plan.id
  await settle('counted')
  await vm.sync()
  planToken = await signVmToken(env.TOKEN_KEY, planClaims('counted', plan))
})
afterAll(endOutside)

it.each<[what: string, atLeast: number, path: string, init: () => RequestInit]>([
  ['GET /healthz', 0, '/healthz', () => ({})],
  ['tools/list', 0, '/mcp', () => mcp('tools/list', {})],
  ['plan_status', 1, '/mcp', () => tool('plan_status', { plan_id: plan })],
  ['plan_list', 1, '/mcp', () => tool('plan_list', {})],
  ['plan_submit', 1, '/mcp', () => tool('plan_submit', { workspace_id: 'counted', plan: 'two' })],
  ['GET /plans/{id}', 1, '/plans/{plan}', () => ({ headers: owner })],
  ['GET /plans/{id}/export', 1, '/plans/{plan}/export', () => ({ headers: owner })],
  ['git fetch', 2, '/vm/git/counted.git/info/refs?service=git-upload-pack', () => ({ headers: bearer() })],
  ['git push', 2, '/vm/git/counted.git/info/refs?service=git-receive-pack', () => ({ headers: bearer() })],
  [
    'a model call',
    3,
    '/vm/model/v1/messages',
    () => ({
      method: 'POST',
      headers: { ...bearer(), 'content-type': 'application/json' },
      body: JSON.stringify({
        model: 'claude-opus-5-5',
        max_tokens: 10,
        messages: [{ role: 'user', content: 'hi' }],
      }),
    }),
  ],
  ['plan_cancel', 1, '/mcp', () => tool('plan_cancel', { plan_id: plan })],
])('%s asks little of the platform', async (_, atLeast, path, init) => {
  const counts = await countOf(path.replace('{plan}', plan), init())
  expect(counts.status).toBe(200)
  // As docs/faq.md says.
  expect(counts.calls).toBeLessThanOrEqual(10)
  expect(counts.calls).toBeGreaterThanOrEqual(atLeast)
})

const bearer = () => ({ authorization: `Bearer ${planToken}` })
