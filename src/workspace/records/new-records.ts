// The first value of every field of a record. A row of an older version gets these values for fields it does not have.
import type { MonthRecord, PlanRecord, SupervisorRecord, VmRecord, WorkspaceRecord } from './records.ts'
import { RUN_LIMIT_MS } from './run-time.ts'

const newMonthRecord = (): MonthRecord => ({ name: '', baseUsd: 0, grantedUsd: 0 })

export function newVmRecord(name: string): VmRecord {
  return {
    id: null,
    name,
    url: null,
    orgoWorkspaceId: null,
    adopted: false,
    status: 'none',
    step: 'none',
    generation: 1,
    createSentAtMs: null,
    missingSinceMs: null,
    bootSentAtMs: null,
    bootStep: null,
    ticketSpent: false,
    restartedAtMs: null,
    canAddUsers: true,
    freeDiskMb: null,
  }
}

export function newSupervisorRecord(): SupervisorRecord {
  return {
    heardNonce: null,
    pendingNonce: null,
    bootId: null,
    counter: 0,
    agentSha256: '',
    lastHeardAtMs: null,
    lastRingAtMs: null,
    unansweredRings: 0,
    ringWanted: false,
    revisionApplied: 0,
  }
}

const firstWorkspace = (createdAtMs: number) =>
  ({
    status: 'provisioning',
    keepBranch: false,
    reactToFeedback: false,
    provisioningSinceMs: createdAtMs,
    outageMs: 0,
    revision: 1,
    retryAtMs: null,
    retries: 0,
    gitSilentSinceMs: null,
    outboxRetryAtMs: null,
    outboxRetries: 0,
    mendAtMs: null,
    mendTries: 0,
    webhookHeardAtMs: null,
    refreshMirror: false,
    leftovers: [],
    month: newMonthRecord(),
    supervisor: newSupervisorRecord(),
  }) satisfies Partial<WorkspaceRecord>

/** The fields that only the registration knows. */
export type NewWorkspace = Omit<WorkspaceRecord, keyof ReturnType<typeof firstWorkspace>>

export function newWorkspaceRecord(workspace: NewWorkspace): WorkspaceRecord {
  return { ...workspace, ...firstWorkspace(workspace.createdAtMs) }
}

const firstPlan = () =>
  ({
    status: 'queued',
    statusDetail: null,
    attempt: 1,
    phase: null,
    activity: 0,
    lastActivityAtMs: null,
    outcome: null,
    outcomeReasons: [],
    proof: null,
    summary: null,
    question: null,
    pausedReason: null,
    error: null,
    checks: [],
    tests: null,
    lookFirst: [],
    commits: [],
    diff: { files: 0, additions: 0, deletions: 0 },
    head: null,
    baseHead: null,
    pushedHead: null,
    checkpointHead: null,
    prUrl: null,
    openPrAtMs: 0,
    openPrTries: 0,
    mergeStatus: 'none',
    mergeCheckAtMs: null,
    firstPushAtMs: null,
    spentUsd: 0,
    tokens: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 },
    modelSilent: false,
    startedAtMs: null,
    attemptStartedAtMs: null,
    silentMs: 0,
    runLimitMs: RUN_LIMIT_MS,
    pausedAtMs: null,
    finishedAtMs: null,
    cancelledAtMs: null,
    onVm: false,
    stoppedOnVm: false,
    removeCheckout: false,
    messagesTaken: 0,
  }) satisfies Partial<PlanRecord>

/** The fields that only plan_submit knows. */
export type NewPlan = Omit<PlanRecord, keyof ReturnType<typeof firstPlan>>

export function newPlanRecord(plan: NewPlan): PlanRecord {
  return { ...plan, ...firstPlan() }
}
