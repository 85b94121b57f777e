// Scopes on every tool, for both kinds of token, in both protocol eras; and the same beside MCP.
import { beforeAll, describe, expect, it } from 'vitest'
import { demandOf } from '../../../src/mcp/needed-scope.ts'
import { TOOLS } from '../../../src/mcp/tools/index.ts'
import { ask, connect, openBrowser, ORIGIN, rpc } from '../support/oauth-client.ts'
import { CANARIES } from '../setup/options.ts'

const READING = ['workspace_list', 'workspace_sync', 'plan_status', 'plan_list', 'plan_diff']
const tokens = { read: '', write: '' }

beforeAll(async () => {
  const browser = openBrowser('scopes')
  await browser.signIn()
  tokens.read = (await connect(browser, [])).tokens.access
  tokens.write = (await connect(browser, ['write'])).tokens.access
})

const CHALLENGE = `Bearer realm="agent-execution-runtime", error="insufficient_scope", resource_metadata="${ORIGIN}/.well-known/oauth-protected-resource/mcp", scope="read write"`

describe.each(['legacy', 'modern'] as const)('era %s', (era) => {
  it.each(TOOLS.map(({ name }) => name))('%s asks for the right scope', async (name) => {
    const call = (bearer: string) => rpc(bearer, 'tools/call', { name, arguments: {} }, { era })
    const reading = await call(tokens.read)
    // A call without arguments comes as far as the tool, which refuses them.
    expect(reading.status).toBe(READING.includes(name) ? 200 : 403)
    expect(reading.headers.get('www-authenticate')).toBe(READING.includes(name) ? null : CHALLENGE)
    for (const bearer of [tokens.write, CANARIES.OWNER_TOKEN]) expect((await call(bearer)).status).toBe(200)
  })

  it('a connection that may only look sees the whole list of tools', async () => {
    const text = await (await rpc(tokens.read, 'tools/list', {}, { era })).text()
    for (const { name } of TOOLS) expect(text).toContain(`"${name}"`)
  })
})

describe('beside the tools', () => {
  it('POST /plans takes write, GET /plans/{id} takes read', async () => {
    const plans = (method: string, path: string, bearer: string) =>
      ask(path, {
        method,
        headers: { authorization: `Bearer ${bearer}` },
        ...(method === 'POST' ? { body: '{}' } : {}),
      })
    const refused = await plans('POST', '/plans', tokens.read)
    expect(refused.status).toBe(403)
    expect(refused.headers.get('www-authenticate')).toBe(CHALLENGE)
    expect((await plans('POST', '/plans', tokens.write)).status).toBe(400)
    expect((await plans('GET', '/plans/none', tokens.read)).status).toBe(404)
    expect((await plans('GET', '/plans/none/export', tokens.read)).status).toBe(404)
  })

  const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))
  it.each([
    ['a task that is answered or cancelled', { method: 'tasks/cancel', params: { taskId: 'x' } }, 'write'],
    ['a task that is looked at', { method: 'tasks/get', params: { taskId: 'x' } }, 'read'],
    [
      'a list with one write in it',
      [{ method: 'ping' }, { method: 'tools/call', params: { name: 'plan_submit' } }],
      'write',
    ],
    ['an unknown tool', { method: 'tools/call', params: { name: 'nothing' } }, 'read'],
    ['params that are none', { method: 'tools/call', params: 7 }, 'read'],
    ['no message', 'text', 'read'],
  ])('%s', (_name, message, scope) => {
    expect(demandOf(bytes(message)).scope).toBe(scope)
  })

  it('the last of two equal keys counts, as for the server', () => {
    const text = '{"method":"ping","method":"tools/call","params":{"name":"plan_list","name":"plan_submit"}}'
    expect(demandOf(new TextEncoder().encode(text))).toEqual({ scope: 'write', what: 'plan_submit' })
  })
})
