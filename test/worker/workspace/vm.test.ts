// The workspace and its VM: registered, bootstrapped, heard, idle, removed. Real object, real storage, a played outside.
import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createCore } from '../../../src/workspace/core/core.ts'
import { register } from '../../../src/workspace/registration/register.ts'
import { createStore } from '../../../src/workspace/store/store.ts'
import { endOutside, objectOf, playOutside, refusal, supervisor, workspaceStub } from '../support/outside.ts'
import type { Outside } from '../support/outside.ts'
import { completed, ready, REMOTE, settle } from '../support/ready.ts'

let outside: Outside
beforeEach(() => {
  outside = playOutside()
})
afterEach(endOutside)

describe('registration', () => {
  it('makes one VM, gives it a bootstrap, and is ready when its supervisor is heard', async () => {
    const { stub } = await ready('reg', outside)
    expect(await stub.snapshot('reg')).toMatchObject({
      status: 'ready',
      branch: 'main',
      vm: { adopted: false },
    })
    expect(outside.computers).toHaveLength(1)
    expect(outside.computers[0]?.name).toMatch(/^aer-reg-[0-9a-f]{8}$/)
  })

  it('of a remote that refuses us names GIT_CREDENTIALS and leaves nothing behind, not even tables', async () => {
    outside.gitStatus = 401
    expect(
      await refusal('refused', (workspace) => workspace.register({ name: 'refused', gitRemote: REMOTE })),
    ).toContain('GIT_CREDENTIALS')
    const tables = await runInDurableObject(await objectOf('refused'), (_, state) =>
      state.storage.sql
        .exec("SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'")
        .toArray(),
    )
    expect(tables).toEqual([])
    expect(outside.computers).toEqual([])
  })

  it('of a remote that is silent is accepted, and learns its branch before the first plan starts', async () => {
    outside.gitStatus = 503
    const stub = await workspaceStub('silent')
    expect((await stub.register({ name: 'silent', gitRemote: REMOTE })).workspace).toMatchObject({
      status: 'provisioning',
      branch: null,
    })
    await settle('silent')
    const vm = supervisor('silent', outside)
    await vm.sync()
    outside.gitStatus = 200
    const { plan } = await stub.submit('silent', { plan: 'x' })
    await settle('silent')
    expect((await stub.planStatus(plan.id, { waitMs: 0, after: 0, limit: 10 })).plan).toMatchObject({
      status: 'running',
      base: 'main',
    })
  })

  it('of a remote that is silent lets a plan with a base of its own start, whoever waits before it', async () => {
    outside.gitStatus = 503
    const stub = await workspaceStub('own-base')
    await stub.register({ name: 'own-base', gitRemote: REMOTE, maxParallel: 1 })
    await settle('own-base')
    await supervisor('own-base', outside).sync()
    const waits = await stub.submit('own-base', { plan: 'x' })
    const goes = await stub.submit('own-base', { plan: 'y', base: 'release' })
    await settle('own-base')
    const status = async (id: string) =>
      (await stub.planStatus(id, { waitMs: 0, after: 0, limit: 1 })).plan.status
    expect([await status(waits.plan.id), await status(goes.plan.id)]).toEqual(['queued', 'running'])
  })

  it('that another one overtook and took back keeps what that one left behind', async () => {
    const stub = await workspaceStub('overtaken')
    await stub.register({ name: 'overtaken', gitRemote: REMOTE })
    await settle('overtaken')
    await stub.remove('overtaken', undefined)
    const answer = vi.mocked(fetch).getMockImplementation()
    await runInDurableObject(await objectOf('overtaken'), async (_, state) => {
      const core = createCore(state, env)
      const leftover = {
        name: 'theirs',
        id: 'vm-9',
        orgoWorkspaceId: null,
        dueAtMs: Date.now() + 1e6,
        untilMs: 9e15,
      }
      vi.mocked(fetch).mockImplementation(async (input, init) => {
        // What a whole registration and its removal change, while the host is asked.
        if (new Request(input).url.includes('/info/refs'))
          core.store.changeWorkspace((workspace) => {
            workspace.leftovers = [leftover]
            workspace.vm.generation = 40
            workspace.revision = 50
          })
        return answer === undefined ? new Response('') : answer(input, init)
      })
      await register(core, { name: 'overtaken', gitRemote: REMOTE })
      expect(core.store.workspace()).toMatchObject({ leftovers: [leftover], vm: { generation: 41 } })
      expect(core.store.workspace()?.revision).toBeGreaterThan(50)
    })
  })

  it('of a remote that stays silent holds no plan for ever: it is paused after 30 minutes, with the reason', async () => {
    outside.gitStatus = 503
    const stub = await workspaceStub('mute')
    await stub.register({ name: 'mute', gitRemote: REMOTE })
    await settle('mute')
    await supervisor('mute', outside).sync()
    const { plan } = await stub.submit('mute', { plan: 'x' })
    await settle('mute')
    const seen = async () => (await stub.planStatus(plan.id, { waitMs: 0, after: 0, limit: 10 })).plan
    expect(await seen()).toMatchObject({ status: 'queued' })
    const object = await objectOf('mute')
    await runInDurableObject(object, async (_, state) => {
      createStore(state.storage.sql).changeWorkspace(
        (workspace) =>
          void (workspace.gitSilentSinceMs = (workspace.gitSilentSinceMs ?? Infinity) - 31 * 60_000),
      )
    })
    await runDurableObjectAlarm(object)
    expect(await seen()).toMatchObject({
      status: 'paused',
      pausedReason: 'git_refused',
      statusDetail: expect.stringContaining('did not answer for 30 minutes'),
    })
  })

  it.each([
    ['is not there', 'no-such-computer', '', 'no computer this ORGO_API_KEY can use'],
    ['holds another workspace', 'taken', '{"holds":"other"}', "not this workspace's"],
    ["holds a stranger's ~/workspace", 'taken', '{"holds":"?"}', "not this workspace's"],
  ])('of a vm_id that %s is refused and leaves nothing behind', async (_, vmId, answer, words) => {
    const name = `adopt-${String(answer.length)}`
    outside.computers.push({ id: 'taken', name: 'somebody', status: 'running' })
    outside.bash = () => ({ exit_code: 0, output: answer })
    expect(
      await refusal(name, (workspace) => workspace.register({ name, gitRemote: REMOTE, vmId })),
    ).toContain(words)
    expect(await refusal(name, (workspace) => workspace.snapshot(name))).toContain('no workspace')
  })

  it('twice with the same remote answers the same workspace and says what differs; with another it is refused', async () => {
    const { stub } = await ready('twice', outside)
    expect(await stub.register({ name: 'twice', gitRemote: REMOTE, setup: 'make' })).toMatchObject({
      existing: true,
      differs: ['setup'],
    })
    expect(
      await refusal('twice', (workspace) =>
        workspace.register({ name: 'twice', gitRemote: 'https://git.test/o/other.git' }),
      ),
    ).toContain('workspace_remove')
    expect(outside.computers).toHaveLength(1)
  })

  it('makes no second VM when the answer to the create is lost, also while the list does not show it yet', async () => {
    let lost = false
    outside.orgoFault = (method, path) => {
      if (method !== 'POST' || path !== '/computers' || lost) return null
      lost = true
      throw new TypeError('Network connection lost.')
    }
    const creates = () => outside.orgoCalls.filter(({ call }) => call === 'POST /computers').length
    const again = async () => {
      const object = await objectOf('lost')
      await runInDurableObject(
        object,
        (_, state) =>
          void state.storage.sql.exec("UPDATE workspace SET record = json_set(record, '$.retryAtMs', null)"),
      )
      await runDurableObjectAlarm(object)
    }
    const stub = await workspaceStub('lost')
    await stub.register({ name: 'lost', gitRemote: REMOTE })
    await again()
    await again()
    await again()
    expect(creates()).toBe(1)
    // Now it shows, under our name.
    const name = await runInDurableObject(
      await objectOf('lost'),
      (_, state) =>
        state.storage.sql
          .exec<{ name: string }>("SELECT json_extract(record, '$.vm.name') AS name FROM workspace")
          .one().name,
    )
    outside.computers.push({ id: crypto.randomUUID(), name, status: 'running' })
    await again()
    expect(creates()).toBe(1)
    expect((await stub.snapshot('lost')).vm.id).toBe(outside.computers[0]?.id)
  })

  it('refused by the Orgo plan is an error in plain words, and pauses what waits for it', async () => {
    outside.orgoFault = (method, path) =>
      method === 'POST' && path === '/computers'
        ? Response.json({ error: 'no room', code: 'VM_SLOT_ADDON' }, { status: 403 })
        : null
    const stub = await workspaceStub('full')
    await stub.register({ name: 'full', gitRemote: REMOTE })
    const { plan } = await stub.submit('full', { plan: 'x' })
    await settle('full')
    expect(await stub.snapshot('full')).toMatchObject({ status: 'error' })
    expect((await stub.planStatus(plan.id, { waitMs: 0, after: 0, limit: 10 })).plan).toMatchObject({
      status: 'paused',
      pausedReason: 'orgo_refused',
    })
  })
})

describe('the supervisor’s line', () => {
  it('refuses a machine that did not hear the last doorbell, and rings again', async () => {
    const { vm } = await ready('clone', outside)
    await expect(vm.sync({ nonce: 'f'.repeat(32) })).rejects.toThrow('stale_nonce')
  })

  it('refuses a clone that repeats the counter of its original', async () => {
    const { vm } = await ready('fork', outside)
    await vm.sync()
    await expect(vm.sync({ counter: 1 })).rejects.toThrow('stale_nonce')
    await expect(vm.sync({ bootId: 'another boot' })).rejects.toThrow('stale_nonce')
  })

  it('refuses the key of an older machine', async () => {
    await ready('old', outside)
    await expect(supervisor('old', outside, () => 1).sync()).rejects.toThrow('vm_replaced')
  })

  it('makes one plan of a line a person added, however often it is reported', async () => {
    const { vm } = await ready('lines', outside)
    const adopted = [{ ref: 'r1', text: 'written by hand' }]
    const [first, second] = [await vm.sync({ adopted }), await vm.sync({ adopted })]
    expect(first.adopted).toEqual(second.adopted)
    expect(first.adopted[0]).toMatchObject({ ref: 'r1', title: 'written by hand' })
  })
})

describe('an idle workspace', () => {
  it('with no open plan and no open branch makes no request and holds no alarm', async () => {
    const { stub, vm } = await ready('idle', outside)
    const { plan } = await stub.submit('idle', { plan: 'x' })
    await settle('idle')
    await vm.sync()
    await vm.sync({
      plans: [
        {
          id: plan.id,
          attempt: 1,
          status: 'ended',
          activity: 1,
          messagesTaken: 0,
          events: [],
          end: completed,
        },
      ],
    })
    const last = await vm.sync({ plans: [] })
    expect(last.nextSyncMs).toBeNull()
    await settle('idle')
    outside.orgoCalls.length = 0
    expect(
      await runInDurableObject(await objectOf('idle'), (_, state) => state.storage.getAlarm()),
    ).toBeNull()
    expect(await runDurableObjectAlarm(await objectOf('idle'))).toBe(false)
    expect(outside.orgoCalls).toEqual([])
  })
})

describe('removal', () => {
  it('cancels what is open, deletes the VM we made, and voids its key', async () => {
    const { stub, vm } = await ready('gone', outside)
    const { plan } = await stub.submit('gone', { plan: 'x' })
    await settle('gone')
    expect(await stub.remove('gone', undefined)).toEqual({ removed: true, vmDeleted: true })
    expect(outside.computers).toEqual([])
    await expect(vm.sync()).rejects.toThrow('workspace_removed')
    expect((await stub.planStatus(plan.id, { waitMs: 0, after: 0, limit: 50 })).plan).toMatchObject({
      status: 'cancelled',
      // Nobody is left to be told to stop.
      statusDetail: 'Rights revoked; its workspace was removed.',
    })
    expect(await refusal('gone', (workspace) => workspace.submit('gone', { plan: 'y' }))).toContain(
      'workspace_register',
    )
  })
})
