// What lists, looks and jumps of the clock ask of the tables: each query told from those that answer nearly the same.
import { describe, expect, it } from 'vitest'
import { createStore } from '../../../src/workspace/store/store.ts'
import { planRecord, withStore } from '../support/own-store.ts'

const line = (n: number, data?: Record<string, string>) => ({
  n,
  atMs: n,
  type: 'tool',
  text: `line ${n}`,
  ...(data === undefined ? {} : { data }),
})

it('plans with a branch that is not known to be merged come in the order they were submitted', () =>
  withStore(({ store }) => {
    store.insertPlan(planRecord('d', { mergeStatus: 'open' }), 'x')
    store.insertPlan(planRecord('b', { mergeStatus: 'merged' }), 'x')
    store.insertPlan(planRecord('c', { mergeStatus: 'none' }), 'x')
    store.insertPlan(planRecord('a', { mergeStatus: 'closed' }), 'x')
    expect(store.unmergedPlans().map(({ id }) => id)).toEqual(['d', 'a'])
  }))

it('changes of state are told in order, of that plan, by us: not lines of the VM that call themselves so', () =>
  withStore(({ store }) => {
    const add = (plan: string, type: string, data?: Record<string, number>) =>
      store.appendEvent(plan, { atMs: 1, type, text: type, ...(data === undefined ? {} : { data }) })
    add('a', 'queued')
    add('a', 'running', { attempt: 1 })
    add('b', 'running')
    add('a', 'note')
    store.takeVmEvents('a', 1, [{ n: 1, atMs: 1, type: 'completed', text: 'says the VM' }], 100)
    add('a', 'completed')
    expect(store.stateEvents('a').map(({ seq, type }) => `${seq} ${type}`)).toEqual([
      '1 queued',
      '2 running',
      '5 completed',
    ])
  }))

it('notifications due later than that are due now, the others when they were', () =>
  withStore(({ store, sql }) => {
    for (const due of [10, 20, 21, 90]) store.addNotification(`n${due}`, 'body', due)
    store.hurryNotifications(20, 5)
    expect(sql.exec('SELECT id, due FROM notifications ORDER BY id').toArray()).toEqual([
      { id: 'n10', due: 10 },
      { id: 'n20', due: 20 },
      { id: 'n21', due: 5 },
      { id: 'n90', due: 5 },
    ])
    store.hurryNotifications(20, 5) // none is left
    expect(store.nextNotificationMs()).toBe(5)
  }))

it("data of a VM's line is kept up to 16,000 characters, and of longer its length", () =>
  withStore(({ store }) => {
    const around = JSON.stringify({ x: '' }).length
    store.takeVmEvents('a', 1, [line(1, { x: 'y'.repeat(16_000 - around) })], 100)
    store.takeVmEvents('a', 1, [line(2, { x: 'y'.repeat(16_001 - around) })], 100)
    const [kept, left] = store.events('a', 0, 2)
    expect(JSON.stringify(kept?.data)).toHaveLength(16_000 + ',"attempt":1,"n":1'.length)
    expect(left?.data).toEqual({ data_left_out: '16001 characters', attempt: 1, n: 2 })
  }))

it('what came past the cap is known by plan and attempt', () =>
  withStore(({ store, sql }) => {
    store.takeVmEvents(
      'a',
      1,
      Array.from({ length: 1_002 }, (_, at) => line(at + 1)),
      100,
    )
    const anew = createStore(sql)
    expect([anew.lastVmEvent('a', 1), anew.lastVmEvent('a', 2), anew.lastVmEvent('b', 1)]).toEqual([
      1_002, 0, 0,
    ])
  }))

it('lines told by a clock that was ahead are due when they would have been', () =>
  withStore(({ store }) => {
    store.toTell('events', 'a', 1)
    store.noteTold(9_000_000)
    store.toldBy(1_000_000)
    expect([store.linesAreDue(1_044_999), store.linesAreDue(1_045_000), store.linesLatestMs()]).toEqual([
      false,
      true,
      1_075_000,
    ])
    store.toldBy(2_000_000)
    expect(store.linesLatestMs()).toBe(1_075_000)
  }))

describe('a lease of a newer version', () => {
  it.each(['kind', 'state'])('(by its %s) is none, also by its id', (field) =>
    withStore(({ store, sql }) => {
      const lease = { id: 'l1', plan: 'a', attempt: 1, kind: 'model' as const, state: 'open' as const }
      store.saveLease({ ...lease, deadlineMs: 5, worstCaseUsd: 1, commands: [] })
      sql.exec(`UPDATE leases SET record = json_set(record, '$.${field}', 'newer')`)
      expect([store.lease('l1'), store.leases()]).toEqual([null, []])
    }),
  )
})
