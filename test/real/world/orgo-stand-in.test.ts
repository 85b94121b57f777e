// The HTTP side of the local Orgo: refusals, plan limits, faults and the log, as a client meets them.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startWorld, until } from '../../world/orgo/test-client.ts'
import type { World } from '../../world/orgo/test-client.ts'

describe('the API of the local Orgo', () => {
  let world: World
  const seen: string[] = []

  beforeAll(async () => {
    world = await startWorld({
      onVmBytes: (where, bytes) => seen.push(`${where}: ${new TextDecoder().decode(bytes)}`),
      profile: { maxComputers: 3 },
    })
  })
  afterAll(async () => {
    await world[Symbol.asyncDispose]()
  })

  it('asks for the key', async () => {
    const missing = await fetch(`${world.orgo.url}/workspaces`)
    expect([missing.status, await missing.json()]).toEqual([
      401,
      expect.objectContaining({ error: 'Missing API key.' }),
    ])
    const wrong = await fetch(`${world.orgo.url}/workspaces`, { headers: { authorization: 'Bearer other' } })
    expect(wrong.status).toBe(401)
  })

  it('makes a workspace once, whatever the case of its name', async () => {
    const made = await world.call('POST', '/workspaces', { name: 'Once' })
    expect(made).toMatchObject({ status: 201, body: { name: 'Once', status: 'active' } })
    expect((await world.call('POST', '/workspaces', { name: 'oncE' })).status).toBe(400)
    expect((await world.call('GET', '/workspaces')).body['workspaces']).toHaveLength(1)
    const id = String(made.body['id'])
    expect((await world.call('DELETE', `/workspaces/${id}`)).body).toEqual({ success: true })
    expect((await world.call('GET', `/workspaces/${id}`)).status).toBe(404)
  })

  it('creates a computer that is listed at once, answers bash when it is up, and refuses its name a second time', async () => {
    const id = await world.create('twin')
    const early = await world.call('POST', `/computers/${id}/bash`, { command: 'true' })
    expect(early).toMatchObject({ status: 400, body: { error: 'Desktop instance not available' } })
    const { body } = await world.call('GET', `/computers/${id}`)
    expect(body).toMatchObject({
      id,
      name: 'twin',
      ram: 4,
      vnc_password: expect.stringMatching(/^[0-9a-f]{16}$/),
    })
    const again = await world.call('POST', '/computers', { workspace_id: body['workspace_id'], name: 'twin' })
    expect(again.status).toBe(400)
    expect((await world.bash(id, 'echo up')).output).toBe('up\n')
    expect(seen).toContain('bash on twin: echo up')
    expect((await world.call('DELETE', `/computers/${id}`)).status).toBe(200)
    expect((await world.call('GET', `/computers/${id}`)).status).toBe(404)
    expect(world.orgo.computerDirs()).toEqual([])
  })

  it('refuses a command over 32 KB, a time limit over 300 s, and bodies that are not what it expects', async () => {
    const id = await world.create('limits')
    await world.bash(id, 'true')
    const bash = (body: unknown) => world.call('POST', `/computers/${id}/bash`, body)
    expect((await bash({ command: `: ${'x'.repeat(32 * 1024 - 2)}` })).status).toBe(200)
    expect((await bash({ command: `: ${'x'.repeat(32 * 1024 - 1)}` })).status).toBe(400)
    expect((await bash({ command: `: ${'é'.repeat(16 * 1024)}` })).status).toBe(400)
    expect((await bash({ command: 'true', timeout: 301 })).status).toBe(400)
    expect((await bash({})).status).toBe(400)
    expect((await world.call('GET', '/computers')).status).toBe(405)
    expect((await world.call('POST', '/computers/none/start')).status).toBe(404)
    await world.call('DELETE', `/computers/${id}`)
  })

  it('grows what resize names and ignores cpu and ram, as the service does', async () => {
    const id = await world.create('size')
    await world.bash(id, 'true')
    const resize = (body: unknown) => world.call('PATCH', `/computers/${id}/resize`, body)
    expect((await resize({ cpu: 4, vcpus: 2, disk_size_gb: 30, auto_stop_minutes: 0 })).body).toMatchObject({
      vcpus: 2,
      disk_size_gb: 30,
      auto_stop_minutes: 0,
    })
    expect((await resize({ disk_size_gb: 10 })).status).toBe(400)
    expect((await world.call('GET', `/computers/${id}/resize`)).body).toMatchObject({ current_disk_gb: 30 })
    await world.call('DELETE', `/computers/${id}`)
  })

  it('refuses one computer more than the plan has, with the code of the documents', async () => {
    const ids = [await world.create('p1'), await world.create('p2'), await world.create('p3')]
    const { body } = await world.call('GET', `/computers/${ids[0]}`)
    const fourth = await world.call('POST', '/computers', { workspace_id: body['workspace_id'], name: 'p4' })
    expect(fourth).toMatchObject({ status: 403, body: { code: 'VM_SLOT_ADDON' } })
    expect((await world.call('GET', '/billing/compute-limits')).body).toMatchObject({
      max_computers: 3,
      computers_used: 3,
    })
    await Promise.all(ids.map((id) => world.call('DELETE', `/computers/${id}`)))
  })

  it('speaks the other dialects where the documents disagree', async () => {
    await using odd = await startWorld({
      profile: { listKey: 'projects', stopStatus: 'frozen', idempotentStartStop: false },
    })
    const id = await odd.create('one')
    await odd.bash(id, 'true')
    expect((await odd.call('GET', '/workspaces')).body['projects']).toHaveLength(1)
    expect((await odd.call('POST', `/computers/${id}/start`)).status).toBe(409)
    await odd.call('POST', `/computers/${id}/stop`)
    await odd.waitForStatus(id, 'frozen')
    expect((await odd.call('POST', `/computers/${id}/stop`)).status).toBe(409)
    const clone = await odd.call('POST', `/computers/${id}/clone`, {})
    expect(clone).toMatchObject({ status: 400, body: { code: 'NOT_CLONABLE' } })
  })
})

describe('faults of the local Orgo', () => {
  let world: World
  let workspaceId: string

  beforeAll(async () => {
    world = await startWorld()
    workspaceId = String((await world.call('POST', '/workspaces', { name: 'faults' })).body['id'])
  })
  afterAll(async () => {
    await world[Symbol.asyncDispose]()
  })

  const fault = (match: unknown, action: unknown, times = 1) =>
    world.control('POST', '/faults', { match, action, times })
  const computers = async () => (await world.call('GET', `/workspaces/${workspaceId}`)).body['desktops']
  const create = (name: string) => world.call('POST', '/computers', { workspace_id: workspaceId, name })

  it('loses the answer of a create that happened: exactly one computer stands', async () => {
    await fault({ method: 'POST', path: '/computers$' }, { lose_answer: true })
    await expect(create('lost')).rejects.toThrow('fetch failed')
    expect(await computers()).toEqual([expect.objectContaining({ name: 'lost' })])
  })

  it('drops a create before it happens: none stands', async () => {
    await fault({ method: 'POST', path: '/computers$' }, { drop: true })
    await expect(create('dropped')).rejects.toThrow('fetch failed')
    expect(await computers()).toEqual([expect.objectContaining({ name: 'lost' })])
  })

  it('answers any status with its body and headers, as often as asked and then no more', async () => {
    const body = { error: 'slow down', code: 'computer_waking' }
    await fault({ path: '/workspaces$' }, { status: 409, body, headers: { 'retry-after': '1' } }, 2)
    const first = await fetch(`${world.orgo.url}/workspaces`)
    expect([first.status, first.headers.get('retry-after'), await first.json()]).toEqual([409, '1', body])
    expect((await world.call('GET', '/workspaces')).status).toBe(409)
    expect((await world.call('GET', '/workspaces')).status).toBe(200)
  })

  it('answers HTML, waits, and hangs', async () => {
    await fault({}, { html: true })
    expect(await (await fetch(`${world.orgo.url}/workspaces`)).text()).toContain('502 Bad Gateway')
    await fault({}, { delay_ms: 150 })
    const startedMs = Date.now()
    expect((await world.call('GET', '/workspaces')).status).toBe(200)
    expect(Date.now() - startedMs).toBeGreaterThanOrEqual(150)
    await fault({}, { hang: true })
    const hung = fetch(`${world.orgo.url}/workspaces`, { signal: AbortSignal.timeout(150) })
    await expect(hung).rejects.toThrow('timeout')
  })

  it('forgets its faults when told to, and refuses one that makes no sense', async () => {
    await fault({}, { status: 503 }, 100)
    await world.control('DELETE', '/faults')
    expect((await world.call('GET', '/workspaces')).status).toBe(200)
    await expect(fault({ path: '(' }, { drop: true })).rejects.toThrow('Invalid regular expression')
    await expect(fault({}, { explode: true })).rejects.toThrow('Invalid input')
  })

  it('logs every call with its time and status, and clips the commands', async () => {
    const { id } = (await world.call('GET', `/workspaces/${workspaceId}`)).body
    expect(id).toBe(workspaceId)
    const list = await world.control('GET', '/computers')
    expect(list).toEqual([expect.objectContaining({ name: 'lost', image: 'desktop' })])
    const lost = world.orgo.computerDirs()[0]?.id ?? ''
    await world.bash(lost, `: ${'x'.repeat(1000)}`)
    const calls = await world.control('GET', '/calls')
    expect(calls).toContainEqual(
      expect.objectContaining({ method: 'POST', path: '/api/computers', status: 0 }),
    )
    expect(calls).toContainEqual(
      expect.objectContaining({
        path: `/api/computers/${lost}/bash`,
        status: 200,
        command: `: ${'x'.repeat(198)}`,
      }),
    )
  })

  it('reports a deletion from outside as 404 and takes the slot back', async () => {
    await world.control('POST', '/computers/lost/delete')
    expect(await computers()).toEqual([])
    expect((await create('lost')).status).toBe(201)
    await until('it to boot', async () => {
      const list = await computers()
      return JSON.stringify(list).includes('"running"') ? true : undefined
    })
  })
})
