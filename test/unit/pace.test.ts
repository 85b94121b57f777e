// When the object wakes next, as a table over small worlds: the store is played, the numbers are the product's.
import { describe, expect, it } from 'vitest'
import {
  nextWakeMs,
  provisioningDeadlineMs,
  retryDelayMs,
  ringDueMs,
  STREAM_SILENT_MS,
  vmNeeded,
} from '../../src/workspace/pace.ts'
import { newSupervisorRecord, newVmRecord } from '../../src/workspace/records.ts'
import type {
  LeaseRecord,
  PlanRecord,
  SupervisorRecord,
  WorkspaceRecord,
} from '../../src/workspace/records.ts'
import type { Store } from '../../src/workspace/store.ts'
import { freshPlan, lease, readyWorkspace } from './support/full-records.ts'

const NOW = 10_000_000
const MINUTE = 60_000

interface Tables {
  workspace?: WorkspaceRecord | null
  plans?: PlanRecord[]
  leases?: LeaseRecord[]
  outboxIsEmpty?: boolean
  notificationMs?: number | null
}

/** Only what pace.ts asks of the store. */
function storeOf(tables: Tables): Store {
  const plans = tables.plans ?? []
  const asked: Pick<
    Store,
    'workspace' | 'watchedPlans' | 'plansByStatus' | 'leases' | 'outboxIsEmpty' | 'nextNotificationMs'
  > = {
    workspace: () => (tables.workspace === undefined ? readyWorkspace() : tables.workspace),
    watchedPlans: () => plans,
    plansByStatus: (...statuses) => plans.filter(({ status }) => statuses.includes(status)),
    leases: () => tables.leases ?? [],
    outboxIsEmpty: () => tables.outboxIsEmpty ?? true,
    nextNotificationMs: () => tables.notificationMs ?? null,
  }
  // Whatever else it asked for would be missing, and fail.
  return asked as Store
}
const wake = (tables: Tables) => nextWakeMs(storeOf(tables), NOW)
const heard = (over: Partial<SupervisorRecord>) => ({ ...newSupervisorRecord(), ...over })
const ended = (over: Partial<PlanRecord> = {}) => freshPlan({ status: 'completed', ...over })
const onVm = ended({ onVm: true })

describe('the VM is needed', () => {
  const needed = (over: Partial<WorkspaceRecord>, plans: PlanRecord[] = []) =>
    vmNeeded(storeOf({ plans }), readyWorkspace(over))
  const news = heard({ ringWanted: true })
  it.each<[string, boolean, Partial<WorkspaceRecord>, PlanRecord[]]>([
    ['to be deleted, removed or not', true, { status: 'removed', deleteVm: true }, []],
    ['by nobody after removal', false, { status: 'removed', supervisor: news }, [onVm]],
    ['by nobody in an error', false, { status: 'error', supervisor: news }, [onVm]],
    ['while it is provisioned', true, { status: 'provisioning' }, []],
    ['for news', true, { supervisor: news }, []],
    ['by nobody at rest', false, {}, []],
    ['by a plan it knows', true, {}, [onVm]],
    ['by a queued plan among others', true, {}, [ended(), freshPlan()]],
    ['by a running plan', true, {}, [freshPlan({ status: 'running' })]],
    ['by no paused plan', false, {}, [freshPlan({ status: 'paused' })]],
  ])('%s: %s', (_, expected, over, plans) => {
    expect(needed(over, plans)).toBe(expected)
  })
})

describe('the doorbell', () => {
  const due = (supervisor: Partial<SupervisorRecord>, over: Partial<WorkspaceRecord> = {}, plans = [onVm]) =>
    ringDueMs(storeOf({ plans }), readyWorkspace({ supervisor: heard(supervisor), ...over }), NOW)
  const news = { ringWanted: true }

  it('rings for news at once', () => {
    expect(due(news)).toBe(NOW)
    expect(due({ ...news, lastRingAtMs: NOW - 2_000 })).toBe(NOW)
  })
  it.each([
    [0, 2_000],
    [1, 2_000],
    [2, 4_000],
    [3, 8_000],
    [5, 32_000],
    [6, 45_000],
    [9, 45_000],
  ])('after %i unanswered rings waits %i ms between two', (unansweredRings, gapMs) => {
    expect(due({ ...news, lastRingAtMs: NOW, unansweredRings })).toBe(NOW + gapMs)
    expect(due({ lastHeardAtMs: NOW - 60_000, lastRingAtMs: NOW, unansweredRings })).toBe(NOW + gapMs)
  })
  it('rings a supervisor that was silent for 20 s while the VM has a plan', () => {
    expect(due({ lastHeardAtMs: NOW - 5_000 })).toBe(NOW + 15_000)
    expect(due({})).toBe(NOW + 20_000)
    expect(due({ lastHeardAtMs: NOW }, {}, [ended(), onVm])).toBe(NOW + 20_000)
  })
  it('does not ring without a reason, nor at a machine that is not ready or not wanted', () => {
    expect(due({ lastHeardAtMs: NOW }, {}, [ended()])).toBeNull()
    expect(due(news, { status: 'removed' })).toBeNull()
    expect(due(news, { vm: { ...newVmRecord('v'), step: 'booting' } })).toBeNull()
  })
})

describe('the deadline of provisioning', () => {
  const coming = { status: 'provisioning' as const, provisioningSinceMs: 1_000 }
  it.each([
    ['30 minutes after its begin', {}, 1_000 + 30 * MINUTE],
    ['later by the outage', { outageMs: 7_000 }, 8_000 + 30 * MINUTE],
    ['later by two hours of outage at most', { outageMs: 9e9 }, 1_000 + 150 * MINUTE],
    ['none when it never began', { provisioningSinceMs: null }, null],
    ['none once it is ready', { status: 'ready' as const }, null],
  ])('is %s', (_, over, expected) => {
    expect(provisioningDeadlineMs(readyWorkspace({ ...coming, ...over }))).toBe(expected)
  })
})

it('a retry waits twice as long each time, 45 s at most', () => {
  expect([0, 1, 2, 5, 6, 20].map(retryDelayMs)).toEqual([1_000, 2_000, 4_000, 32_000, 45_000, 45_000])
})

describe('the object wakes', () => {
  const later = NOW + 5_555
  const coming = { status: 'provisioning' as const, provisioningSinceMs: NOW }
  const bootingVm = { ...newVmRecord('v'), step: 'booting' as const }
  const waiting = freshPlan({ status: 'paused', pausedReason: 'vm_unavailable' })
  it.each<[string, number | null, Tables]>([
    ['never without a workspace', null, { workspace: null }],
    ['never at rest', null, {}],
    ['at once for a full outbox', NOW, { outboxIsEmpty: false }],
    [
      'for a full outbox at its retry',
      later,
      { outboxIsEmpty: false, workspace: readyWorkspace({ outboxRetryAtMs: later }) },
    ],
    [
      'at once for the next step of a machine that comes',
      NOW,
      { workspace: readyWorkspace({ ...coming, vm: bootingVm }) },
    ],
    [
      'for that step at its retry',
      later,
      { workspace: readyWorkspace({ ...coming, vm: bootingVm, retryAtMs: later }) },
    ],
    [
      'at the deadline of provisioning, when that is first',
      NOW + 30 * MINUTE,
      { workspace: readyWorkspace({ ...coming, vm: bootingVm, retryAtMs: NOW + 31 * MINUTE }) },
    ],
    [
      'at once to delete a ready machine',
      NOW,
      { workspace: readyWorkspace({ status: 'removed', deleteVm: true }) },
    ],
    [
      'to delete it at its retry',
      later,
      { workspace: readyWorkspace({ status: 'removed', deleteVm: true, retryAtMs: later }) },
    ],
    [
      'not for a machine that nobody needs any more, whatever its step',
      null,
      { workspace: readyWorkspace({ status: 'error', vm: bootingVm }) },
    ],
    ['for the bell', NOW + 20_000, { plans: [onVm] }],
    [
      'for the bell, not before the retry',
      NOW + 30_000,
      { plans: [onVm], workspace: readyWorkspace({ retryAtMs: NOW + 30_000 }) },
    ],
    [
      'for the first leftover',
      later,
      {
        workspace: readyWorkspace({
          leftovers: [later + 1, later].map((dueAtMs) => ({ name: 'v', id: null, dueAtMs, untilMs: 9e9 })),
        }),
      },
    ],
    ['at once for plans that wait for a machine', NOW, { plans: [ended(), waiting] }],
    [
      'for them at the next look',
      later,
      { plans: [waiting], workspace: readyWorkspace({ mendAtMs: later }) },
    ],
    [
      'for them in an error as well',
      later,
      { plans: [waiting], workspace: readyWorkspace({ status: 'error', mendAtMs: later }) },
    ],
    [
      'not for them after removal',
      null,
      { plans: [waiting], workspace: readyWorkspace({ status: 'removed' }) },
    ],
    [
      'not for a look that nobody waits for',
      null,
      { plans: [ended()], workspace: readyWorkspace({ mendAtMs: later }) },
    ],
    ['for a notification', later, { notificationMs: later }],
    ['at once for a queued plan with a free slot', NOW, { plans: [freshPlan()] }],
    [
      'for a queued plan in 15 s while the branch is not known',
      NOW + 15_000,
      { plans: [freshPlan()], workspace: readyWorkspace({ branch: null }) },
    ],
    [
      'not for a queued plan without a slot',
      null,
      {
        plans: [freshPlan(), freshPlan({ status: 'running' })],
        workspace: readyWorkspace({ maxParallel: 1 }),
      },
    ],
    [
      'not for a queued plan in an error',
      null,
      { plans: [freshPlan()], workspace: readyWorkspace({ status: 'error' }) },
    ],
    ['for a look at a branch', later, { plans: [ended({ mergeCheckAtMs: later })] }],
    [
      'at a deadline of a plan',
      NOW + 60_000,
      { plans: [freshPlan({ status: 'paused', pausedAtMs: NOW + 60_000 - 30 * 86_400_000 })] },
    ],
    [
      'at the end of a push',
      NOW + MINUTE,
      { leases: [lease({ kind: 'git_push', deadlineMs: NOW + MINUTE })] },
    ],
    [
      'for a model stream in 30 s, or at its end',
      NOW + STREAM_SILENT_MS,
      { leases: [lease({ deadlineMs: NOW + 31_000 })] },
    ],
    ['for a model stream at its end, when that is sooner', later, { leases: [lease({ deadlineMs: later })] }],
    [
      'for a push of unknown outcome in 5 s',
      NOW + 5_000,
      { leases: [lease({ kind: 'git_push', state: 'unknown', deadlineMs: NOW + 1 })] },
    ],
    ['at once for what is overdue', NOW, { notificationMs: NOW - 1 }],
    ['for the first of all', NOW + 1, { notificationMs: NOW + 2, leases: [lease({ deadlineMs: NOW + 1 })] }],
  ])('%s', (_, expected, tables) => {
    expect(wake(tables)).toBe(expected)
  })
  it('for a queued plan only once the machine is ready', () => {
    const workspace = readyWorkspace({ vm: bootingVm, retryAtMs: later })
    expect(wake({ plans: [freshPlan()], workspace })).toBe(later)
  })
})

it('a stream is taken for dead after 30 s', () => {
  expect(STREAM_SILENT_MS).toBe(30_000)
})
