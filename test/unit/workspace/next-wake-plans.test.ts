// When the object wakes next, as a table over small worlds: the store is played, the numbers are the product's.
import { describe, expect, it } from 'vitest'
import { newVmRecord } from '../../../src/workspace/records/new-records.ts'
import { nextWakeMs, STREAM_SILENT_MS } from '../../../src/workspace/core/next-wake.ts'
import { freshPlan, HEAD, lease, readyWorkspace } from '../support/full-records.ts'
import { ended, heard, onVm, storeOf } from '../support/pace-tables.ts'
import type { Tables } from '../support/pace-tables.ts'

const NOW = 10_000_000
const MINUTE = 60_000

const wake = (tables: Tables, keptMs?: number | null) => nextWakeMs(storeOf(tables), NOW, keptMs)

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
    ['for lines of plans alone at their latest', later, { outboxIsEmpty: false, linesLatestMs: later }],
    [
      'for lines of plans at the retry of the outbox, when there is one',
      later,
      {
        outboxIsEmpty: false,
        linesLatestMs: later + 1,
        workspace: readyWorkspace({ outboxRetryAtMs: later }),
      },
    ],
    [
      'not for a machine that nobody needs any more, whatever its step',
      null,
      { workspace: readyWorkspace({ status: 'error', vm: bootingVm }) },
    ],
    [
      'for the bell',
      NOW + 30_000,
      { plans: [onVm], workspace: readyWorkspace({ supervisor: heard({ lastHeardAtMs: NOW }) }) },
    ],
    ['at once for the bell of a machine that was never heard', NOW, { plans: [onVm] }],
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
          leftovers: [later + 1, later].map((dueAtMs) => ({
            name: 'v',
            id: null,
            orgoWorkspaceId: null,
            dueAtMs,
            untilMs: 9e9,
          })),
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
    [
      'for a pull request to be opened',
      later,
      { plans: [ended({ openPr: true, pushedHead: HEAD, openPrAtMs: later })] },
    ],
    [
      'not for one whose branch was never pushed',
      null,
      { plans: [ended({ openPr: true, openPrAtMs: later })] },
    ],
    ['for what a newer version left in an hour', NOW + 60 * MINUTE, { foreign: 1 }],
    [
      'for that in an hour though all else is later',
      NOW + 60 * MINUTE,
      { foreign: 1, notificationMs: NOW + 60 * MINUTE + 1 },
    ],
    ['not for that when it wakes before', later, { foreign: 1, notificationMs: later }],
    ['at once for what is overdue', NOW, { notificationMs: NOW - 1 }],
    ['for the first of all', NOW + 1, { notificationMs: NOW + 2, leases: [lease({ deadlineMs: NOW + 1 })] }],
  ])('%s', (_, expected, tables) => {
    expect(wake(tables)).toBe(expected)
  })
  it.each<[string, number | null, number | null, Tables]>([
    ['not to erase while all is kept', null, null, { finishedAtMs: 1 }],
    ['to erase the oldest plan once it was kept so long', later, 4_000, { finishedAtMs: later - 4_000 }],
    ['at once to erase one that is older', NOW, 4_000, { finishedAtMs: 1 }],
    ['not to erase where nothing has ended', null, 4_000, {}],
    [
      'to erase not before the retry of the outbox',
      later,
      4_000,
      { finishedAtMs: 1, workspace: readyWorkspace({ outboxRetryAtMs: later }) },
    ],
  ])('%s', (_, expected, keptMs, tables) => {
    expect(wake(tables, keptMs)).toBe(expected)
  })
  it('for a queued plan only once the machine is ready', () => {
    const workspace = readyWorkspace({ vm: bootingVm, retryAtMs: later })
    expect(wake({ plans: [freshPlan()], workspace })).toBe(later)
  })
})
