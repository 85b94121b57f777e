// HISTORY_DAYS: a plan that ended so long ago is erased in the object and in D1, whatever dies in between; nothing else ever is.
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { listPlans } from '../../../src/history/query.ts'
import { createCore } from '../../../src/workspace/core/core.ts'
import { eraseOld } from '../../../src/workspace/outbox/erase.ts'
import { planExport } from '../../../src/workspace/plans/plan-record-stream.ts'
import { planStatus, resumePlan } from '../../../src/workspace/plans/plans.ts'
import { onAlarm } from '../../../src/workspace/reconcile.ts'
import { remove } from '../../../src/workspace/registration/register.ts'
import { createEraseStore } from '../../../src/workspace/store/erase-rows.ts'
import { Workspace } from '../../../src/workspace/workspace.ts'
import { DOWN, finished, inD1, inside, KEPT_MS, NOTHING } from '../support/finished.ts'
import { endOutside, playOutside } from '../support/outside.ts'
import type { Outside } from '../support/outside.ts'
import { settle } from '../support/ready.ts'

let outside: Outside
beforeEach(() => {
  outside = playOutside()
})
afterEach(endOutside)

describe('a plan that ended HISTORY_DAYS ago', { timeout: 30_000 }, () => {
  it('is kept until then, and nothing of it after', async () => {
    const { stub, plan } = await finished('old', outside)
    const { plan: young } = await stub.submit('old', { plan: 'Keep me' })
    await stub.cancel(young.id)
    await settle('old')
    await inside('old', plan.id, async ({ ring, rows, core }) => {
      const all = rows().toSorted()
      expect(all).toEqual([
        'diff_pages',
        'diffs',
        'events',
        'leases',
        'messages',
        'plans',
        'submissions',
        'texts',
      ])
      await ring(KEPT_MS - 1)
      expect(rows().toSorted()).toEqual(all)
      // Not due yet: told about is nobody any more.
      const dueAtMs = core.now() + 600_000
      core.store.addNotification('n', JSON.stringify({ plan: { id: plan.id } }), dueAtMs)
      await ring(KEPT_MS)
      expect(rows()).toEqual([])
      expect(core.store.plan(young.id)).not.toBeNull()
      expect(core.store.outboxIsEmpty()).toBe(true)
    })
    expect(await inD1(plan.id)).toEqual(NOTHING)
    expect(await inD1(young.id)).toMatchObject({ plans: 1 })
    const { snapshots } = await listPlans(env.DB, { workspace: 'old', limit: 50 })
    expect(snapshots).toMatchObject([{ id: young.id }])
  })

  it('is not there for plan_status, which says why, and its idempotency_key is free', async () => {
    const { plan } = await finished('gone', outside)
    await inside('gone', plan.id, async ({ ring, core }) => {
      await ring(KEPT_MS)
      await expect(planStatus(core, plan.id, { waitMs: 0, after: 0, limit: 1 })).rejects.toMatchObject({
        status: 404,
        message: `There is no plan ${plan.id}. Plans are erased 30 days after they ended (HISTORY_DAYS). List the plans with plan_list.`,
      })
      expect(core.store.submission('key:key')).toBeUndefined()
    })
  })

  it('is kept while its branch is open, and erased once nobody watches it', async () => {
    const { plan } = await finished('branch', outside, true)
    await inside('branch', plan.id, async ({ ring, rows, core }) => {
      core.store.dropLease('lease') // whose end the merge would wait for, on a clock that stands still
      await ring(KEPT_MS + 1)
      expect(rows()).toContain('plans')
      expect(core.store.plan(plan.id)).toMatchObject({ mergeStatus: 'open' })
      outside.reachable.add('c'.repeat(40))
      await ring(KEPT_MS + 2 * 24 * 3_600_000)
      const merged = core.store.plan(plan.id)
      expect(merged).toMatchObject({ mergeStatus: 'merged', onVm: true }) // its checkout is still to be removed
      if (merged !== null) core.store.savePlan({ ...merged, onVm: false })
      await ring(KEPT_MS + 2 * 24 * 3_600_000)
      expect(rows()).toEqual([])
    })
    expect(await inD1(plan.id)).toEqual(NOTHING)
  })

  it('is kept when it was reopened meanwhile', async () => {
    const { plan } = await finished('reopened', outside)
    await inside('reopened', plan.id, async ({ ring, rows, core }) => {
      core.now = () => Date.now() + KEPT_MS
      await resumePlan(core, plan.id, undefined)
      await ring(KEPT_MS + 1)
      expect(rows()).toContain('plans')
      expect(core.store.plan(plan.id)?.attempt).toBe(2)
    })
    expect(await inD1(plan.id)).toMatchObject({ plans: 1 })
  })

  it('is erased later when D1 is down: nothing before D1 knows all of it, and no alarm rings for nothing', async () => {
    const { plan } = await finished('down', outside)
    await inside(
      'down',
      plan.id,
      async ({ ring, rows, core, alarmMs }) => {
        core.store.appendEvent(plan.id, { atMs: 1, type: 'late', text: 'Not told yet.' })
        await ring(KEPT_MS)
        expect(rows()).toContain('events')
        expect(await alarmMs()).toBeGreaterThan(core.now())
      },
      { HISTORY_DAYS: '30', DB: DOWN },
    )
    await inside('down', plan.id, async ({ ring, rows }) => {
      await ring(KEPT_MS + 3_600_000)
      expect(rows()).toEqual([])
    })
    expect(await inD1(plan.id)).toEqual(NOTHING)
  })

  it('is erased in D1 though the object died, or D1 was down, right after it was erased here', async () => {
    const { plan } = await finished('killed', outside)
    await inside('killed', plan.id, async ({ core, rows }) => {
      core.now = () => Date.now() + KEPT_MS
      await eraseOld(core)
      expect(rows()).toEqual(['pending'])
    })
    expect(await inD1(plan.id)).toMatchObject({ plans: 1 })
    await inside(
      'killed',
      plan.id,
      async ({ ring, rows }) => {
        await ring(KEPT_MS)
        expect(rows()).toEqual(['pending'])
      },
      { HISTORY_DAYS: '30', DB: DOWN },
    )
    // Also when HISTORY_DAYS was unset meanwhile: what was begun is ended.
    await inside(
      'killed',
      plan.id,
      async ({ ring, rows, alarmMs }) => {
        await ring(KEPT_MS + 3_600_000)
        expect(rows()).toEqual([])
        expect(await alarmMs()).toBeNull()
      },
      {},
    )
    expect(await inD1(plan.id)).toEqual(NOTHING)
  })

  it('of a removed workspace is erased like any other', async () => {
    const { plan } = await finished('removed', outside)
    await inside('removed', plan.id, async ({ ring, rows, core, alarmMs }) => {
      await remove(core, 'removed', undefined)
      await ring(0)
      expect(await alarmMs()).toBe((core.store.plan(plan.id)?.finishedAtMs ?? 0) + KEPT_MS)
      await ring(KEPT_MS)
      expect(rows()).toEqual([])
      expect(await alarmMs()).toBeNull()
    })
    expect(await inD1(plan.id)).toEqual(NOTHING)
  })

  it('is erased a few at a time, the oldest first, and however many there are each look reads few rows', async () => {
    const { stub, plan } = await finished('many', outside)
    await inside('many', plan.id, async ({ core, state }) => {
      const old = core.store.plan(plan.id)
      if (old === null) throw new Error('no plan')
      const ids = Array.from({ length: 25 }, (_, index) => `${plan.id}-${index}`)
      for (const [index, id] of ids.entries()) {
        core.store.insertPlan({ ...old, id }, 'x')
        core.store.savePlan({ ...old, id, finishedAtMs: index })
      }
      let read = 0
      const counting = {
        exec(query: string, ...args: SqlStorageValue[]) {
          const cursor = state.storage.sql.exec(query, ...args)
          const found = cursor.toArray()
          read += cursor.rowsRead
          return { toArray: () => found }
        },
      }
      // The one method that is used of it.
      createEraseStore(counting as unknown as SqlStorage).finishedPlans(1)
      expect(read).toBeLessThanOrEqual(2)
      const left = () => ids.filter((id) => core.store.plan(id) !== null)
      core.now = () => KEPT_MS + 1_000
      const counts: number[] = []
      while (left().length > 0 && counts.length < 10) {
        await onAlarm(core)
        counts.push(left().length)
        expect(await state.storage.getAlarm()).not.toBeNull()
      }
      expect(counts).toEqual([15, 5, 0])
      expect(core.store.plan(plan.id)).not.toBeNull()
    })
    expect((await stub.planStatus(plan.id, { waitMs: 0, after: 0, limit: 1 })).plan.status).toBe('completed')
  })

  it('while it is exported ends that export with an error, not with a record that looks whole', async () => {
    const { plan } = await finished('exported', outside)
    await inside('exported', plan.id, async ({ core, ring }) => {
      for (let n = 0; n < 500; n++) core.store.appendEvent(plan.id, { atMs: 1, type: 'say', text: 'x' })
      const reader = planExport(core, plan.id).getReader()
      expect((await reader.read()).done).toBe(false)
      await ring(KEPT_MS)
      await expect(
        (async () => {
          while (!(await reader.read()).done);
        })(),
      ).rejects.toThrow('erased')
    })
  })
})

describe('the alarm of an idle workspace', { timeout: 30_000 }, () => {
  it('is none while HISTORY_DAYS is unset, and that of the next plan to erase when it is set', async () => {
    const { plan } = await finished('idle', outside)
    await inside('idle', plan.id, async ({ ring, alarmMs, core, state }) => {
      state.storage.sql.exec('DELETE FROM leases')
      state.storage.sql.exec('DELETE FROM notifications')
      const due = (core.store.plan(plan.id)?.finishedAtMs ?? 0) + KEPT_MS
      await onAlarm(createCore(state, env))
      expect(await alarmMs()).toBeNull()
      await ring(1_000)
      expect(await alarmMs()).toBe(due)
    })
  })

  it('is armed at the first contact after HISTORY_DAYS was set, and moves no earlier one', async () => {
    const { plan } = await finished('woken', outside)
    await inside('woken', plan.id, async ({ alarmMs, core, state }) => {
      const due = (core.store.plan(plan.id)?.finishedAtMs ?? 0) + KEPT_MS
      const contact = async (settings: Record<string, unknown>, beforeMs: number | null) => {
        await core.setAlarm(beforeMs)
        const workspace = new Workspace(state, { ...env, ...settings })
        await workspace.planText(plan.id)
        await state.blockConcurrencyWhile(async () => {})
        return alarmMs()
      }
      const soon = Date.now() + 60_000
      expect(await contact({}, null)).toBeNull()
      expect(await contact({ HISTORY_DAYS: '30' }, null)).toBe(due)
      expect(await contact({ HISTORY_DAYS: '30' }, soon)).toBe(soon)
      expect(await contact({ HISTORY_DAYS: 'soon' }, null)).toBeNull()
    })
  })
})
