// The object's SQL, method by method, on real tables: what is written is read back, in order, and nothing of another plan with it.
import { describe, expect, it } from 'vitest'
import type { LeaseRecord } from '../../../src/workspace/records/records.ts'
import { createStore } from '../../../src/workspace/store/store.ts'
import { planRecord, withStore, workspaceRecord } from '../support/own-store.ts'

const ids = (plans: { id: string }[]) => plans.map(({ id }) => id)

describe('the workspace row', () => {
  it('is read back as it was written, and written over by the next', () =>
    withStore(({ store }) => {
      expect(store.workspace()).toEqual(workspaceRecord())
      store.saveWorkspace(workspaceRecord({ branch: 'next' }))
      expect(store.workspace()?.branch).toBe('next')
    }))
  it('of an older version has every field', () =>
    withStore(({ store, sql }) => {
      sql.exec(
        'UPDATE workspace SET record = ?',
        JSON.stringify({ name: 'w', vm: { name: 'v' }, supervisor: {} }),
      )
      expect(store.workspace()).toMatchObject({
        leftovers: [],
        outageMs: 0,
        mendAtMs: null,
        mendTries: 0,
        gitSilentSinceMs: null,
        month: { name: '', baseUsd: 0, grantedUsd: 0 },
        vm: { name: 'v', generation: 1, canAddUsers: true },
        supervisor: { counter: 0, ringWanted: false },
      })
    }))
  it('that is not there is null, and nothing can be changed in it', () =>
    withStore(({ store, sql }) => {
      sql.exec('DELETE FROM workspace')
      expect(store.workspace()).toBeNull()
      expect(() => store.changeWorkspace(() => {})).toThrow('no workspace row')
    }))
  it('is changed in place, for D1 only when published', () =>
    withStore(({ store, outbox }) => {
      store.changeWorkspace((workspace) => void (workspace.retries = 4))
      expect(store.workspace()).toMatchObject({ retries: 4, revision: 1 })
      expect(outbox()).toEqual([])
      const published = store.publishWorkspace((workspace) => void (workspace.retries = 5))
      expect(published).toMatchObject({ retries: 5, revision: 2 })
      store.publishWorkspace(() => {})
      expect(store.workspace()).toMatchObject({ retries: 5, revision: 3 })
      expect(outbox()).toEqual(['workspace  0'])
    }))
  it('has signs of life at once, and is written for them once a minute: a new object knows those', () =>
    withStore(({ store, sql }) => {
      const heard = (lastHeardAtMs: number) => {
        const supervisor = { lastHeardAtMs, counter: lastHeardAtMs + 1, revisionApplied: 2 }
        store.noteLiveness({ supervisor, vm: { freeDiskMb: 3 } })
        return {
          supervisor: { ...workspaceRecord().supervisor, ...supervisor },
          vm: { ...workspaceRecord().vm, freeDiskMb: 3 },
        }
      }
      const kept = heard(100_000)
      expect(createStore(sql).workspace()).toEqual(workspaceRecord(kept))
      const next = heard(159_999)
      expect(store.workspace()).toEqual(workspaceRecord(next))
      expect(createStore(sql).workspace()).toEqual(workspaceRecord(kept))
      const late = heard(160_000)
      expect(createStore(sql).workspace()).toEqual(workspaceRecord(late))
    }))
  it('written after a sign of life holds it, and a later word goes above it', () =>
    withStore(({ store, sql }) => {
      const supervisor = { lastHeardAtMs: 5, counter: 6, revisionApplied: 7 }
      store.noteLiveness({ supervisor, vm: { freeDiskMb: 8 } })
      expect(createStore(sql).workspace()).toEqual(workspaceRecord())
      store.changeWorkspace((workspace) => void (workspace.supervisor.lastHeardAtMs = null))
      const { supervisor: before, vm } = workspaceRecord()
      const now = workspaceRecord({
        supervisor: { ...before, ...supervisor, lastHeardAtMs: null },
        vm: { ...vm, freeDiskMb: 8 },
      })
      expect([store.workspace(), createStore(sql).workspace()]).toEqual([now, now])
    }))
  it('holds no secret, whatever the VM or Orgo said', () =>
    withStore(({ store }) => {
      store.changeWorkspace(
        (workspace) => void (workspace.statusDetail = `no: sk-ant-api03-${'x'.repeat(40)}`),
      )
      expect(store.workspace()?.statusDetail).not.toContain('x'.repeat(40))
    }))
})

describe('a plan', () => {
  it('is read back by id and by branch, with its text', () =>
    withStore(({ store }) => {
      store.insertPlan(planRecord('a'), 'text of a')
      store.insertPlan(planRecord('b'), 'text of b')
      expect(store.plan('b')).toEqual(planRecord('b'))
      expect(store.planByBranch('agent/b')).toEqual(planRecord('b'))
      expect([store.text('a'), store.text('b'), store.text('c')]).toEqual(['text of a', 'text of b', ''])
      expect([store.plan('c'), store.planByBranch('agent/c')]).toEqual([null, null])
    }))
  it('of an older version has every field', () =>
    withStore(({ store, sql }) => {
      store.insertPlan(planRecord('a'), 'x')
      sql.exec('UPDATE plans SET record = ?', JSON.stringify({ id: 'a' }))
      expect(store.plan('a')).toMatchObject({
        id: 'a',
        attempt: 1,
        messagesTaken: 0,
        checks: [],
        baseHead: null,
        openPrAtMs: 0,
        openPrTries: 0,
      })
    }))
  it('is told to D1 and to the VM when it is new, with the count of the workspace', () =>
    withStore(({ store, outbox }) => {
      store.insertPlan(planRecord('a'), 'x')
      expect(outbox().toSorted()).toEqual(['plan a 0', 'workspace  0'])
      expect(store.workspace()?.revision).toBe(2)
      expect(store.planRevision('a')).toBe(2)
      expect(store.planRevision('b')).toBe(0)
    }))
  it('holds no secret', () =>
    withStore(({ store }) => {
      store.insertPlan(planRecord('a', { summary: `ghp_${'x'.repeat(36)}` }), 'x')
      expect(store.plan('a')?.summary).not.toContain('x'.repeat(36))
    }))
})

describe('a save', () => {
  it('that leaves the state alone is told as a plan, not as a workspace', () =>
    withStore(({ store, outbox, tellAll }) => {
      store.insertPlan(planRecord('a'), 'x')
      store.insertPlan(planRecord('b'), 'x')
      tellAll()
      store.savePlan(planRecord('a', { spentUsd: 1 }))
      store.savePlan(planRecord('a', { spentUsd: 2 }))
      expect(outbox()).toEqual(['plan a 0'])
      expect(store.plan('a')?.spentUsd).toBe(2)
      expect(store.plan('b')).toEqual(planRecord('b'))
      expect([store.planRevision('a'), store.planRevision('b')]).toEqual([5, 3])
    }))
  it.each([
    ['of another status', { status: 'running' as const }],
    ['that ends the watch', { status: 'failed' as const }],
  ])('%s is told as both, and found by it', (_, over) =>
    withStore(({ store, outbox, tellAll }) => {
      store.insertPlan(planRecord('a'), 'x')
      store.insertPlan(planRecord('b'), 'x')
      tellAll()
      store.savePlan(planRecord('a', over))
      expect(store.planRevision('a')).toBe(4)
      store.savePlan(planRecord('a', over))
      expect(outbox()).toEqual(['plan a 0', 'workspace  0'])
      expect(ids(store.plansByStatus(over.status))).toEqual(['a'])
      expect(ids(store.plansByStatus('queued'))).toEqual(['b'])
      expect([store.planRevision('a'), store.planRevision('b')]).toEqual([5, 3])
      expect(store.plan('b')).toEqual(planRecord('b'))
    }),
  )
  it('of a plan with an older one beside it that is so already is told and found too', () =>
    withStore(({ store }) => {
      for (const id of ['a', 'b']) store.insertPlan(planRecord(id), 'x')
      store.savePlan(planRecord('a', { status: 'running' }))
      store.savePlan(planRecord('b', { status: 'running' }))
      expect(ids(store.plansByStatus('running'))).toEqual(['a', 'b'])
    }))
  it('that only begins or ends the watch is told as both', () =>
    withStore(({ store, outbox, tellAll }) => {
      store.insertPlan(planRecord('a', { status: 'completed', onVm: true }), 'x')
      tellAll()
      store.savePlan(planRecord('a', { status: 'completed' }))
      expect(outbox()).toEqual(['plan a 0', 'workspace  0'])
      expect(store.watchedPlans()).toEqual([])
    }))
  it('of a sign of life is told to nobody', () =>
    withStore(({ store, outbox, tellAll }) => {
      store.insertPlan(planRecord('a'), 'x')
      store.insertPlan(planRecord('b'), 'x')
      tellAll()
      store.touchPlan(planRecord('a', { activity: 9, summary: `ghp_${'x'.repeat(36)}` }))
      expect(store.plan('a')?.activity).toBe(9)
      expect(store.plan('a')?.summary).not.toContain('x'.repeat(36))
      expect(store.plan('b')).toEqual(planRecord('b'))
      expect([outbox(), store.workspace()?.revision, store.planRevision('a')]).toEqual([[], 3, 2])
    }))
})

describe('plans together', () => {
  it.each([
    ['queued', {}, true],
    ['running', { status: 'running' as const }, true],
    ['paused', { status: 'paused' as const }, true],
    ['completed', { status: 'completed' as const }, false],
    ['failed', { status: 'failed' as const }, false],
    ['cancelled, and known to the VM', { status: 'cancelled' as const, onVm: true }, true],
    ['completed, with a branch to look after', { status: 'completed' as const, mergeCheckAtMs: 0 }, true],
  ])('are watched while %s: %s', (_, over, watched) =>
    withStore(({ store }) => {
      store.insertPlan(planRecord('a', over), 'x')
      expect(store.watchedPlans()).toHaveLength(watched ? 1 : 0)
    }),
  )
  it('come in the order they were submitted, the newest first where branches are looked at', () =>
    withStore(({ store }) => {
      // Neither in the order of their ids, nor of their last change.
      for (const id of ['c', 'a', 'd', 'b']) store.insertPlan(planRecord(id), 'x')
      store.savePlan(planRecord('a', { status: 'running' }))
      store.savePlan(planRecord('c', { status: 'paused' }))
      store.savePlan(planRecord('d', { status: 'running' }))
      expect(ids(store.watchedPlans())).toEqual(['c', 'a', 'd', 'b'])
      expect(ids(store.plansByStatus('paused', 'running', 'queued'))).toEqual(['c', 'a', 'd', 'b'])
      expect(ids(store.plansByStatus('running'))).toEqual(['a', 'd'])
      expect(ids(store.branchPlans(2))).toEqual(['b', 'd'])
    }))
})

it('what all plans spent is their sum, and what is noted since', () =>
  withStore(({ store, sql }) => {
    expect(createStore(sql).spentUsd()).toBe(0)
    store.insertPlan(planRecord('a', { spentUsd: 1 }), 'x')
    store.insertPlan(planRecord('b', { spentUsd: 2.5, status: 'failed' }), 'x')
    // Before the sum was asked for: it will find this in its row.
    store.noteSpent(9)
    expect(store.spentUsd()).toBe(3.5)
    store.noteSpent(0.25)
    store.noteSpent(-0.125)
    expect([store.spentUsd(), createStore(sql).spentUsd()]).toEqual([3.625, 3.5])
  }))

describe('a lease', () => {
  const lease = (id: string, plan: string, over: Partial<LeaseRecord> = {}): LeaseRecord => ({
    id,
    plan,
    attempt: 1,
    kind: 'model',
    state: 'open',
    deadlineMs: 5,
    worstCaseUsd: 1,
    commands: [],
    ...over,
  })
  it('is read back, by itself, with those of its plan, and with all', () =>
    withStore(({ store }) => {
      for (const one of [lease('l1', 'a'), lease('l2', 'b'), lease('l3', 'a')]) store.saveLease(one)
      expect(store.lease('l2')).toEqual(lease('l2', 'b'))
      expect(store.lease('l9')).toBeNull()
      expect(ids(store.leases('a')).toSorted()).toEqual(['l1', 'l3'])
      expect(ids(store.leases()).toSorted()).toEqual(['l1', 'l2', 'l3'])
      store.dropLease('l1')
      expect(ids(store.leases()).toSorted()).toEqual(['l2', 'l3'])
    }))
  it('is written over by its next state, in every column', () =>
    withStore(({ store, sql }) => {
      store.saveLease(lease('l1', 'a'))
      store.saveLease(lease('l1', 'a', { state: 'revoked', deadlineMs: 9 }))
      expect(store.leases()).toEqual([lease('l1', 'a', { state: 'revoked', deadlineMs: 9 })])
      expect(sql.exec('SELECT state, deadline FROM leases').toArray()).toEqual([
        { state: 'revoked', deadline: 9 },
      ])
    }))
})

it('messages are numbered per plan from 1, and read from a number on, in order', () =>
  withStore(({ store }) => {
    expect(['x', 'y', 'z'].map((text) => store.addMessage('a', text))).toEqual([1, 2, 3])
    expect(store.addMessage('b', 'other')).toBe(1)
    expect(store.messages('a', 0).map(({ n, text }) => `${n}${text}`)).toEqual(['1x', '2y', '3z'])
    expect(store.messages('a', 2)).toEqual([{ n: 3, text: 'z' }])
    expect(store.messages('b', 0)).toEqual([{ n: 1, text: 'other' }])
  }))

it('a submission is found by its key, and the key taken over by the next', () =>
  withStore(({ store }) => {
    store.saveSubmission('k', 'a', 'hash', 1)
    store.saveSubmission('other', 'c', 'hash', 1)
    expect(store.submission('k')).toEqual({ plan: 'a', arguments: 'hash', at: 1 })
    store.saveSubmission('k', 'b', 'hash 2', 2)
    expect(store.submission('k')).toEqual({ plan: 'b', arguments: 'hash 2', at: 2 })
    expect(store.submission('none')).toBeUndefined()
  }))

it('an adopted line is found by its ref', () =>
  withStore(({ store }) => {
    store.saveAdoptedLine('r1', 'a')
    store.saveAdoptedLine('r2', 'b')
    expect([store.adoptedLine('r1'), store.adoptedLine('r2'), store.adoptedLine('r3')]).toEqual([
      'a',
      'b',
      undefined,
    ])
  }))

it('the parts of the store are there under one name', () =>
  withStore(({ sql }) => {
    const store = createStore(sql)
    expect([typeof store.plan, typeof store.addEvent, typeof store.diffs]).toEqual(Array(3).fill('function'))
  }))
