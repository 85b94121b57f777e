// What becomes of a pushed branch: recorded, merged, moved, forged (flows 2 and 3 of docs/architecture.md). Real object, a played outside.
import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createCore } from '../../../src/workspace/core/core.ts'
import { checkMerges, record } from '../../../src/workspace/plans/merges.ts'
import { endOutside, MAIN_HEAD, objectOf, playOutside, refusal } from '../support/outside.ts'
import type { Outside, supervisor } from '../support/outside.ts'
import { completed, HEAD, planClaims, ready, settle } from '../support/ready.ts'

let outside: Outside
beforeEach(() => {
  outside = playOutside()
})
afterEach(endOutside)

describe('pushes and merges', () => {
  async function pushed(name: string) {
    const { stub, vm } = await ready(name, outside)
    const { plan } = await stub.submit(name, { plan: 'x' })
    await settle(name)
    await vm.sync()
    const claims = planClaims(name, plan.id)
    const ref = `refs/heads/${plan.branch}`
    const command = { oldId: '0'.repeat(40), newId: HEAD, ref }
    const lease = await stub.authorize(claims, { kind: 'git_push', commands: [command] })
    if (!lease.ok) throw new Error(lease.reason)
    return { stub, vm, plan, claims, ref, lease, command }
  }
  const end = (vm: ReturnType<typeof supervisor>, id: string) =>
    vm.sync({
      plans: [{ id, attempt: 1, status: 'ended', activity: 2, messagesTaken: 0, events: [], end: completed }],
    })

  it('a push is recorded from the gateway and opens the merge watch', async () => {
    const { stub, plan, lease, ref } = await pushed('push')
    await stub.settle(lease.leaseId, { kind: 'pushed', updated: [{ ref, newId: HEAD }] })
    expect((await stub.planStatus(plan.id, { waitMs: 0, after: 0, limit: 50 })).plan).toMatchObject({
      pushedHead: HEAD,
      mergeStatus: 'open',
    })
  })

  it('a push whose answer was lost is looked up before the next one is judged', async () => {
    const { stub, plan, claims, lease, ref } = await pushed('unknown')
    outside.refs[ref] = HEAD
    await stub.settle(lease.leaseId, { kind: 'unknown' })
    expect(
      await stub.authorize(claims, { kind: 'git_push', commands: [{ oldId: HEAD, newId: MAIN_HEAD, ref }] }),
    ).toMatchObject({ ok: true })
    expect((await stub.planStatus(plan.id, { waitMs: 0, after: 0, limit: 50 })).plan.pushedHead).toBe(HEAD)
  })

  it.each(['pull request', 'reachable'])(
    'a branch merged by %s is merged, deleted where we left it, and forgotten on the VM',
    async (way) => {
      const name = `merged-${way.slice(0, 4)}`
      const { stub, vm, plan, lease, ref } = await pushed(name)
      outside.refs[ref] = HEAD
      await stub.settle(lease.leaseId, { kind: 'pushed', updated: [{ ref, newId: HEAD }] })
      await end(vm, plan.id)
      if (way === 'reachable') outside.reachable.add(HEAD)
      else outside.pulls.push({ head: plan.branch, headSha: HEAD, merged: true, state: 'closed' })
      await stub.record([{ kind: 'base_pushed', branch: 'main', deliveryId: crypto.randomUUID() }])
      await settle(name)
      expect((await stub.planStatus(plan.id, { waitMs: 0, after: 0, limit: 50 })).plan.mergeStatus).toBe(
        'merged',
      )
      expect(outside.deletedRefs).toContain(ref)
      expect((await vm.sync({ plans: [] })).plans[0]).toMatchObject({
        want: 'forget',
        removeCheckout: true,
        final: true,
      })
      await vm.sync({ plans: [] })
      expect(await refusal(name, (workspace) => workspace.resume(plan.id, 100))).toContain('merged')
    },
  )

  it.each([
    ['the same remote', 'https://git.test/o/r.git', 'merged'],
    ['another remote', 'https://git.test/o/other.git', 'unknown'],
  ])(
    'a branch of a workspace that was removed and registered anew with %s is looked after again, or said to be unknown',
    async (_, gitRemote, status) => {
      const name = `anew-${status}`
      const { stub, vm, plan, lease, ref } = await pushed(name)
      outside.refs[ref] = HEAD
      await stub.settle(lease.leaseId, { kind: 'pushed', updated: [{ ref, newId: HEAD }] })
      await end(vm, plan.id)
      await stub.remove(name, undefined)
      await settle(name)
      outside.pulls.push({ head: plan.branch, headSha: HEAD, merged: true, state: 'closed' })
      await stub.register({ name, gitRemote })
      await settle(name)
      const { plan: seen, events } = await stub.planStatus(plan.id, { waitMs: 0, after: 0, limit: 50 })
      expect(seen.mergeStatus).toBe(status)
      expect(events.map(({ type }) => type)).toContain(status)
    },
  )

  it('a merge that is told while an earlier look waits for the host is looked at again, not in an hour', async () => {
    const { stub, vm, plan, lease, ref } = await pushed('meanwhile')
    outside.refs[ref] = HEAD
    await stub.settle(lease.leaseId, { kind: 'pushed', updated: [{ ref, newId: HEAD }] })
    await end(vm, plan.id)
    await settle('meanwhile')
    const known = vi.mocked(fetch).getMockImplementation()
    if (known === undefined) throw new Error('the outside is not played')
    await runInDurableObject(await objectOf('meanwhile'), async (_, state) => {
      const core = createCore(state, env)
      const tell = () =>
        record(core, [{ kind: 'base_pushed', branch: 'main', deliveryId: crypto.randomUUID() }])
      let looks = 0
      vi.mocked(fetch).mockImplementation(async (input, init) => {
        const isLook = new Request(input, init).url.includes('/compare/')
        const answer = await known(input, init)
        if (!isLook || ++looks > 1) return answer
        // The host has answered "not merged"; before that arrives the merge happens, and its webhook is heard.
        outside.reachable.add(HEAD)
        await tell()
        return answer
      })
      await tell()
      await checkMerges(core)
      expect(core.store.plan(plan.id)?.mergeStatus).toBe('open')
      await checkMerges(core)
      expect(looks).toBe(2)
      expect(core.store.plan(plan.id)?.mergeStatus).toBe('merged')
    })
  })

  it('a branch somebody moved is merged by its recorded head, and left in place', async () => {
    const { stub, vm, plan, lease, ref } = await pushed('moved')
    outside.refs[ref] = MAIN_HEAD
    await stub.settle(lease.leaseId, { kind: 'pushed', updated: [{ ref, newId: HEAD }] })
    await end(vm, plan.id)
    outside.reachable.add(HEAD)
    await stub.record([{ kind: 'base_pushed', branch: 'main', deliveryId: crypto.randomUUID() }])
    await settle('moved')
    expect((await stub.planStatus(plan.id, { waitMs: 0, after: 0, limit: 50 })).plan.mergeStatus).toBe(
      'merged',
    )
    expect(outside.refs[ref]).toBe(MAIN_HEAD)
  })

  it('a webhook that claims a merge the host does not confirm changes nothing', async () => {
    const { stub, vm, plan, lease, ref } = await pushed('forged')
    outside.refs[ref] = HEAD
    await stub.settle(lease.leaseId, { kind: 'pushed', updated: [{ ref, newId: HEAD }] })
    await end(vm, plan.id)
    await stub.record([{ kind: 'branch_merged_hint', branch: plan.branch, deliveryId: crypto.randomUUID() }])
    await settle('forged')
    expect((await stub.planStatus(plan.id, { waitMs: 0, after: 0, limit: 50 })).plan.mergeStatus).toBe('open')
    expect(outside.refs[ref]).toBe(HEAD)
  })
})
