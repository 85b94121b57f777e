// The whole Worker as deployed, real object and real D1 behind it: what a user does first, and what must leave nothing behind.
import { runInDurableObject } from 'cloudflare:test'
import { env, exports } from 'cloudflare:workers'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { workspaceKey } from '../../../src/lib/ids.ts'
import { BASE_URL, JSON_HEADERS } from '../support/mcp-wire.ts'
import { playOutside } from '../support/outside.ts'

// For the whole file: an object's alarm may still ask outside after its test has ended.
beforeAll(() => void playOutside())

const Answer = z.object({
  result: z.object({
    isError: z.boolean().optional(),
    content: z.array(z.object({ text: z.string() })),
    structuredContent: z.any().optional(),
  }),
})

async function call(name: string, args: object) {
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name, arguments: args },
  })
  const response = await exports.default.fetch(
    new Request(`${BASE_URL}/mcp`, {
      method: 'POST',
      headers: { ...JSON_HEADERS, host: 'runtime.test' },
      body,
    }),
  )
  const text = await response.text()
  const { result } = Answer.parse(JSON.parse(text.replace(/^[\s\S]*?data: /, '')))
  return {
    isError: result.isError === true,
    text: result.content[0]?.text ?? '',
    data: result.structuredContent,
  }
}

describe('through the whole Worker', () => {
  it('a workspace is registered, given a plan, listed, cancelled, resumed and removed', async () => {
    const registered = await call('workspace_register', {
      name: 'whole',
      git_remote: 'https://git.test/o/whole',
    })
    expect(registered).toMatchObject({
      isError: false,
      data: { workspace: { name: 'whole', status: 'provisioning', branch: 'main' } },
    })
    const again = await call('workspace_register', {
      name: 'whole',
      git_remote: 'https://git.test/o/whole',
      setup: 'x',
    })
    expect(again.data.next_step).toContain('its own setup')
    const other = await call('workspace_register', { name: 'whole', git_remote: 'https://git.test/o/other' })
    expect(other).toMatchObject({ isError: true, text: expect.stringContaining('workspace_remove') })

    const plan = { workspace_id: 'whole', plan: 'Fix\r\nit 🙂', branch_name: 'fix' }
    const submitted = await call('plan_submit', plan)
    expect(submitted.data.plan).toMatchObject({
      status: 'queued',
      title: 'Fix',
      plan_chars: 10,
      branch: expect.stringMatching(/^agent\/fix-[0-9a-f]{8}$/),
    })
    expect((await call('plan_submit', plan)).data).toMatchObject({
      deduplicated: true,
      plan: { id: submitted.data.plan.id },
    })
    const plan_id = submitted.data.plan.id

    expect((await call('plan_status', { plan_id })).data).toMatchObject({
      plan: { status: 'queued' },
      events: [{ seq: 1, type: 'queued' }],
      cursor: 1,
    })
    await vi.waitFor(async () => {
      expect((await call('plan_list', { workspace_id: 'whole' })).data.plans).toMatchObject([{ id: plan_id }])
      expect((await call('workspace_list', {})).data.workspaces).toMatchObject([{ name: 'whole' }])
    }, 60_000)
    expect((await call('plan_cancel', { plan_id })).data.plan.status).toBe('cancelled')
    expect((await call('plan_resume', { plan_id })).data.plan).toMatchObject({ status: 'queued', attempt: 2 })
    expect((await call('workspace_update', { workspace_id: 'whole', checks: ['npm test'] })).isError).toBe(
      false,
    )
    expect((await call('workspace_sync', { workspace_id: 'whole' })).data).toMatchObject({
      workspace: { name: 'whole' },
      merge_commands: [],
    })
    expect((await call('workspace_remove', { workspace_id: 'whole' })).data.removed).toBe(true)
  })

  it.each([
    ['plan_submit', { workspace_id: 'nobody', plan: 'x' }],
    ['workspace_sync', { workspace_id: 'nobody' }],
    ['workspace_update', { workspace_id: 'nobody', open_pr: true }],
    ['workspace_remove', { workspace_id: 'nobody' }],
    ['plan_list', { workspace_id: 'nobody' }],
    ['plan_status', { plan_id: '00000000-0000-8000-8000-000000000000' }],
    ['plan_cancel', { plan_id: '00000000-0000-8000-8000-000000000000' }],
    ['workspace_register', { name: 'nobody', git_remote: 'https://u:p@git.test/o/r' }],
  ])('%s of something unknown or bad is refused and leaves no table behind', async (name, args) => {
    const answer = await call(name, args)
    expect(answer).toMatchObject({ isError: true, text: expect.stringMatching(/There is no|must not hold/) })
    const key = 'plan_id' in args ? '000000000000' : await workspaceKey('nobody')
    const tables = await runInDurableObject(env.WORKSPACE.getByName(key), (_, state) =>
      state.storage.sql
        .exec("SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'")
        .toArray(),
    )
    expect(tables).toEqual([])
  })
})
