// What becomes of a pushed branch: recorded, merged, moved, forged (DESIGN flows 2 and 3). Real object, a played outside.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { endOutside, MAIN_HEAD, playOutside, refusal } from './support/outside.ts'
import type { Outside, supervisor } from './support/outside.ts'
import { completed, HEAD, planClaims, ready, settle } from './support/ready.ts'

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
