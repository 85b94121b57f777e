// Finding and reading machines: all the forms Orgo's answers take, and what counts as missing.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { COMPUTER, cutLine, failure, hurried, ID, json, KEY, WS, playOrgo } from './edge.ts'

let edge: ReturnType<typeof playOrgo>
beforeEach(() => {
  edge = playOrgo()
  vi.useFakeTimers({ toFake: ['setTimeout'] })
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

describe('finding', () => {
  it.each(['workspaces', 'projects'])(
    'reads the list under the key %s, extra fields and the workspace in any case',
    async (key) => {
      edge.replies = {
        'GET /workspaces': [json(200, { [key]: [{ id: 'x', name: 'other', more: 1 }, WS] })],
        'GET /workspaces/ws-1': [
          json(200, { ...WS, [key === 'projects' ? 'computers' : 'desktops']: [COMPUTER] }),
        ],
      }
      expect(await edge.orgo.find('aer-demo-1')).toEqual({
        id: ID,
        name: 'aer-demo-1',
        state: 'running',
        url: 'https://orgo.ai/c',
        instanceId: 'a3881618',
        workspaceId: 'ws-1',
      })
      expect(await edge.orgo.find('AER-DEMO-1')).toBeNull()
      expect(edge.calls[0]?.headers.get('authorization')).toBe(`Bearer ${KEY}`)
    },
  )

  it('never takes a workspace of that name which somebody else shared', async () => {
    edge.replies = { 'GET /workspaces': [json(200, { workspaces: [{ ...WS, role: 'member' }] })] }
    expect(await edge.orgo.find('aer-demo-1')).toBeNull()
  })

  it.each([
    ['running', 'running'],
    ['creating', 'coming_up'],
    ['suspending', 'coming_up'],
    ['suspended', 'asleep'],
    ['stopped', 'stopped'],
    ['frozen', 'stopped'],
    ['error', 'broken'],
    ['deleted', 'gone_unconfirmed'],
    ['levitating', 'coming_up'],
    [7, 'coming_up'],
  ])('takes the status %j for %s', async (status, state) => {
    edge.replies = { [`GET /computers/${ID}`]: [json(200, { ...COMPUTER, status })] }
    expect(await edge.orgo.get(ID)).toMatchObject({ state })
  })

  it('keeps no password and no address that is none', async () => {
    edge.replies = { [`GET /computers/${ID}`]: [json(200, { ...COMPUTER, url: 'javascript:alert(1)' })] }
    const vm = await edge.orgo.get(ID)
    expect(JSON.stringify(vm)).not.toContain('PASSWORD')
    expect(vm).toMatchObject({ url: null })
  })

  it.each([
    [404, {}],
    [403, { error: 'Access denied' }],
  ])('says missing for %i, and asks no more', async (status, body) => {
    edge.replies = { [`GET /computers/${ID}`]: [json(status, body)] }
    expect(await edge.orgo.get(ID)).toBe('missing')
    expect(edge.calls).toHaveLength(1)
  })

  it.each([
    [401, {}],
    [403, { code: 'workspace_scope_mismatch' }],
    [429, {}],
    [500, {}],
  ])('never says missing for %i %j', async (status, body) => {
    edge.replies = { [`GET /computers/${ID}`]: [json(status, body)] }
    expect(await failure(hurried(edge.orgo.get(ID)))).toMatchObject({
      code: expect.not.stringMatching('missing'),
    })
  })

  it('lists the machines of all workspaces, asking for those whose list is not inline, and leaves deleted ones out', async () => {
    edge.replies = {
      'GET /workspaces': [
        json(200, {
          workspaces: [
            {
              id: 'a',
              name: 'a',
              desktops: [
                { id: '1', status: 'running' },
                { id: '2', status: 'deleted' },
              ],
            },
            { id: 'b', name: 'b' },
          ],
        }),
      ],
      'GET /workspaces/b': [json(200, { id: 'b', name: 'b', computers: [{ id: '3' }] })],
    }
    expect(await edge.orgo.listAll()).toEqual({ ids: ['1', '3'], workspaceIds: ['a', 'b'] })
  })

  it('takes an answer that is no list, and a listing that is denied, for no listing at all', async () => {
    edge.replies = { 'GET /workspaces': [json(200, {})] }
    expect(await failure(hurried(edge.orgo.listAll()))).toMatchObject({ kind: 'transient' })
    edge.replies = { 'GET /workspaces': [json(403, { error: 'no' })] }
    expect(await failure(hurried(edge.orgo.find('x')))).toMatchObject({ code: 'workspace_missing' })
  })
})

describe('reads', () => {
  it.each([
    ['a 500', () => json(500, { error: 'x' })],
    ['an HTML 502', () => new Response('<html>bad gateway</html>', { status: 502 })],
    ['a cut line', cutLine],
  ])('survive two times %s', async (_name, broken) => {
    edge.replies = { [`GET /computers/${ID}`]: [broken, broken, json(200, COMPUTER)] }
    expect(await hurried(edge.orgo.get(ID))).toMatchObject({ id: ID })
    expect(edge.calls).toHaveLength(3)
  })

  it('give up after the third', async () => {
    edge.replies = { [`GET /computers/${ID}`]: [json(503, { error: 'down' })] }
    expect(await failure(hurried(edge.orgo.get(ID)))).toMatchObject({ kind: 'transient', code: 'failed' })
    expect(edge.calls).toHaveLength(3)
  })

  it('refuse an id that would climb out of its path', async () => {
    await expect(edge.orgo.get('..')).rejects.toThrow('cannot be part of a path')
    edge.replies = { 'GET /computers/a%2F..%2Fb': [json(404, {})] }
    expect(await edge.orgo.get('a/../b')).toBe('missing')
  })

  it('do not follow a redirect, which would carry the key away', async () => {
    edge.replies = {
      [`GET /computers/${ID}`]: [
        new Response(null, { status: 302, headers: { location: 'https://evil.test' } }),
      ],
    }
    expect(await failure(hurried(edge.orgo.get(ID)))).toMatchObject({ kind: 'permanent', code: 'refused' })
    expect(edge.calls).toHaveLength(1)
  })
})
