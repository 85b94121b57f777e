// What /mcp lets in, and everything that is not a well-formed call: never an answer of 500 or above.
import { env } from 'cloudflare:workers'
import { describe, expect, it, vi } from 'vitest'
import { playContext } from '../support/mcp-fakes.ts'
import { BASE_URL, BEARER, JSON_HEADERS, openDoor } from '../support/mcp-wire.ts'

const rpc = (fields: object) => JSON.stringify({ jsonrpc: '2.0', id: 1, ...fields })
const call = (params: unknown) => rpc({ method: 'tools/call', params })

describe('who may come in', () => {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' })
  const post = async (
    headers: Record<string, string>,
    changes: Record<string, string | undefined> = {},
    at = `${BASE_URL}/mcp`,
  ) => {
    const response = await openDoor(env, playContext(), changes).fetch(at, {
      method: 'POST',
      headers: { ...JSON_HEADERS, ...headers },
      body,
    })
    return {
      status: response.status,
      challenge: response.headers.get('www-authenticate'),
      text: await response.text(),
    }
  }

  it('is the holder of OWNER_TOKEN', async () => {
    expect(await post({})).toMatchObject({ status: 200 })
  })

  it.each([
    ['no token', { authorization: '' }],
    ['another token', { authorization: 'Bearer CANARY-owner-token-0123456789-0123456780' }],
    ['a prefix of it', { authorization: BEARER.slice(0, -1) }],
    ['another scheme', { authorization: BEARER.replace('Bearer', 'Basic') }],
  ])('is nobody with %s, and is told what to send', async (_what, headers) => {
    const answer = await post(headers)
    expect(answer).toMatchObject({
      status: 401,
      challenge: expect.stringMatching(/^Bearer realm=/),
      text: expect.stringContaining('OWNER_TOKEN'),
    })
    expect(answer.text).not.toContain('CANARY')
  })

  it('is nobody at all while OWNER_TOKEN is unset, not even with an empty token', async () => {
    for (const authorization of ['', 'Bearer ', 'Bearer undefined', BEARER])
      expect(await post({ authorization }, { OWNER_TOKEN: undefined })).toMatchObject({
        status: 401,
        text: expect.stringContaining('OWNER_TOKEN is not set'),
      })
  })

  it('is refused from the page of another site, and under another host name', async () => {
    expect(await post({ origin: 'https://evil.example' })).toMatchObject({ status: 403 })
    expect(await post({ host: 'evil.example' })).toMatchObject({ status: 403 })
    expect(await post({ origin: BASE_URL })).toMatchObject({ status: 200 })
  })

  it('still gets in without PUBLIC_URL, so that a tool call can name what is missing', async () => {
    expect(await post({}, { PUBLIC_URL: '' })).toMatchObject({ status: 200 })
  })

  it('reaches it by any loopback name in local mode only', async () => {
    const local = { LOCAL: 'true', PUBLIC_URL: 'http://127.0.0.1:8787' }
    expect(await post({}, local, 'http://localhost:8787/mcp')).toMatchObject({ status: 200 })
    expect(
      await post({}, { PUBLIC_URL: 'http://127.0.0.1:8787' }, 'http://localhost:8787/mcp'),
    ).toMatchObject({ status: 403 })
  })
})

describe('what is no well-formed call', () => {
  const corpus: [string, string][] = [
    ['nothing', ''],
    ['no JSON', '{'],
    ['a text', '"x"'],
    ['null', 'null'],
    ['a number', '7'],
    ['an empty list', '[]'],
    ['a batch', `[${rpc({ method: 'ping' })},${rpc({ method: 'tools/list' })}]`],
    ['a list of nonsense', '[1,null,"x"]'],
    ['an empty object', '{}'],
    ['another JSON-RPC', JSON.stringify({ jsonrpc: '1.0', id: 1, method: 'tools/list' })],
    ['an id that is an object', JSON.stringify({ jsonrpc: '2.0', id: {}, method: 'tools/list' })],
    ['a method that is a number', rpc({ method: 7 })],
    ['an unknown method', rpc({ method: 'tools/destroy' })],
    ['a method of the prototype', rpc({ method: '__proto__' })],
    ['a response', JSON.stringify({ jsonrpc: '2.0', id: 1, result: {} })],
    ['a notification', JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' })],
    ['a call without params', rpc({ method: 'tools/call' })],
    ['a call with params that are a list', call([])],
    ['a call without a name', call({ arguments: {} })],
    ['a call of an unknown tool', call({ name: 'plan_destroy', arguments: {} })],
    ['a call of a method of the prototype', call({ name: 'constructor', arguments: {} })],
    ['a call of __proto__', call({ name: '__proto__', arguments: {} })],
    ['a call with arguments that are a text', call({ name: 'plan_list', arguments: 'x' })],
    ['a call with arguments that are a list', call({ name: 'plan_list', arguments: [1] })],
    ['a call with null arguments', call({ name: 'plan_list', arguments: null })],
    ['a call with _meta that is a number', call({ name: 'plan_list', arguments: {}, _meta: 7 })],
    [
      'a protocol version from nowhere',
      rpc({
        method: 'tools/list',
        params: { _meta: { 'io.modelcontextprotocol/protocolVersion': '1999-01-01' } },
      }),
    ],
    [
      'a protocol version that is an object',
      rpc({ method: 'tools/list', params: { _meta: { 'io.modelcontextprotocol/protocolVersion': {} } } }),
    ],
    ['an initialize without params', rpc({ method: 'initialize' })],
    ['deep nesting', `${'['.repeat(50_000)}${']'.repeat(50_000)}`],
    [
      'deep arguments',
      `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"plan_list","arguments":{"a":${'['.repeat(50_000)}${']'.repeat(50_000)}}}}`,
    ],
    ['bytes that are no UTF-8', '\u0000\ufffd{'],
    [
      'a lone surrogate',
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"plan_submit","arguments":{"workspace_id":"site","plan":"\\ud800"}}}',
    ],
    ['a million bytes', `"${'x'.repeat(1_000_001)}"`],
  ]

  it.each(corpus)('%s gets an answer below 500', async (_what, body) => {
    for (const headers of [
      JSON_HEADERS,
      { ...JSON_HEADERS, 'mcp-protocol-version': '2026-07-28' },
      { authorization: BEARER },
    ]) {
      const response = await openDoor(env, playContext()).fetch(`${BASE_URL}/mcp`, {
        method: 'POST',
        headers,
        body,
      })
      const text = await response.text()
      expect({ status: response.status, text }).toMatchObject({
        status: expect.toSatisfy((status: number) => status < 500),
      })
    }
  })

  it.each(['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD'])(
    '%s gets an answer below 500',
    async (method) => {
      const response = await openDoor(env, playContext()).fetch(`${BASE_URL}/mcp`, {
        method,
        headers: JSON_HEADERS,
      })
      expect(response.status).toBeGreaterThanOrEqual(400)
      expect(response.status).toBeLessThan(500)
    },
  )

  it('a body above a million bytes is refused by size, whatever length it claims', async () => {
    const response = await openDoor(env, playContext()).fetch(`${BASE_URL}/mcp`, {
      method: 'POST',
      headers: JSON_HEADERS,
      body: rpc({ method: 'x'.repeat(1_000_001) }),
    })
    expect(response.status).toBe(413)
  })

  it('a plan of 100,000 characters passes, each escaped', async () => {
    const played = playContext()
    const body = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"plan_submit","arguments":{"workspace_id":"site","plan":"${'\\u00e4'.repeat(100_000)}"}}}`
    const response = await openDoor(env, played).fetch(`${BASE_URL}/mcp`, {
      method: 'POST',
      headers: JSON_HEADERS,
      body,
    })
    expect(response.status).toBe(200)
    expect(await response.text()).not.toContain('isError')
    expect(played.calls).toEqual([['submit', 'site', { plan: 'ä'.repeat(100_000) }]])
  })
})

describe('the log', () => {
  it('has one line for a call, which names the tool and the outcome and repeats no argument', async () => {
    const lines = vi.spyOn(console, 'log').mockImplementation(() => {})
    const args = { workspace_id: 'site', plan: 'glpat-R8s3kQ2vT9xZ4mN7pL1w', R8s3kQ2v: 'private words' }
    const body = rpc({ method: 'tools/call', params: { name: 'plan_submit', arguments: args } })
    await (
      await openDoor(env, playContext()).fetch(`${BASE_URL}/mcp`, {
        method: 'POST',
        headers: JSON_HEADERS,
        body,
      })
    ).text()
    const written = lines.mock.calls.map(([line]) => String(line))
    vi.restoreAllMocks()
    expect(written.map((line) => JSON.parse(line))).toEqual([
      { event: 'tool.call', tool: 'plan_submit', door: 'mcp', outcome: 'secret_in_argument', durationMs: 0 },
    ])
  })
})
