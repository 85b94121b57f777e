// /mcp over the wire, with real clients of both eras.
import { env } from 'cloudflare:workers'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as OldTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { CfWorkerJsonSchemaValidator } from '@modelcontextprotocol/sdk/validation/cfworker'
import { describe, expect, it } from 'vitest'
import { SettingsError } from '../../../src/lib/errors.ts'
import type { Played } from '../support/mcp-fakes.ts'
import { PLAN_ID, planRow, playContext } from '../support/mcp-fakes.ts'
import { BASE_URL, BEARER, openDoor } from '../support/mcp-wire.ts'

const requestInit = { headers: { authorization: BEARER } }
const url = new URL('/mcp', BASE_URL)

interface Connected {
  client: Client | OldClient
  /** The two SDKs take the options in another place. */
  call: (
    name: string,
    args: Record<string, unknown>,
    onprogress?: (step: unknown) => void,
  ) => Promise<Record<string, unknown>>
}

const connectNew =
  (mode: 'legacy' | { pin: string }) =>
  async (played: Played): Promise<Connected> => {
    const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode } })
    await client.connect(
      new StreamableHTTPClientTransport(url, { fetch: openDoor(env, played).fetch, requestInit }),
    )
    const call: Connected['call'] = async (name, args, onprogress) =>
      client.callTool({ name, arguments: args }, onprogress === undefined ? {} : { onprogress })
    return { client, call }
  }

async function connectOld(played: Played): Promise<Connected> {
  const client = new OldClient(
    { name: 'test', version: '1' },
    { jsonSchemaValidator: new CfWorkerJsonSchemaValidator() },
  )
  const transport = new OldTransport(url, { fetch: openDoor(env, played).fetch, requestInit })
  await client.connect(transport)
  const call: Connected['call'] = async (name, args, onprogress) =>
    client.callTool({ name, arguments: args }, undefined, onprogress === undefined ? {} : { onprogress })
  return { client, call }
}

describe.each([
  ['the 2026-07-28 client', connectNew({ pin: '2026-07-28' })],
  ['the 2025 client of the same SDK', connectNew('legacy')],
  ['the 2025 client of the old SDK', connectOld],
])('%s', (_what, connect) => {
  it('lists the tools, none of which will change, and is told how to use them', async () => {
    const { client } = await connect(playContext())
    const { tools } = await client.listTools()
    expect(tools).toHaveLength(12)
    expect(tools[0]).toMatchObject({
      name: 'workspace_register',
      title: 'Register a workspace',
      annotations: { readOnlyHint: false },
      inputSchema: { additionalProperties: false },
    })
    expect(client.getServerCapabilities()).toEqual({
      tools: { listChanged: false },
      resources: { listChanged: false },
      prompts: { listChanged: false },
      extensions: { 'io.modelcontextprotocol/tasks': {} },
    })
    expect(client.getInstructions()).toContain('plan_submit')
    await client.close()
  })

  it('submits a plan and gets it structured, with a text that says the same', async () => {
    const { client, call } = await connect(playContext())
    await client.listTools()
    const result = await call('plan_submit', { workspace_id: 'site', plan: 'Fix the typo' })
    expect(result).toMatchObject({
      structuredContent: { plan: { id: PLAN_ID, status: 'queued' }, next_step: expect.any(String) },
    })
    const content = JSON.stringify(result['content'])
    expect(content).toContain(`Plan ${PLAN_ID} is queued on branch agent/${PLAN_ID}.`)
    expect(content).toContain('Title: Fix the typo')
    expect(content).toContain('The plan waits for its turn')
    expect(result['isError']).not.toBe(true)
    await client.close()
  })

  it('hears of progress while it waits', async () => {
    let asked = 0
    let nowMs = 0
    const played = playContext({
      context: { now: () => nowMs },
      stub: {
        planStatus: async (_planId, { waitMs }) => {
          asked += 1
          nowMs += waitMs
          return {
            plan: planRow(asked < 3 ? { status: 'running' } : { status: 'completed' }),
            events: [],
            cursor: 0,
          }
        },
      },
    })
    const { client, call } = await connect(played)
    const heard: unknown[] = []
    const result = await call('plan_status', { plan_id: PLAN_ID, wait_seconds: 45 }, (step) =>
      heard.push(step),
    )
    expect(result).toMatchObject({ structuredContent: { plan: { status: 'completed' } } })
    expect(heard).toMatchObject([
      { progress: 0, total: 45 },
      { progress: 10, total: 45 },
    ])
    await client.close()
  })

  it('reads a refusal as a failed call with the words of the runtime, and a fault of ours as a bare sentence', async () => {
    const played = playContext({
      stub: {
        cancel: async () => {
          throw new Error('SQLITE_ERROR: secret internals')
        },
      },
      context: {
        settings: () => {
          throw new SettingsError('The runtime is not configured. ORGO_API_KEY is not set.')
        },
      },
    })
    const { client, call } = await connect(played)
    const text = async (name: string, args: Record<string, unknown>) => {
      const { isError, content, structuredContent } = await call(name, args)
      expect({ isError, structuredContent }).toEqual({ isError: true, structuredContent: undefined })
      return JSON.stringify(content)
    }
    expect(await text('plan_submit', { workspace_id: 'site', plan: 'x' })).toContain(
      'ORGO_API_KEY is not set',
    )
    expect(await text('plan_submit', { workspace_id: 'site', plan: 'x', why: 1 })).toContain(
      'There is no argument \\"why\\"',
    )
    const fault = await text('plan_cancel', { plan_id: PLAN_ID })
    expect(fault).toContain('Something failed inside the runtime')
    expect(fault).not.toContain('SQLITE')
    await client.close()
  })
})
