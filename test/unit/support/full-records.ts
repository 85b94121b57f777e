// Records in which no field has its first value: what a function forgets to write, or writes though it should not, then shows.
import { newPlanRecord, newVmRecord, newWorkspaceRecord } from '../../../src/workspace/records/new-records.ts'
import type { LeaseRecord, PlanRecord, WorkspaceRecord } from '../../../src/workspace/records/records.ts'

export const HEAD = 'a'.repeat(40)
export const PLAN_ID = '00000000-0000-8000-8000-000000000000'

export function fullPlan(over: Partial<PlanRecord> = {}): PlanRecord {
  return {
    id: PLAN_ID,
    title: 'A title',
    planChars: 7,
    textSha256: 'sha',
    branch: `agent/${PLAN_ID}`,
    base: 'main',
    status: 'running',
    statusDetail: 'An old detail.',
    attempt: 3,
    phase: 'verifying',
    activity: 5,
    lastActivityAtMs: 11,
    outcome: 'verified',
    outcomeReasons: ['no_checks'],
    proof: 'in_place',
    summary: 'An old summary.',
    question: 'An old question?',
    pausedReason: 'git_refused',
    error: 'An old error.',
    checks: [{ command: 'old', exitCode: 1, seconds: 1, newFailure: true }],
    tests: {
      passed: 9,
      failed: 8,
      skipped: 7,
      newlyPassing: ['old passing'],
      newlyFailing: ['old failing'],
      missing: ['old missing'],
      changed: [{ path: 'old.test.js', why: 'Old.' }],
    },
    lookFirst: [{ path: 'old.js', line: 1, why: 'An old reason.' }],
    declaredChecks: ['npm test'],
    commits: [{ sha: 'b'.repeat(40), subject: 'old' }],
    diff: { files: 9, additions: 9, deletions: 9 },
    head: 'c'.repeat(40),
    baseHead: 'e'.repeat(40),
    pushedHead: HEAD,
    checkpointHead: 'd'.repeat(40),
    prUrl: 'https://git.test/pull/1',
    openPr: true,
    openPrAtMs: 21,
    openPrTries: 22,
    mergeStatus: 'open',
    mergeCheckAtMs: 12,
    firstPushAtMs: 13,
    budgetUsd: 10,
    spentUsd: 4,
    tokens: { input: 1, output: 2, cacheRead: 3, cacheWrite: 4 },
    model: 'm',
    modelSilent: true,
    effort: 'high',
    onQuestion: 'pause',
    createdAtMs: 14,
    startedAtMs: 15,
    attemptStartedAtMs: 16,
    silentMs: 23,
    runLimitMs: 24,
    pausedAtMs: 17,
    finishedAtMs: 18,
    cancelledAtMs: 19,
    onVm: true,
    stoppedOnVm: true,
    removeCheckout: true,
    messagesTaken: 20,
    ...over,
  }
}

/** As after its submission. */
export const freshPlan = (over: Partial<PlanRecord> = {}): PlanRecord => ({
  ...newPlanRecord({
    id: PLAN_ID,
    title: 'A title',
    planChars: 7,
    textSha256: 'sha',
    branch: `agent/${PLAN_ID}`,
    base: 'main',
    declaredChecks: [],
    openPr: false,
    budgetUsd: 10,
    model: 'm',
    effort: 'high',
    onQuestion: 'pause',
    createdAtMs: 14,
  }),
  ...over,
})

/** Ready, its machine heard, nothing wanted. */
export const readyWorkspace = (over: Partial<WorkspaceRecord> = {}): WorkspaceRecord => ({
  ...newWorkspaceRecord({
    name: 'w',
    gitRemote: 'https://git.test/o/r.git',
    branch: 'main',
    statusDetail: '',
    setup: null,
    checks: [],
    maxParallel: 2,
    openPr: false,
    createdAtMs: 0,
    nonce: 'n',
    vm: { ...newVmRecord('v'), id: 'vm-1', step: 'ready' },
  }),
  status: 'ready',
  provisioningSinceMs: null,
  ...over,
})

export const lease = (over: Partial<LeaseRecord> = {}): LeaseRecord => ({
  id: 'l',
  plan: PLAN_ID,
  attempt: 3,
  kind: 'model',
  state: 'open',
  deadlineMs: 9_000_000,
  worstCaseUsd: 1,
  commands: [],
  ...over,
})
