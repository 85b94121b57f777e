// What an operator reads: one structured line per request, tool call, webhook and alarm.
import { createExecutionContext, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import app from '../../../src/index.ts'
import { endOutside, objectOf, playOutside } from '../support/outside.ts'
import type { Outside } from '../support/outside.ts'
import { ready } from '../support/ready.ts'

let outside: Outside
const lines: string[] = []
beforeEach(() => {
  outside = playOutside()
  lines.length = 0
  vi.spyOn(console, 'log').mockImplementation((line: unknown) => void lines.push(String(line)))
})
afterEach(endOutside)

const Line = z.looseObject({ event: z.string() })
const told = () => lines.map((line) => Line.parse(JSON.parse(line)))

async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  return app.fetch(new Request(`https://runtime.test${path}`, init), env, createExecutionContext())
}

describe('the log', () => {
  it.each([
    ['/healthz', '/healthz', 200],
    ['/plans/00000000-0000-8000-8000-000000000000?x=aer_vm_hush', '/plans/:id', 401],
    ['/hush-nothing-here', '/*', 404],
  ])(
    'has one line for a request of %s, by its pattern and nothing a stranger wrote',
    async (path, route, status) => {
      expect((await ask(path)).status).toBe(status)
      const requests = told().filter(({ event }) => event === 'request')
      expect(requests).toEqual([
        { event: 'request', method: 'GET', route, status, durationMs: expect.any(Number) },
      ])
      expect(lines.join('\n')).not.toContain('hush')
    },
  )

  it('has one line for what a VM asks, for a webhook, refused or not, and for an alarm', async () => {
    await ready('lines', outside)
    lines.length = 0
    await ask('/vm/sync', { method: 'POST', body: '{}' })
    await ask('/webhooks/github', { method: 'POST', body: '{}' })
    await runInDurableObject(await objectOf('lines'), (workspace) => workspace.alarm())
    expect(told().map(({ event }) => event)).toEqual(['gateway.sync', 'request', 'alarm'])
  })

  it('has an alarm line also when nothing was due', async () => {
    const { stub } = await ready('quiet', outside)
    const { plan } = await stub.submit('quiet', { plan: 'x' })
    await runInDurableObject(await objectOf('quiet'), (workspace) => workspace.alarm())
    lines.length = 0
    await runInDurableObject(await objectOf('quiet'), (workspace) => workspace.alarm())
    expect(told().filter(({ event }) => event === 'alarm')).toHaveLength(1)
    expect(plan.status).toBe('queued')
  })
})
