// The MCP inspector's command line, in each of its protocol eras: a plan from submit to merged.
import { join } from 'node:path'
import { expect } from 'vitest'
import { z } from 'zod'
import { eventually, run, script } from '../../e2e/support/stack.ts'
import { ownVersion } from '../pins.ts'
import type { ClientDrive, DriveInput } from './drive.ts'

const inspector = join(import.meta.dirname, '../../../node_modules/.bin/mcp-inspector')
type Era = 'legacy' | 'auto' | 'modern'

export const inspectorIn = (era: Era): ClientDrive => ({
  client: `MCP inspector CLI, era ${era}`,
  version: ownVersion('@modelcontextprotocol/inspector'),
  needs: null,
  auth: 'owner token',
  async drive(input) {
    const { stack, workspace } = input
    const inspect = (...args: string[]) => runInspector(input, era, args)
    const tool = async (name: string, args: Record<string, unknown>) =>
      z
        .looseObject({ structuredContent: z.record(z.string(), z.unknown()) })
        .parse(await inspect('tools/call', '--tool-name', name, '--tool-args-json', JSON.stringify(args)))
        .structuredContent
    const Plan = z.looseObject({
      plan: z.looseObject({
        id: z.string(),
        branch: z.string(),
        status: z.string(),
        merge_status: z.string(),
      }),
    })

    const { tools } = z
      .looseObject({ tools: z.array(z.looseObject({ name: z.string() })) })
      .parse(await inspect('tools/list', '--strict'))
    expect(tools.map((found) => found.name)).toEqual(
      expect.arrayContaining(['workspace_register', 'plan_submit', 'plan_status']),
    )
    const { plan } = Plan.parse(
      await tool('plan_submit', { workspace_id: workspace, plan: script('Add a file', 'echo x > x.txt') }),
    )
    const status = async () =>
      Plan.parse(await tool('plan_status', { plan_id: plan.id, wait_seconds: 5 })).plan
    await eventually('completed', status, (found) => found.status === 'completed')
    await stack.control('POST', `/github/${workspace}/merge`, { branch: plan.branch, method: 'merge' })
    await eventually('merged', status, (found) => found.merge_status === 'merged')
    return [
      `\`tools/list --strict\`: ${tools.length} tools, their schemas portable`,
      'a plan from `plan_submit` to completed and merged',
    ]
  },
})

async function runInspector(
  { stack, recorder }: DriveInput,
  era: Era,
  [method, ...rest]: string[],
): Promise<unknown> {
  const args = {
    transport: 'http',
    header: `Authorization: Bearer ${stack.urls.owner_token}`,
    'protocol-era': era,
    method: String(method),
    format: 'json',
  }
  const flags = Object.entries(args).flatMap(([name, value]) => [`--${name}`, value])
  const { stdout, stderr, code } = await run(process.execPath, [
    inspector,
    '--cli',
    recorder.mcpUrl,
    ...flags,
    ...rest,
    '-q',
  ])
  if (code !== 0) throw new Error(`inspector ended with ${String(code)}: ${stderr}${stdout}`)
  return unwrap(JSON.parse(stdout))
}

/** Some versions print the result itself, some an envelope around it. */
function unwrap(answer: unknown): unknown {
  const envelope = z.looseObject({ result: z.unknown().optional() }).parse(answer)
  return envelope.result ?? answer
}
