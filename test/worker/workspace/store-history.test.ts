// The tables that only grow, method by method: events and their numbers, the outbox, notifications and deliveries.
import { describe, expect, it } from 'vitest'
import { createStore } from '../../../src/workspace/store/store.ts'
import { planRecord, withStore } from '../support/own-store.ts'

const event = (text: string, atMs = 1) => ({ atMs, type: 'note', text })
const line = (n: number, atMs = n) => ({ n, atMs, type: 'tool', text: `line ${n}` })

describe('an event', () => {
  it('gets the next number of its plan, and is read back in order, from a number on', () =>
    withStore(({ store }) => {
      expect(['x', 'y', 'z'].map((text) => store.appendEvent('a', event(text)))).toEqual([1, 2, 3])
      expect(store.appendEvent('b', event('other'))).toBe(1)
      expect(store.events('a', 0, 50)).toEqual(
        ['x', 'y', 'z'].map((text, at) => ({ seq: at + 1, ...event(text) })),
      )
      expect(store.events('a', 1, 1)).toEqual([{ seq: 2, ...event('y') }])
      expect([store.newestEvent('a'), store.newestEvent('b'), store.newestEvent('c')]).toEqual([3, 1, 0])
    }))
  it('is found by its number, or not at all', () =>
    withStore(({ store }) => {
      for (const text of ['x', 'y']) store.appendEvent('a', event(text))
      expect(store.event('a', 2)).toEqual({ seq: 2, ...event('y') })
      expect([store.event('a', 3), store.event('a', 0)]).toEqual([undefined, undefined])
    }))
  it('keeps its data, and no secret in either', () =>
    withStore(({ store }) => {
      const secret = `ghp_${'x'.repeat(36)}`
      store.appendEvent('a', { ...event(`token ${secret}`), data: { attempt: 2, output: secret } })
      const [kept] = store.events('a', 0, 1)
      expect(kept?.data).toMatchObject({ attempt: 2 })
      expect(JSON.stringify(kept)).not.toContain(secret)
      expect(JSON.stringify(kept)).toContain('token ')
    }))
  it('is put into the outbox, in one row of its plan that stays at the first not yet told', () =>
    withStore(({ store, outbox }) => {
      for (const plan of ['a', 'a', 'b', 'a']) store.appendEvent(plan, event('x'))
      expect(outbox()).toEqual(['events a 1', 'events b 1'])
      store.toldEventsBefore('a', 3)
      store.appendEvent('a', event('y'))
      expect(outbox()).toEqual(['events a 3', 'events b 1'])
      store.told({ kind: 'events', plan: 'a' })
      store.appendEvent('a', event('z'))
      expect(outbox()).toEqual(['events a 5', 'events b 1'])
    }))
})

describe("a VM's lines", () => {
  const texts = (own: { events: (plan: string, after: number, limit: number) => { text: string }[] }) =>
    own.events('a', 0, 5_000).map(({ text }) => text)
  it('are taken once each, in order, whatever order they come in', () =>
    withStore(({ store }) => {
      expect(store.takeVmEvents('a', 1, [line(3), line(1), line(2)], 100)).toBe(3)
      expect(store.takeVmEvents('a', 1, [line(2), line(3), line(4)], 100)).toBe(4)
      expect(store.takeVmEvents('a', 1, [line(4)], 100)).toBe(4)
      expect(texts(store)).toEqual(['line 1', 'line 2', 'line 3', 'line 4'])
      expect(store.lastVmEvent('a', 1)).toBe(4)
    }))
  it('are counted per plan and attempt', () =>
    withStore(({ store }) => {
      store.takeVmEvents('a', 1, [line(1), line(2)], 100)
      expect(store.takeVmEvents('a', 2, [line(1)], 100)).toBe(1)
      expect(store.takeVmEvents('b', 1, [line(1)], 100)).toBe(1)
      expect([store.lastVmEvent('a', 1), store.lastVmEvent('a', 2), store.lastVmEvent('b', 2)]).toEqual([
        2, 1, 0,
      ])
      expect(texts(store)).toEqual(['line 1', 'line 2', 'line 1'])
    }))
  it('carry attempt and number, whatever they say themselves, and a time that is not in the future', () =>
    withStore(({ store }) => {
      const data = { attempt: 1, n: 9, more: true }
      store.takeVmEvents('a', 7, [{ ...line(1, 50), data }, line(2, 900)], 100)
      expect(store.events('a', 0, 9)).toEqual([
        { seq: 1, atMs: 50, type: 'tool', text: 'line 1', data: { attempt: 7, n: 1, more: true } },
        { seq: 2, atMs: 100, type: 'tool', text: 'line 2', data: { attempt: 7, n: 2 } },
      ])
    }))
  it('that are no news write nothing, and those below the cap nothing but themselves', () =>
    withStore(({ store, sql, outbox }) => {
      expect(store.takeVmEvents('a', 1, [], 100)).toBe(0)
      expect([store.newestEvent('a'), outbox()]).toEqual([0, []])
      store.takeVmEvents('a', 1, [line(1), line(2)], 100)
      store.takeVmEvents('a', 1, [line(2)], 100)
      expect([store.newestEvent('a'), outbox()]).toEqual([2, ['events a 1']])
      expect(sql.exec('SELECT * FROM event_sources').toArray()).toEqual([])
    }))
  it('are known by a new object from the lines themselves, not from other events', () =>
    withStore(({ store, sql }) => {
      store.takeVmEvents('a', 1, [line(1), line(5)], 100)
      store.takeVmEvents('a', 2, [line(8)], 100)
      store.takeVmEvents('b', 1, [line(9)], 100)
      store.appendEvent('a', { ...event('ours'), data: { attempt: 1 } })
      const anew = createStore(sql)
      expect([anew.lastVmEvent('a', 1), anew.lastVmEvent('a', 2), anew.lastVmEvent('a', 3)]).toEqual([
        5, 8, 0,
      ])
      expect(anew.takeVmEvents('a', 1, [line(5), line(6)], 100)).toBe(6)
      expect(texts(anew).at(-1)).toBe('line 6')
    }))
  it('past 1,000 of an attempt are told of once, and counted', () =>
    withStore(({ store, sql }) => {
      const lines = Array.from({ length: 1_003 }, (_, at) => line(at + 1))
      store.takeVmEvents('a', 1, lines.slice(0, 1_000), 100)
      expect(store.newestEvent('a')).toBe(1_000)
      store.takeVmEvents('a', 1, lines.slice(0, 1_001), 100)
      expect(store.newestEvent('a')).toBe(1_001)
      expect(store.takeVmEvents('a', 1, lines, 100)).toBe(1_003)
      expect(store.newestEvent('a')).toBe(1_001)
      expect(store.event('a', 1_000)?.text).toBe('line 1000')
      expect(store.event('a', 1_001)).toEqual({
        seq: 1_001,
        atMs: 100,
        type: 'events_dropped',
        text: 'More than 1000 events in attempt 1: the rest stays on the VM.',
      })
      expect(sql.exec('SELECT last_n, kept FROM event_sources').toArray()).toEqual([
        { last_n: 1_003, kept: 1_003 },
      ])
      // By a new object as well, which has it from there.
      for (const one of [store, createStore(sql)]) {
        expect(one.takeVmEvents('a', 1, [line(1_004)], 100)).toBe(1_004)
        expect(one.newestEvent('a')).toBe(1_001)
      }
      expect(sql.exec('SELECT last_n, kept FROM event_sources').toArray()).toEqual([
        { last_n: 1_004, kept: 1_004 },
      ])
    }))
  it('past the cap that are no news write nothing', () =>
    withStore(({ store, sql }) => {
      const lines = Array.from({ length: 1_001 }, (_, at) => line(at + 1))
      store.takeVmEvents('a', 1, lines, 100)
      sql.exec('DELETE FROM event_sources')
      store.takeVmEvents('a', 1, lines, 100)
      expect(sql.exec('SELECT * FROM event_sources').toArray()).toEqual([])
    }))
})

describe('the outbox', () => {
  it('has one row for each thing, by kind and plan, and loses those that are told', () =>
    withStore(({ store, outbox }) => {
      expect(store.outboxIsEmpty()).toBe(true)
      for (const id of ['q', 'p']) store.insertPlan(planRecord(id), 'x')
      store.appendEvent('b', event('x'))
      store.appendEvent('a', event('y'))
      store.toTell('erase', 'o')
      store.toTell('plan', 'p')
      expect(outbox()).toEqual([
        'erase o 0',
        'events a 1',
        'events b 1',
        'plan p 0',
        'plan q 0',
        'workspace  0',
      ])
      const rows = store.outbox(2)
      expect(rows).toEqual([
        { kind: 'erase', plan: 'o', seq: 0 },
        { kind: 'events', plan: 'a', seq: 1 },
      ])
      for (const row of rows) store.told(row)
      store.told({ kind: 'plan', plan: 'p' })
      expect(outbox()).toEqual(['events b 1', 'plan q 0', 'workspace  0'])
      expect(store.outboxIsEmpty()).toBe(false)
      for (const row of store.outbox(9)) store.told(row)
      expect(store.outboxIsEmpty()).toBe(true)
    }))
  it('is urgent for all but lines of plans', () =>
    withStore(({ store }) => {
      expect(store.outboxIsUrgent()).toBe(false)
      store.appendEvent('a', event('x'))
      expect(store.outboxIsUrgent()).toBe(false)
      for (const kind of ['plan', 'workspace', 'erase'] as const) {
        store.toTell(kind, 'a')
        expect(store.outboxIsUrgent()).toBe(true)
        store.told({ kind, plan: 'a' })
      }
      expect(store.outboxIsUrgent()).toBe(false)
    }))
  it('tells lines 45 s after the last time, 75 s at the latest, and a new object at once', () =>
    withStore(({ store }) => {
      expect([store.linesAreDue(9e15), store.linesLatestMs()]).toEqual([false, 75_000])
      store.appendEvent('a', event('x'))
      expect([store.linesAreDue(44_999), store.linesAreDue(45_000)]).toEqual([false, true])
      store.noteTold(1_000)
      expect([store.linesAreDue(45_999), store.linesAreDue(46_000)]).toEqual([false, true])
      expect(store.linesLatestMs()).toBe(76_000)
    }))
  it('passes by what a newer version has to tell', () =>
    withStore(({ store, sql, outbox }) => {
      sql.exec("INSERT INTO pending (kind, plan, seq) VALUES ('audit', 'a', 1)")
      expect([outbox(), store.outboxIsEmpty(), store.outboxIsUrgent()]).toEqual([[], true, false])
      expect([store.linesAreDue(9e15), store.foreign()]).toEqual([false, 1])
    }))
})

it('notifications are handed out when due, the longest due first, and are tried again later', () =>
  withStore(({ store }) => {
    expect(store.nextNotificationMs()).toBeNull()
    // Neither in the order of their ids nor of their making.
    store.addNotification('b', 'second', 20)
    store.addNotification('c', 'first', 10)
    store.addNotification('a', 'third', 30)
    expect(store.nextNotificationMs()).toBe(10)
    const due = (nowMs: number, limit = 9) => store.dueNotifications(nowMs, limit)
    expect(due(30).map(({ id }) => id)).toEqual(['c', 'b', 'a'])
    expect(due(20)).toEqual([
      { id: 'c', body: 'first', tries: 0 },
      { id: 'b', body: 'second', tries: 0 },
    ])
    expect(due(20, 1)).toHaveLength(1)
    store.retryNotification('c', 40)
    store.retryNotification('c', 50)
    expect(due(50).map(({ id, tries }) => `${id}${tries}`)).toEqual(['b0', 'a0', 'c2'])
    store.dropNotification('b')
    expect(due(50).map(({ id }) => id)).toEqual(['a', 'c'])
    expect(store.nextNotificationMs()).toBe(30)
  }))

it('a notification holds no secret', () =>
  withStore(({ store }) => {
    store.addNotification('a', `ghp_${'x'.repeat(36)}`, 1)
    expect(store.dueNotifications(1, 1)[0]?.body).not.toContain('x'.repeat(36))
  }))

it('a delivery is taken once within 7 days', () =>
  withStore(({ store }) => {
    const week = 7 * 24 * 3_600_000
    expect([store.takeDelivery('d', 1), store.takeDelivery('e', 1), store.takeDelivery('d', 2)]).toEqual([
      true,
      true,
      false,
    ])
    expect(store.takeDelivery('d', 1 + week)).toBe(false)
    expect(store.takeDelivery('d', 2 + week)).toBe(true)
  }))
