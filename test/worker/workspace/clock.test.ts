// The clock of the object jumps: an hour ahead, a minute back, and ahead and back again. Its work goes on; nothing is done twice.
// (Jumps at random moments of every state: test/chaos. Of the VM's clock: test/faults.)
import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { verifyVmToken } from '../../../src/auth/vm-token.ts'
import { settleClock } from '../../../src/workspace/core/clock.ts'
import { createCore } from '../../../src/workspace/core/core.ts'
import type { Core } from '../../../src/workspace/core/core.ts'
import { nextWakeMs } from '../../../src/workspace/core/next-wake.ts'
import { onAlarm } from '../../../src/workspace/reconcile.ts'
import { authorize } from '../../../src/workspace/leases/leases.ts'
import { findStuck } from '../../../src/workspace/health/stuck.ts'
import { vmSync } from '../../../src/workspace/machine/sync.ts'
import { CANARIES } from '../setup/options.ts'
import { endOutside, objectOf, playOutside } from '../support/outside.ts'
import type { Outside } from '../support/outside.ts'
import { planClaims, ready, settle } from '../support/ready.ts'

const [MINUTE_MS, HOUR_MS] = [60_000, 3_600_000]
const down = { prepare: () => ({ bind: () => ({}) }), batch: () => Promise.reject(new Error('D1 is down')) }
let outside: Outside
beforeEach(() => {
  outside = playOutside()
})
afterEach(endOutside)

interface Skewed {
  core: Core
  /** How far the object's clock is off from now on. */
  skew: (ms: number) => void
  sync: (counter: number) => ReturnType<typeof vmSync>
}

/** A running plan, and its object with a clock of ours. */
async function running(name: string, play: (skewed: Skewed, planId: string) => Promise<void>, db?: object) {
  const { stub, vm } = await ready(name, outside)
  const { plan } = await stub.submit(name, { plan: 'x' })
  await settle(name)
  await vm.sync()
  await runInDurableObject(await objectOf(name), async (_, state) => {
    await state.storage.setAlarm(Date.now() + HOUR_MS)
    let skewMs = 0
    const core = createCore(state, Object.assign({ ...env }, db === undefined ? {} : { DB: db }))
    core.now = () => Date.now() + skewMs
    // Alarms are rung by hand.
    core.poke = () => core.setAlarm(Date.now() + MINUTE_MS)
    const sync: Skewed['sync'] = (counter) =>
      vmSync(
        core,
        { kind: 'vm', workspace: name, generation: 2 },
        {
          protocol: 1,
          nonce: vm.heard(),
          bootId: 'boot-1',
          counter,
          agentSha256: 'x',
          canAddUsers: true,
          revision: 0,
          plans: [
            { id: plan.id, attempt: 1, status: 'running', activity: counter, messagesTaken: 0, events: [] },
          ],
          wantTexts: [],
          adopted: [],
        },
        'x',
      )
    await play({ core, skew: (ms) => void (skewMs = ms), sync }, plan.id)
  })
}

const tokenIn = (answer: Awaited<ReturnType<typeof vmSync>>): string =>
  (answer.ok ? answer.response.plans[0]?.planToken : undefined) ?? ''

describe('a clock that jumps', () => {
  it('an hour ahead leaves the plan running, gives it a token that holds, and charges an open call once', async () => {
    await running('ahead', async ({ core, skew, sync }, id) => {
      const old = tokenIn(await sync(11))
      const opened = await authorize(core, planClaims('ahead', id), { kind: 'model', worstCaseUsd: 2 })
      expect(opened.ok).toBe(true)
      skew(HOUR_MS)
      expect(await verifyVmToken(CANARIES.TOKEN_KEY, old, core.now())).toBe('expired')
      await onAlarm(core)
      await onAlarm(core)
      expect(core.store.plan(id)).toMatchObject({ status: 'running', attempt: 1, spentUsd: 2 })
      const fresh = await verifyVmToken(CANARIES.TOKEN_KEY, tokenIn(await sync(12)), core.now())
      expect(fresh).toMatchObject({ plan: id, attempt: 1 })
      expect(await authorize(core, planClaims('ahead', id), { kind: 'git_read' })).toMatchObject({ ok: true })
      expect(await findStuck(core, 'ahead')).toEqual([])
    })
  })

  it('a minute back keeps token, rights and plan, and looks again within two minutes', async () => {
    await running('back', async ({ core, skew, sync }, id) => {
      const token = tokenIn(await sync(11))
      const opened = await authorize(core, planClaims('back', id), { kind: 'git_read' })
      skew(-MINUTE_MS)
      await onAlarm(core)
      expect(await verifyVmToken(CANARIES.TOKEN_KEY, token, core.now())).toMatchObject({ plan: id })
      expect(core.store.lease(opened.ok ? opened.leaseId : '')?.state).toBe('open')
      expect(core.store.plan(id)).toMatchObject({ status: 'running', attempt: 1 })
      expect((await sync(12)).ok).toBe(true)
      expect((nextWakeMs(core.store, core.now()) ?? Infinity) - core.now()).toBeLessThan(2 * MINUTE_MS)
    })
  })

  it('an hour ahead and back again: what was put off in between is not put off by an hour', async () => {
    outside.orgoFault = (_, path) =>
      path.endsWith('/bash') && outside.refs['orgo-is-down'] !== undefined
        ? Response.json({ error: 'x' }, { status: 503 })
        : null
    const play = async ({ core, skew }: Skewed, id: string) => {
      // Ahead: D1 and Orgo fail, and both are to be tried again soon - by that clock.
      outside.refs['orgo-is-down'] = 'yes'
      skew(HOUR_MS)
      core.store.changeWorkspace(({ supervisor }) => void (supervisor.ringWanted = true))
      core.store.appendEvent(id, { atMs: core.now(), type: 'x', text: 'x' })
      await onAlarm(core)
      const ahead = core.store.workspace()
      expect(ahead?.retryAtMs).toBeGreaterThan(Date.now() + HOUR_MS - MINUTE_MS)
      expect(ahead?.outboxRetryAtMs).toBeGreaterThan(Date.now() + HOUR_MS - MINUTE_MS)
      delete outside.refs['orgo-is-down']
      outside.orgoCalls.length = 0
      skew(0)
      // Doctor sees it, and the next ring puts it right.
      expect(await findStuck(core, 'there')).toMatchObject([
        { detail: expect.stringContaining('set only for') },
      ])
      await onAlarm(core)
      expect(outside.orgoCalls.filter(({ command }) => command.includes('doorbell'))).toHaveLength(1)
      expect(core.store.workspace()?.outboxRetries).toBe(2)
      expect(core.store.workspace()?.retryAtMs).toBeLessThanOrEqual(Date.now())
      expect((await core.armedMs()) ?? Infinity).toBeLessThan(Date.now() + 2 * MINUTE_MS)
    }
    await running('there', play, down)
  })

  it('leaves no time behind that is further ahead than any is ever set, and touches no other', async () => {
    await running('times', async ({ core }, id) => {
      const now = Date.now()
      core.now = () => now
      const leftover = (name: string, dueAtMs: number) => ({
        name,
        id: name,
        orgoWorkspaceId: null,
        dueAtMs,
        untilMs: 9e15,
      })
      const set = (atMs: number, hourly: number) => {
        core.store.changeWorkspace((workspace) => {
          Object.assign(workspace, { retryAtMs: atMs, outboxRetryAtMs: atMs, gitSilentSinceMs: atMs })
          workspace.leftovers = [leftover('soon', atMs), leftover('hourly', hourly)]
          Object.assign(workspace.vm, { missingSinceMs: atMs })
          Object.assign(workspace.supervisor, { lastRingAtMs: atMs, lastHeardAtMs: atMs })
        })
        const plan = core.store.plan(id)
        if (plan !== null) core.store.savePlan({ ...plan, openPrAtMs: atMs })
        core.store.addNotification(`n ${atMs}`, '{}', atMs)
        core.store.noteTold(atMs)
      }
      const times = () => {
        const { retryAtMs, outboxRetryAtMs, gitSilentSinceMs, leftovers, vm, supervisor } =
          core.store.workspace() ?? {}
        return [
          retryAtMs,
          outboxRetryAtMs,
          gitSilentSinceMs,
          vm?.missingSinceMs,
          supervisor?.lastRingAtMs,
          supervisor?.lastHeardAtMs,
          core.store.plan(id)?.openPrAtMs,
          core.store.nextNotificationMs(),
          leftovers?.[0]?.dueAtMs,
          leftovers?.[1]?.dueAtMs,
          core.store.linesLatestMs() - 75_000,
        ]
      }
      set(now + 2 * HOUR_MS, now + HOUR_MS)
      await settleClock(core)
      const [ring, ...others] = [times()[4], ...times().toSpliced(4, 1)]
      expect(ring).toBeNull()
      expect(others).toEqual([now, now, now, now, now, now, now, now, now + HOUR_MS, now])
      const before = times()
      await settleClock(core)
      expect(times()).toEqual(before)
    })
  })
})
