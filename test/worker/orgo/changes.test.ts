// Creating, starting, deleting: sent once, refusals in words with a cure, unknown outcomes named as such.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { BASH, COMPUTER, cutLine, failure, ID, json, KEY, WS, playOrgo } from './edge.ts'

let edge: ReturnType<typeof playOrgo>
beforeEach(() => {
  edge = playOrgo()
})
afterEach(() => {
  vi.restoreAllMocks()
})

describe('creating', () => {
  const list = json(200, { workspaces: [WS] })

  it('makes the workspace when there is none, and asks for the computer once', async () => {
    edge.replies = {
      'GET /workspaces': [json(200, { workspaces: [] })],
      'POST /workspaces': [json(201, { id: 'ws-9', name: 'agent-runtime' })],
      'POST /computers': [json(201, { ...COMPUTER, status: 'starting' })],
    }
    expect(await edge.orgo.create('aer-demo-1')).toMatchObject({ id: ID, state: 'coming_up' })
    expect(edge.calls.at(-1)?.body).toEqual({ workspace_id: 'ws-9', name: 'aer-demo-1' })
  })

  it('uses the workspace somebody made meanwhile', async () => {
    edge.replies = {
      'GET /workspaces': [json(200, { workspaces: [] }), list],
      'POST /workspaces': [json(400, { error: 'duplicate name' })],
      'POST /computers': [json(201, COMPUTER)],
    }
    expect(await edge.orgo.create('aer-demo-1')).toMatchObject({ id: ID })
  })

  it.each([
    ['a cut line', cutLine],
    ['a 500', () => json(500, {})],
    ['a 504', () => new Response('<html>', { status: 504 })],
    ['an answer that makes no sense', () => json(201, { hello: 1 })],
  ])('is never repeated after %s, whose outcome is unknown', async (_name, reply) => {
    edge.replies = { 'GET /workspaces': [list], 'POST /computers': [reply] }
    expect(await failure(edge.orgo.create('n'))).toMatchObject({
      kind: 'transient',
      code: 'unknown_outcome',
      executed: 'unknown',
    })
    expect(edge.names().filter((name) => name === 'POST /computers')).toHaveLength(1)
  })

  it.each([
    [403, { code: 'VM_SLOT_ADDON' }, 'slot'],
    [403, { code: 'UPGRADE_REQUIRED' }, 'no computers'],
    [403, { code: 'RAM_ADDON' }, 'memory is used up'],
    [400, { code: 'disk_exceeds_quota' }, 'disk space'],
    [403, { code: 'DISK_QUOTA_EXCEEDED' }, 'disk space'],
    [403, { error: 'RAM limit exceeded for your plan' }, 'memory is used up'],
    [403, { error: 'computer limit reached' }, 'all computers'],
    [402, {}, 'paid running time'],
  ])('tells the plan refusal %i %j in words with a cure', async (status, body, words) => {
    edge.replies = { 'GET /workspaces': [list], 'POST /computers': [json(status, body)] }
    const error = await failure(edge.orgo.create('n'))
    expect(error).toMatchObject({ kind: 'permanent', executed: 'no' })
    expect(error.message).toContain(words)
  })

  it('names ORGO_API_KEY when the key is refused, and never shows it', async () => {
    edge.replies = { 'GET /workspaces': [json(401, { error: `Invalid API key ${KEY}` })] }
    const error = await failure(edge.orgo.create('n'))
    expect(error).toMatchObject({ kind: 'permanent', code: 'key_refused' })
    expect(error.message).toContain('ORGO_API_KEY')
    expect(error.message).not.toContain(KEY)
  })

  it('into a workspace that went away may be tried again at once', async () => {
    edge.replies = {
      'GET /workspaces': [list],
      'POST /computers': [json(404, { error: 'Workspace not found' })],
    }
    expect(await failure(edge.orgo.create('n'))).toMatchObject({ kind: 'transient', executed: 'no' })
  })
})

describe('power', () => {
  it.each([
    [200, { success: true }],
    [409, { error: 'Computer is not stopped' }],
  ])('start takes %i for success: the same page calls it idempotent', async (status, body) => {
    edge.replies = { [`POST /computers/${ID}/start`]: [json(status, body)] }
    await expect(edge.orgo.start(ID)).resolves.toBeUndefined()
  })

  it('start is tried with the instance id when the UUID is not found', async () => {
    edge.replies = {
      [`POST /computers/${ID}/start`]: [json(404, {})],
      [`GET /computers/${ID}`]: [json(200, COMPUTER)],
      'POST /computers/a3881618/start': [json(200, {})],
    }
    await edge.orgo.start(ID)
    expect(edge.names().at(-1)).toBe('POST /computers/a3881618/start')
  })

  it('restart falls back to stop and start where a host has none (405)', async () => {
    edge.replies = {
      [`POST /computers/${ID}/restart`]: [json(405, {})],
      [`POST /computers/${ID}/stop`]: [json(200, {})],
      [`POST /computers/${ID}/start`]: [json(200, {})],
    }
    await edge.orgo.restart(ID)
    expect(edge.names()).toEqual([
      `POST /computers/${ID}/restart`,
      `POST /computers/${ID}/stop`,
      `POST /computers/${ID}/start`,
    ])
  })

  it('start that finds the machine waking says so instead of calling it started', async () => {
    edge.replies = { [`POST /computers/${ID}/start`]: [json(409, { code: 'resume_in_progress' })] }
    expect(await failure(edge.orgo.start(ID))).toMatchObject({ code: 'waking' })
  })

  it('wake sends one harmless command', async () => {
    edge.replies = { [BASH]: [json(200, { output: '', exit_code: 0 })] }
    await edge.orgo.wake(ID)
    expect(edge.calls[0]?.body).toMatchObject({ command: 'true' })
  })

  it('destroy of a machine that is gone is done, and of one that is denied is not', async () => {
    const gone = { [`DELETE /computers/${ID}`]: [json(404, {})], [`GET /computers/${ID}`]: [json(404, {})] }
    const listed = (desktops: unknown[]) => [
      json(200, { workspaces: [{ id: 'ours', name: 'agent-runtime', desktops }] }),
    ]
    edge.replies = { ...gone, 'GET /workspaces': listed([]) }
    await expect(edge.orgo.destroy(ID, null)).resolves.toBeUndefined()
    // Refused twice, and still in the list: it is there.
    edge.replies = { ...gone, 'GET /workspaces': listed([{ id: ID, status: 'running' }]) }
    await failure(edge.orgo.destroy(ID, null))
    edge.replies = {
      [`DELETE /computers/${ID}`]: [json(403, {})],
      [`GET /computers/${ID}`]: [json(200, COMPUTER)],
    }
    await failure(edge.orgo.destroy(ID, null))
    edge.replies = { [`DELETE /computers/${ID}`]: [new Response(null, { status: 204 })] }
    await edge.orgo.destroy(ID, null)
  })

  it('destroy of a machine in a workspace the key does not show is not done', async () => {
    const gone = { [`DELETE /computers/${ID}`]: [json(404, {})], [`GET /computers/${ID}`]: [json(404, {})] }
    const shown = (id: string) => [json(200, { workspaces: [{ id, name: 'agent-runtime', desktops: [] }] })]
    edge.replies = { ...gone, 'GET /workspaces': shown('theirs') }
    expect(await failure(edge.orgo.destroy(ID, 'ours'))).toMatchObject({ code: 'key_refused' })
    edge.replies = { ...gone, 'GET /workspaces': shown('ours') }
    await expect(edge.orgo.destroy(ID, 'ours')).resolves.toBeUndefined()
  })

  it('keeping a machine awake uses the route that is there and never fails', async () => {
    edge.replies = {
      [`PATCH /computers/${ID}/resize`]: [json(409, {})],
      [`PATCH /computers/${ID}/auto-stop`]: [json(200, {})],
    }
    expect(await edge.orgo.keepAwake(ID)).toBe(true)
    edge.replies = {
      [`PATCH /computers/${ID}/resize`]: [json(403, {})],
      [`PATCH /computers/${ID}/auto-stop`]: [json(404, {})],
    }
    expect(await edge.orgo.keepAwake(ID)).toBe(false)
  })
})
