// What the simulator (test/chaos) found in the engine, each as a small test by name.
import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createOrgo } from '../../../src/orgo/orgo.ts'
import type { Vm } from '../../../src/orgo/vm.ts'
import { createCore } from '../../../src/workspace/core/core.ts'
import { checkMerges } from '../../../src/workspace/plans/merges.ts'
import type { PlanRecord, VmRecord } from '../../../src/workspace/records/records.ts'
import { createStore } from '../../../src/workspace/store/store.ts'
import { climb } from '../../../src/workspace/machine/provision.ts'
import { endOutside, objectOf, playOutside, workspaceStub } from '../support/outside.ts'
import type { Outside } from '../support/outside.ts'
import { HEAD, ready, REMOTE, settle } from '../support/ready.ts'

let outside: Outside
beforeEach(() => {
  outside = playOutside()
})
afterEach(endOutside)

const creates = () => outside.orgoCalls.filter(({ call }) => call === 'POST /computers').length
const refused = () => Response.json({ error: 'Unprocessable' }, { status: 422 })

/** Makes everything due, and rings. */
async function ring(name: string, change: Partial<VmRecord> = {}): Promise<void> {
  const object = await objectOf(name)
  await runInDurableObject(object, async (_, state) => {
    createStore(state.storage.sql).changeWorkspace((workspace) => {
      workspace.retryAtMs = null
      for (const leftover of workspace.leftovers) leftover.dueAtMs = 0
      Object.assign(workspace.vm, change)
    })
    await state.storage.setAlarm(Date.now() + 60_000)
  })
  await runDurableObjectAlarm(object)
}

async function vmOf(name: string): Promise<VmRecord | undefined> {
  return runInDurableObject(
    await objectOf(name),
    (_, state) => createStore(state.storage.sql).workspace()?.vm,
  )
}

describe('a workspace in error', () => {
  it('is tried again for a plan that is submitted to it, instead of holding it for ever', async () => {
    outside.orgoFault = (method, path) => (method === 'POST' && path === '/computers' ? refused() : null)
    const stub = await workspaceStub('retry')
    await stub.register({ name: 'retry', gitRemote: REMOTE })
    await settle('retry')
    expect(await stub.snapshot('retry')).toMatchObject({ status: 'error' })
    outside.orgoFault = () => null
    await stub.submit('retry', { plan: 'x' })
    expect(await stub.snapshot('retry')).toMatchObject({ status: 'provisioning' })
    await settle('retry')
    expect(outside.computers).toHaveLength(1)
  })
})

describe('a plan that ends while the git host is asked about another', () => {
  it('stays ended: the copy read before is not written back', async () => {
    const { stub, vm } = await ready('stale', outside)
    const ids: string[] = []
    for (const plan of ['x', 'y']) ids.push((await stub.submit('stale', { plan })).plan.id)
    await settle('stale')
    await vm.sync()
    await runInDurableObject(await objectOf('stale'), async (_, state) => {
      const core = createCore(state, env)
      const change = (id: string, over: Partial<PlanRecord>) => {
        const plan = core.store.plan(id)
        if (plan !== null) core.store.savePlan({ ...plan, ...over })
      }
      for (const id of ids) change(id, { pushedHead: HEAD, mergeStatus: 'open', mergeCheckAtMs: 0 })
      const answer = vi.mocked(fetch).getMockImplementation()
      let asked = 0
      vi.mocked(fetch).mockImplementation(async (input, init) => {
        // Once, about the first: a second time would put right what was written over it.
        if (asked++ === 0) change(ids[1] ?? '', { status: 'completed' })
        return answer === undefined ? new Response('') : answer(input, init)
      })
      await checkMerges(core)
      expect(core.store.plan(ids[1] ?? '')?.status).toBe('completed')
    })
  })
})

describe('a page with status 200 in place of an answer of Orgo', () => {
  it('is no deletion', async () => {
    const { stub } = await ready('page', outside)
    outside.orgoFault = (method) => (method === 'DELETE' ? new Response('<html>One moment</html>') : null)
    expect(await stub.remove('page', undefined)).toEqual({ removed: true, vmDeleted: false })
    outside.orgoFault = () => null
    await ring('page')
    expect(outside.computers).toEqual([])
  })
})

describe('a workspace in error whose machine is well', () => {
  it('is ready again when it is registered again, though nothing is open there', async () => {
    const { stub, vm } = await ready('well', outside)
    await runInDurableObject(await objectOf('well'), (_, state) => {
      createStore(state.storage.sql).changeWorkspace((workspace) => void (workspace.status = 'error'))
    })
    outside.orgoCalls.length = 0
    await stub.register({ name: 'well', gitRemote: REMOTE })
    await ring('well')
    expect(outside.orgoCalls.map(({ command }) => command)).toContainEqual(
      expect.stringContaining('doorbell'),
    )
    await vm.sync()
    expect(await stub.snapshot('well')).toMatchObject({ status: 'ready' })
  })

  it('is not put there by a bell without a nonce, when it is heard while its bootstrap is looked at', async () => {
    const { stub, vm } = await ready('heard-booting', outside)
    await runInDurableObject(await objectOf('heard-booting'), async (_, state) => {
      const core = createCore(state, env)
      core.store.changeWorkspace(({ vm: machine }) =>
        Object.assign(machine, { step: 'booting', bootSentAtMs: Date.now() - 60_000 }),
      )
      const orgo = createOrgo({ apiUrl: 'https://orgo.test/api', apiKey: 'k' })
      const exec = async (id: string, command: string, timeoutMs: number) => {
        core.store.changeWorkspace(({ vm: machine }) => void (machine.step = 'ready')) // its sync comes in now
        expect(command).not.toContain('ralph" doorbell')
        return { ...(await orgo.exec(id, command, timeoutMs)), output: '{"step":"done","error":null}' }
      }
      expect(await climb(core, { ...orgo, exec })).toBe(0)
    })
    await vm.sync()
    expect(await stub.snapshot('heard-booting')).toMatchObject({ status: 'ready' })
  })
})

describe("another account's key", () => {
  const elsewhere = (method: string, path: string): Response | null => {
    if (path === '/workspaces') return Response.json({ workspaces: [{ id: 'ws-2', name: 'agent-runtime' }] })
    if (path === '/workspaces/ws-2') return Response.json({ id: 'ws-2', desktops: [] })
    return method !== 'POST' || path.endsWith('/bash')
      ? Response.json({ error: 'Computer not found' }, { status: 404 })
      : null
  }

  it('makes no machine look lost, and the same machine goes on when the right key is back', async () => {
    const { stub, vm } = await ready('wrong-key', outside)
    const { plan } = await stub.submit('wrong-key', { plan: 'x' })
    await settle('wrong-key')
    await vm.sync()
    const before = await vmOf('wrong-key')
    outside.orgoFault = elsewhere
    await ring('wrong-key', { step: 'known' })
    await ring('wrong-key', { missingSinceMs: Date.now() - 61_000 })
    expect(await stub.snapshot('wrong-key')).toMatchObject({
      status: 'error',
      statusDetail: expect.stringContaining("another account's key"),
    })
    expect(creates()).toBe(1)
    outside.orgoFault = () => null
    await stub.resume(plan.id, undefined)
    await settle('wrong-key')
    expect(await vmOf('wrong-key')).toMatchObject({ id: before?.id })
    expect(creates()).toBe(1)
  })

  it.each([
    ["another account's", elsewhere],
    ['a refused', () => Response.json({ error: 'Invalid API key' }, { status: 401 })],
  ])('with %s key a removed workspace keeps after its machine until it is deleted', async (which, fault) => {
    const name = `kept-${which.length}`
    const { stub } = await ready(name, outside)
    outside.orgoFault = fault
    expect(await stub.remove(name, undefined)).toEqual({ removed: true, vmDeleted: false })
    await ring(name)
    expect(await stub.snapshot(name)).toMatchObject({
      status: 'removed',
      statusDetail: expect.stringContaining('ORGO_API_KEY'),
    })
    outside.orgoFault = () => null
    await ring(name)
    expect(outside.computers).toEqual([])
    expect(await stub.snapshot(name)).toMatchObject({ statusDetail: 'Removed.', vm: { status: 'deleted' } })
    const alarmMs = await runInDurableObject(await objectOf(name), (_, state) => state.storage.getAlarm())
    expect(alarmMs).toBeNull()
  })

  it('is told from a machine that is gone: that one is replaced', async () => {
    await ready('gone', outside)
    outside.computers.length = 0
    const stub = await workspaceStub('gone')
    await stub.submit('gone', { plan: 'x' })
    await ring('gone', { step: 'known' })
    await ring('gone', { missingSinceMs: Date.now() - 61_000 })
    await settle('gone')
    expect(creates()).toBe(2)
  })
})

describe('a machine', () => {
  it('that is heard while Orgo says how it is keeps its key', async () => {
    await ready('heard', outside)
    const before = await vmOf('heard')
    await runInDurableObject(await objectOf('heard'), async (_, state) => {
      const core = createCore(state, env)
      const step = (to: VmRecord['step']) =>
        core.store.changeWorkspace((workspace) => void (workspace.vm.step = to))
      step('known')
      const get = async (id: string): Promise<Vm> => {
        step('ready') // its sync comes in now
        return { id, name: '', state: 'running', url: null, instanceId: null, workspaceId: null }
      }
      await climb(core, { ...createOrgo({ apiUrl: 'https://orgo.test/api', apiKey: 'k' }), get })
    })
    expect(await vmOf('heard')).toMatchObject({ step: 'ready', generation: before?.generation })
  })

  it('that is prepared, and whose supervisor died before it was heard, is woken by the bell', async () => {
    outside.bash = (command) => ({
      exit_code: 0,
      output: command.includes('ralph" doorbell')
        ? '{"ralph":1,"bootId":"b","counter":1,"agentSha256":"x","supervisor":"started"}'
        : '{"step":"done","error":null}',
    })
    const stub = await workspaceStub('died')
    await stub.register({ name: 'died', gitRemote: REMOTE })
    await settle('died')
    outside.orgoCalls.length = 0
    await ring('died', { bootSentAtMs: Date.now() - 60_000 })
    expect(outside.orgoCalls.some(({ command }) => command.includes('ralph" doorbell'))).toBe(true)
  })

  it('whose creation was under way when its workspace was removed is found by its name and deleted', async () => {
    let lost = false
    outside.orgoFault = (method, path) => {
      if (method !== 'POST' || path !== '/computers' || lost) return null
      lost = true
      throw new TypeError('Network connection lost.')
    }
    const stub = await workspaceStub('late')
    await stub.register({ name: 'late', gitRemote: REMOTE })
    await ring('late')
    expect(lost).toBe(true)
    const made = { id: crypto.randomUUID(), name: (await vmOf('late'))?.name ?? '', status: 'running' }
    await stub.remove('late', undefined)
    outside.computers.push(made)
    await ring('late')
    expect(outside.computers).toEqual([])
    expect(creates()).toBe(1)
  })

  it('that could not be deleted is not forgotten when its workspace is registered anew', async () => {
    const { stub } = await ready('anew', outside)
    const old = outside.computers[0]?.id
    outside.orgoFault = (method) =>
      method === 'DELETE' ? Response.json({ error: 'x' }, { status: 503 }) : null
    expect(await stub.remove('anew', undefined)).toMatchObject({ vmDeleted: false })
    await stub.register({ name: 'anew', gitRemote: REMOTE })
    outside.orgoFault = () => null
    await ring('anew')
    await settle('anew')
    expect(outside.computers.map(({ id }) => id)).not.toContain(old)
    expect(outside.computers).toHaveLength(1)
  })
})
