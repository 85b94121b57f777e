// Plans as tasks: only for a client that declares the extension and asks in the call, with the same truth as plan_status.
import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { NotFoundError, UserError } from '../../../src/lib/errors.ts'
import { TASKS_EXTENSION } from '../../../src/mcp/tasks.ts'
import { AT_MS, completedRow, HOSTILE, PLAN_ID, planRow, playContext } from '../support/mcp-fakes.ts'
import type { Played } from '../support/mcp-fakes.ts'
import { BASE_URL, JSON_HEADERS, openDoor } from '../support/mcp-wire.ts'

const VERSION = '2026-07-28'
const Answer = z.object({
  result: z.record(z.string(), z.any()).optional(),
  error: z.object({ code: z.number(), message: z.string(), data: z.any().optional() }).optional(),
})

interface Asked {
  declared?: boolean
  meta?: object
}

async function ask(
  played: Played,
  method: string,
  params: Record<string, unknown>,
  { declared = true, meta = {} }: Asked = {},
) {
  const name = params['name'] ?? params['taskId']
  const response = await openDoor(env, played).fetch(`${BASE_URL}/mcp`, {
    method: 'POST',
    headers: {
      ...JSON_HEADERS,
      'mcp-protocol-version': VERSION,
      'mcp-method': method,
      ...(typeof name === 'string' ? { 'mcp-name': name } : {}),
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method,
      params: {
        ...params,
        _meta: {
          'io.modelcontextprotocol/protocolVersion': VERSION,
          'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
          'io.modelcontextprotocol/clientCapabilities': {
            elicitation: {},
            ...(declared ? { extensions: { [TASKS_EXTENSION]: {} } } : {}),
          },
          ...meta,
        },
      },
    }),
  })
  const text = await response.text()
  return Answer.parse(JSON.parse(text.replace(/^[\s\S]*?data: /, '')))
}

const submit = { name: 'plan_submit', arguments: { workspace_id: 'site', plan: 'Fix the typo' } }
const wanted = { meta: { [TASKS_EXTENSION]: {} } }
const paused = {
  status: 'paused',
  pausedReason: 'question',
  question: `Which ${HOSTILE} one?`,
  attempt: 3,
} as const

describe('a plan as a task', () => {
  it('is advertised, and made when the client declares the extension and asks for it in the call', async () => {
    const played = playContext()
    const { result: discovered } = await ask(played, 'server/discover', {})
    expect(discovered?.['capabilities'].extensions).toEqual({ [TASKS_EXTENSION]: {} })
    const { result } = await ask(played, 'tools/call', submit, wanted)
    expect(result).toMatchObject({
      resultType: 'task',
      taskId: PLAN_ID,
      status: 'working',
      statusMessage: expect.stringContaining('is queued'),
      createdAt: new Date(AT_MS).toISOString(),
      ttlMs: null,
      pollIntervalMs: 5_000,
    })
    // It was read back before the handle went out.
    expect(played.calls.map(([method]) => method)).toEqual(['submit', 'planStatus'])
  })

  it.each<[string, Asked]>([
    ['that declares the extension but does not ask', {}],
    ['that asks without declaring it', { declared: false, ...wanted }],
    ['that asks with no', { meta: { [TASKS_EXTENSION]: false } }],
  ])('is the usual handle for a client %s', async (_what, asked) => {
    const { result } = await ask(playContext(), 'tools/call', submit, asked)
    expect(result).toMatchObject({ resultType: 'complete', structuredContent: { plan: { id: PLAN_ID } } })
  })

  it('is no other tool, and no call that was refused', async () => {
    const list = { name: 'plan_list', arguments: {} }
    expect((await ask(playContext(), 'tools/call', list, wanted)).result).toMatchObject({
      structuredContent: { plans: [{ id: PLAN_ID }] },
    })
    const unknown = { name: 'plan_submit', arguments: { workspace_id: 'nobody', plan: 'x' } }
    expect((await ask(playContext(), 'tools/call', unknown, wanted)).result).toMatchObject({ isError: true })
  })

  it.each([
    [planRow({ status: 'running', phase: 'working' }), { status: 'working' }],
    [
      planRow({ status: 'paused', pausedReason: 'budget' }),
      { status: 'working', statusMessage: expect.stringContaining('Paused: budget') },
    ],
    [planRow({ status: 'cancelled' }), { status: 'cancelled' }],
    [
      completedRow(),
      {
        status: 'completed',
        result: { structuredContent: { plan: { status: 'completed', summary: 'Fixed it.' } } },
      },
    ],
    [
      planRow({ status: 'failed', error: 'It broke.' }),
      { status: 'completed', result: { isError: true, structuredContent: { plan: { error: 'It broke.' } } } },
    ],
  ])('says of %o what plan_status says', async (row, expected) => {
    const played = playContext()
    played.planRow = row
    const { result } = await ask(played, 'tasks/get', { taskId: PLAN_ID })
    expect(result).toMatchObject({ resultType: 'complete', taskId: PLAN_ID, ...expected })
    expect(result).not.toHaveProperty('error')
  })

  it('asks the question of a paused plan once, and takes the answer as a message', async () => {
    const played = playContext()
    played.planRow = planRow(paused)
    const { result } = await ask(played, 'tasks/get', { taskId: PLAN_ID })
    expect(result).toMatchObject({
      status: 'input_required',
      inputRequests: {
        'question-3': {
          method: 'elicitation/create',
          params: { mode: 'form', message: 'Which evil\n one?' },
        },
      },
    })
    const answer = (key: string, response: object) =>
      ask(played, 'tasks/update', { taskId: PLAN_ID, inputResponses: { [key]: response } })
    const accept = { action: 'accept', content: { answer: 'The second.' } }
    for (const [key, response] of [
      ['question-2', accept],
      ['question-3', { action: 'decline' }],
      ['question-3', { action: 'accept', content: { other: 1 } }],
    ] as const)
      expect((await answer(key, response)).result).toMatchObject({ resultType: 'complete' })
    expect(played.calls.filter(([method]) => method === 'message')).toEqual([])
    expect((await answer('question-3', accept)).result).toMatchObject({ resultType: 'complete' })
    expect(played.calls.filter(([method]) => method === 'message')).toEqual([
      ['message', PLAN_ID, 'The second.', 3],
    ])
    const secret = { action: 'accept', content: { answer: 'glpat-R8s3kQ2vT9xZ4mN7pL1w' } }
    expect((await answer('question-3', secret)).error).toMatchObject({
      code: -32_602,
      message: expect.stringContaining('shaped like'),
    })
  })

  it('is cancelled as plan_cancel does it, and left alone when it is over', async () => {
    const played = playContext()
    expect((await ask(played, 'tasks/cancel', { taskId: PLAN_ID })).result).toEqual({
      resultType: 'complete',
      _meta: expect.anything(),
    })
    expect(played.calls.at(-1)).toEqual(['cancel', PLAN_ID])
    const over = playContext({
      stub: {
        cancel: async () => {
          throw new UserError('It is completed already.', 'already_final', 409)
        },
      },
    })
    expect((await ask(over, 'tasks/cancel', { taskId: PLAN_ID })).result).toMatchObject({
      resultType: 'complete',
    })
  })

  it.each(['tasks/get', 'tasks/update', 'tasks/cancel'])(
    '%s needs the extension and a plan that is',
    async (method) => {
      const params = { taskId: PLAN_ID, inputResponses: {} }
      expect((await ask(playContext(), method, params, { declared: false })).error).toMatchObject({
        code: -32_021,
        data: { requiredCapabilities: { extensions: { [TASKS_EXTENSION]: {} } } },
      })
      const gone = playContext({
        stub: {
          planStatus: async () => {
            throw new NotFoundError('There is no such plan.')
          },
        },
      })
      for (const taskId of ['latest', PLAN_ID])
        expect((await ask(gone, method, { ...params, taskId })).error).toMatchObject({ code: -32_602 })
    },
  )
})
