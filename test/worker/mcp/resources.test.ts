// Resources and the prompt over the wire, in both eras.
import { env } from 'cloudflare:workers'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { describe, expect, it } from 'vitest'
import { NotFoundError } from '../../../src/lib/errors.ts'
import { AT_MS, HOSTILE, PLAN_ID, planRow, playContext } from '../support/mcp-fakes.ts'
import type { Played } from '../support/mcp-fakes.ts'
import { BASE_URL, BEARER, openDoor } from '../support/mcp-wire.ts'

type Era = 'legacy' | { pin: string }

async function connect(played: Played, mode: Era): Promise<Client> {
  const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode } })
  await client.connect(
    new StreamableHTTPClientTransport(new URL('/mcp', BASE_URL), {
      fetch: openDoor(env, played).fetch,
      requestInit: { headers: { authorization: BEARER } },
    }),
  )
  return client
}

describe.each<[string, Era]>([
  ['2026-07-28', { pin: '2026-07-28' }],
  ['2025-11-25', 'legacy'],
])('resources, %s', (_version, mode) => {
  it('lists workspaces and plans, and the three templates', async () => {
    const played = playContext()
    played.planRow = planRow({ title: `Fix${HOSTILE} it` })
    const client = await connect(played, mode)
    const { resources } = await client.listResources()
    expect(resources.map(({ uri, title }) => ({ uri, title }))).toEqual([
      { uri: 'workspace://site', title: 'Workspace' },
      { uri: `plan://${PLAN_ID}`, title: 'Fixevil  it' },
    ])
    expect(await client.listResources()).toMatchObject({ resources })
    const { resourceTemplates } = await client.listResourceTemplates()
    expect(resourceTemplates.map(({ uriTemplate }) => uriTemplate)).toEqual([
      'workspace://{name}',
      'plan://{id}',
      'plan://{id}/log',
    ])
    await client.close()
  })

  it('answers a workspace, a plan byte for byte, and its log without what hides words', async () => {
    const text = `Fix\r\n\tit ${HOSTILE} 🙂`
    const played = playContext({ stub: { planText: async () => text } })
    played.events = Array.from({ length: 450 }, (_, index) => ({
      seq: index + 1,
      atMs: AT_MS,
      type: 'tool',
      text: `step\n${HOSTILE}${index}`,
    }))
    const client = await connect(played, mode)
    const textOf = async (uri: string) => {
      const { contents } = await client.readResource({ uri })
      return contents.map((part) => ('text' in part ? part.text : '')).join('')
    }
    expect(JSON.parse(await textOf('workspace://site'))).toMatchObject({ name: 'site', status: 'ready' })
    expect(await textOf(`plan://${PLAN_ID}`)).toBe(text)
    expect(await textOf(`plan://${PLAN_ID.toUpperCase()}`)).toBe(text)
    const lines = (await textOf(`plan://${PLAN_ID}/log`)).split('\n')
    expect(lines).toHaveLength(450)
    expect(lines[449]).toBe('450 2026-11-23T04:00:00.000Z tool: step evil 449')
    await client.close()
  })

  it('keeps the newest events of a long log and says how many it left out', async () => {
    const played = playContext()
    played.events = Array.from({ length: 200 }, (_, index) => ({
      seq: index + 1,
      atMs: AT_MS,
      type: 'tool',
      text: 'x'.repeat(2_000),
    }))
    const client = await connect(played, mode)
    const { contents } = await client.readResource({ uri: `plan://${PLAN_ID}/log` })
    const text = contents.map((part) => ('text' in part ? part.text : '')).join('')
    expect(text.length).toBeLessThan(101_000)
    expect(text).toMatch(/^\(151 earlier events are left out; plan_status/)
    expect(text).toMatch(/\n200 [^\n]*$/)
    await client.close()
  })

  it.each([
    'plan://nothing',
    `plan://00000000-0000-8000-8000-000000000000`,
    'workspace://nobody',
    'file:///etc/passwd',
  ])('has no %s, and says so as bad params', async (uri) => {
    const unknown = async () => {
      throw new NotFoundError('There is no such thing.')
    }
    const client = await connect(playContext({ stub: { planText: unknown } }), mode)
    await expect(client.readResource({ uri })).rejects.toMatchObject({ code: -32_602 })
    await client.close()
  })

  it('tells nothing of a fault inside', async () => {
    const fault = async () => {
      throw new Error('SQLITE_ERROR: secret internals')
    }
    const client = await connect(
      playContext({ context: { listPlans: fault }, stub: { planText: fault } }),
      mode,
    )
    for (const ask of [() => client.listResources(), () => client.readResource({ uri: `plan://${PLAN_ID}` })])
      await expect(ask()).rejects.toThrow('Something failed inside the runtime')
    await client.close()
  })
})

describe('the prompt write_plan', () => {
  it('asks for goal, constraints and how to verify, and refuses what is too long', async () => {
    const client = await connect(playContext(), { pin: '2026-07-28' })
    const { prompts } = await client.listPrompts()
    expect(prompts).toMatchObject([
      {
        name: 'write_plan',
        arguments: [
          { name: 'goal', required: true },
          { name: 'constraints' },
          { name: 'verify' },
          { name: 'workspace_id' },
        ],
      },
    ])
    const { messages } = await client.getPrompt({
      name: 'write_plan',
      arguments: { goal: 'A faster start', verify: 'npm test', workspace_id: 'site' },
    })
    const text = JSON.stringify(messages)
    for (const part of ['A faster start', 'npm test', 'workspace site', 'plan_submit'])
      expect(text).toContain(part)
    await expect(
      client.getPrompt({ name: 'write_plan', arguments: { goal: 'x'.repeat(20_001) } }),
    ).rejects.toMatchObject({ code: -32_602 })
    await expect(client.getPrompt({ name: 'write_plan', arguments: {} })).rejects.toMatchObject({
      code: -32_602,
    })
    await client.close()
  })
})
