// Requests in the forms that real clients send: headers, paths and arguments that are not quite what the specification says.
import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { PLAN_ID, playContext } from '../support/mcp-fakes.ts'
import { BASE_URL, BEARER, JSON_HEADERS, openDoor } from '../support/mcp-wire.ts'

const MODERN = '2026-07-28'
const meta = {
  'io.modelcontextprotocol/protocolVersion': MODERN,
  'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
}

interface Sent {
  method?: string
  params: Record<string, unknown>
  headers?: Record<string, string>
  path?: string
  modern?: boolean
  played?: ReturnType<typeof playContext>
}

async function send({ method = 'tools/call', params, headers = JSON_HEADERS, path = '/mcp', ...more }: Sent) {
  const { modern = false, played = playContext() } = more
  const response = await openDoor(env, played).fetch(`${BASE_URL}${path}`, {
    method: 'POST',
    headers: modern
      ? {
          ...headers,
          'mcp-protocol-version': MODERN,
          'mcp-method': method,
          'mcp-name': String(params['name'] ?? params['uri']),
        }
      : headers,
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method,
      params: modern ? { ...params, _meta: meta } : params,
    }),
  })
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    text: await response.text(),
  }
}

const eras = [
  ['2025', false],
  [MODERN, true],
] as const

describe.each(eras)('a client of %s', (_era, modern) => {
  it('may send null for all arguments', async () => {
    const { status, text } = await send({ params: { name: 'plan_list', arguments: null }, modern })
    expect(status).toBe(200)
    expect(text).toContain(PLAN_ID)
  })

  it('may send null or "" for optional arguments, and JSON text for numbers and lists', async () => {
    const played = playContext()
    const args = {
      workspace_id: 'site',
      plan: 'Fix it',
      base: '',
      model: null,
      budget_usd: '5',
      open_pr: 'true',
      checks: '["npm test"]',
    }
    await send({ params: { name: 'plan_submit', arguments: args }, modern, played })
    expect(played.calls).toEqual([
      ['submit', 'site', { plan: 'Fix it', budgetUsd: 5, openPr: true, checks: ['npm test'] }],
    ])
  })

  it.each([
    [
      'arguments that are a text',
      { name: 'plan_list', arguments: 'x' },
      'params.arguments must be an object.',
    ],
    [
      'arguments that are a list',
      { name: 'plan_list', arguments: [1] },
      'params.arguments must be an object.',
    ],
    ['no name', { arguments: {} }, 'params.name is missing: send a string.'],
  ])('is told in words about %s', async (_what, params, words) => {
    const { text } = await send({ params, modern })
    expect(text).toContain(words)
    expect(text).not.toContain('invalid_type')
  })

  it.each(['', '*/*', 'application/json', 'application/json; charset=utf-8, text/plain'])(
    'that accepts "%s" gets JSON',
    async (accept) => {
      const headers = { authorization: BEARER, 'content-type': 'application/json' }
      const answer = await send({
        params: { name: 'plan_list', arguments: {} },
        headers: accept === '' ? headers : { ...headers, accept },
        modern,
      })
      expect(answer).toMatchObject({ status: 200, type: expect.stringMatching(/^application\/json/) })
      expect(JSON.parse(answer.text)).toMatchObject({
        jsonrpc: '2.0',
        id: 1,
        result: { structuredContent: { plans: [{ id: PLAN_ID }] } },
      })
    },
  )

  it('may call /mcp/', async () => {
    const answer = await send({ params: { name: 'plan_list', arguments: {} }, path: '/mcp/', modern })
    expect(answer).toMatchObject({ status: 200, text: expect.stringContaining(PLAN_ID) })
  })
})

describe('other requests', () => {
  it.each([
    ['resources/read', { uri: 7 }, 'params.uri must be a string.'],
    [
      'prompts/get',
      { name: 'write_plan', arguments: { goal: 7 } },
      'params.arguments.goal must be a string.',
    ],
    [
      'prompts/get',
      { name: 'write_plan', arguments: { goal: 'x', workspace_id: 'y'.repeat(41) } },
      'workspace_id',
    ],
  ])('%s is refused in words', async (method, params, words) => {
    const { text } = await send({ method, params })
    expect(text).toContain(words)
    expect(text).not.toMatch(/invalid_type|too_big/)
  })
})

it('a JSON client gets every answer of a batch, and no notification', async () => {
  const one = (id: number) => ({
    jsonrpc: '2.0',
    id,
    method: 'tools/call',
    params: { name: 'plan_list', arguments: {}, _meta: { progressToken: id } },
  })
  const response = await openDoor(env, playContext()).fetch(`${BASE_URL}/mcp`, {
    method: 'POST',
    headers: { authorization: BEARER, 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify([one(1), one(2)]),
  })
  const answers: unknown = await response.json()
  expect(answers).toHaveLength(2)
  expect(answers).toEqual(
    expect.arrayContaining([expect.objectContaining({ id: 1 }), expect.objectContaining({ id: 2 })]),
  )
})
