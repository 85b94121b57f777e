// Both generations of the TypeScript SDK's client, which most clients are built on.
import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernTransport,
} from '@modelcontextprotocol/client'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { expect } from 'vitest'
import { OWN_CONNECTION } from '../../e2e/support/calls.ts'
import { nextMove } from '../support/scripted-planner.ts'
import { ownVersion } from '../pins.ts'
import type { ClientDrive, DriveInput } from './drive.ts'

/** What both generations have in common, as far as it is used here. */
interface SdkClient {
  getInstructions: () => string | undefined
  listTools: () => Promise<{ tools: unknown[] }>
  listResources: () => Promise<unknown>
  getPrompt: (input: { name: string; arguments: Record<string, string> }) => Promise<{ messages: unknown[] }>
  callTool: (input: { name: string; arguments: Record<string, unknown> }) => Promise<object>
}

export async function driveSdk(client: SdkClient, workspace: string): Promise<string[]> {
  expect(client.getInstructions()).toContain('plan_submit')
  const { tools } = await client.listTools()
  await client.listResources()
  const prompt = await client.getPrompt({ name: 'write_plan', arguments: { goal: 'a file' } })
  expect(prompt.messages.length).toBeGreaterThan(0)
  const answers: string[] = []
  for (;;) {
    const move = nextMove(answers, workspace)
    if ('say' in move) {
      expect(move.say).toMatch(/^PLAN .* completed$/)
      break
    }
    const answer = await client.callTool({ name: move.tool, arguments: move.args })
    answers.push(JSON.stringify('structuredContent' in answer ? answer.structuredContent : answer))
  }
  return [
    `instructions, ${tools.length} tools, resources and the prompt`,
    'a plan from `plan_submit` to completed',
  ]
}

const requestInit = ({ stack }: DriveInput) => ({
  headers: { authorization: `Bearer ${stack.urls.owner_token}`, ...OWN_CONNECTION },
})

export const sdkV1: ClientDrive = {
  client: 'SDK v1 client (`@modelcontextprotocol/sdk`)',
  version: ownVersion('@modelcontextprotocol/sdk'),
  needs: null,
  auth: 'owner token',
  async drive(input) {
    const client = new Client({ name: 'sdk-v1', version: '1' })
    await client.connect(
      new StreamableHTTPClientTransport(new URL(input.recorder.mcpUrl), { requestInit: requestInit(input) }),
    )
    try {
      return await driveSdk(client, input.workspace)
    } finally {
      await client.close()
    }
  },
}

export const sdkV2: ClientDrive = {
  client: 'SDK v2 client (`@modelcontextprotocol/client`)',
  version: ownVersion('@modelcontextprotocol/client'),
  needs: null,
  auth: 'owner token',
  async drive(input) {
    const connect = async (mode: 'legacy' | 'auto') => {
      const client = new ModernClient({ name: 'sdk-v2', version: '1' }, { versionNegotiation: { mode } })
      await client.connect(
        new ModernTransport(new URL(input.recorder.mcpUrl), { requestInit: requestInit(input) }),
      )
      return client
    }
    const legacy = await connect('legacy')
    const { tools } = await legacy.listTools()
    await legacy.close()
    const client = await connect('auto')
    try {
      const checked = await driveSdk(client, input.workspace)
      return [`as it comes (\`legacy\`): ${tools.length} tools; the rest as \`auto\``, ...checked]
    } finally {
      await client.close()
    }
  },
}
