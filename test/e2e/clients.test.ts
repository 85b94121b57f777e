// Foreign clients against `npm run dev`: the inspector CLI in both protocol eras drives a full plan.
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { eventually, run, script, startStack } from './support/stack.ts'
import type { Stack } from './support/stack.ts'

const inspector = join(import.meta.dirname, '../../node_modules/.bin/mcp-inspector')
let stack: Stack
beforeAll(async () => {
  stack = await startStack()
})
afterAll(async () => {
  await stack[Symbol.asyncDispose]()
})

async function inspect(era: string, method: string, ...rest: string[]): Promise<unknown> {
  const args = [
    '--cli',
    stack.urls.mcp_url,
    '--transport',
    'http',
    '--header',
    `Authorization: Bearer ${stack.urls.owner_token}`,
    '--protocol-era',
    era,
    '--method',
    method,
    ...rest,
    '--format',
    'json',
    '-q',
  ]
  const { stdout, stderr, code } = await run(process.execPath, [inspector, ...args])
  if (code !== 0) throw new Error(`inspector ended with ${code}: ${stderr}${stdout}`)
  return JSON.parse(stdout)
}

const tool = async (era: string, name: string, args: Record<string, unknown>) =>
  z
    .looseObject({ structuredContent: z.record(z.string(), z.unknown()) })
    .parse(
      unwrap(await inspect(era, 'tools/call', '--tool-name', name, '--tool-args-json', JSON.stringify(args))),
    ).structuredContent

/** Some versions print the result itself, some an envelope around it. */
function unwrap(answer: unknown): unknown {
  const envelope = z.looseObject({ result: z.unknown().optional() }).parse(answer)
  return envelope.result ?? answer
}

describe.each(['legacy', 'modern'])('the inspector CLI, protocol era %s', (era) => {
  it('lists the tools and drives a plan from submit to merged', async () => {
    const listed = z
      .looseObject({ tools: z.array(z.looseObject({ name: z.string() })) })
      .parse(unwrap(await inspect(era, 'tools/list')))
    expect(listed.tools.map((found) => found.name)).toEqual(
      expect.arrayContaining(['workspace_register', 'plan_submit', 'plan_status']),
    )

    const name = `inspect-${era}`
    const repo = z.object({ remote: z.string() }).parse(await stack.control('POST', '/git/repos', { name }))
    await tool(era, 'workspace_register', { name, git_remote: repo.remote })
    const submitted = z
      .looseObject({ plan: z.looseObject({ id: z.string(), branch: z.string() }) })
      .parse(
        await tool(era, 'plan_submit', { workspace_id: name, plan: script('Add a file', 'echo x > x.txt') }),
      )
    const status = async () =>
      z
        .looseObject({ plan: z.looseObject({ status: z.string(), merge_status: z.string() }) })
        .parse(await tool(era, 'plan_status', { plan_id: submitted.plan.id, wait_seconds: 5 })).plan
    await eventually('completed', status, (plan) => plan.status === 'completed')
    await stack.control('POST', `/github/${name}/merge`, { branch: submitted.plan.branch, method: 'merge' })
    await eventually('merged', status, (plan) => plan.merge_status === 'merged')
  })
})
