// States, facts and snapshots of a workspace and its plans, and the RPC methods that mcp, gateway, webhook and dashboard call. It holds
// types only. Snapshots are camelCase; mcp/ turns them into snake_case.
import type {
  CheckResult,
  DiffFile,
  DiffTotals,
  DiffUpload,
  SyncRequest,
  SyncResponse,
} from '../shared/protocol.ts'
import type {
  Effort,
  MergeStatus,
  OnQuestion,
  Outcome,
  OutcomeReason,
  PausedReason,
  Phase,
  PlanStatus,
  Proof,
  WorkspaceStatus,
} from '../shared/words.ts'
import type { PlanClaims, TicketClaims, VmKeyClaims } from '../auth/vm-token.ts'
import type { WorkerEventType } from '../shared/event-types.ts'

export interface WorkspaceSnapshot {
  name: string
  gitRemote: string
  branch: string | null
  status: WorkspaceStatus
  statusDetail: string
  vm: { id: string | null; url: string | null; status: string; adopted: boolean }
  webhook: { status: 'unknown' | 'receiving' | 'unsupported'; howTo: string }
  setup: string | null
  checks: string[]
  maxParallel: number
  openPr: boolean
  activePlans: number
  queuedPlans: number
  warnings: string[]
  createdAtMs: number
}

export interface PlanSnapshot {
  id: string
  workspace: string
  title: string
  planChars: number
  branch: string
  base: string
  status: PlanStatus
  statusDetail: string | null
  phase: Phase | null
  attempt: number
  lastActivityAtMs: number | null
  outcome: Outcome | null
  outcomeReasons: OutcomeReason[]
  proof: Proof | null
  summary: string | null
  question: string | null
  pausedReason: PausedReason | null
  error: string | null
  checks: CheckResult[]
  commits: { sha: string; subject: string }[]
  diff: { files: number; additions: number; deletions: number }
  head: string | null
  pushedHead: string | null
  prUrl: string | null
  mergeStatus: MergeStatus
  budgetUsd: number
  spentUsd: number
  tokens: { input: number; output: number; cacheRead: number; cacheWrite: number }
  model: string
  createdAtMs: number
  startedAtMs: number | null
  finishedAtMs: number | null
}

/** One line of a plan's history. `seq` counts from 1 without gaps; only the object assigns it. */
export interface PlanEvent {
  seq: number
  atMs: number
  type: string
  text: string
  data?: Record<string, unknown>
}
/** One that the Worker itself writes. */
export type WorkerEvent = PlanEvent & { type: WorkerEventType }

export interface RegisterInput {
  name: string
  gitRemote: string
  branch?: string
  vmId?: string
  setup?: string
  checks?: string[]
  maxParallel?: number
  openPr?: boolean
}

export interface UpdateInput {
  branch?: string
  setup?: string
  checks?: string[]
  maxParallel?: number
  openPr?: boolean
  reactToFeedback?: boolean
  keepBranch?: boolean
}

export interface SubmitInput {
  plan: string
  branchName?: string
  base?: string
  budgetUsd?: number
  model?: string
  effort?: Effort
  checks?: string[]
  onQuestion?: OnQuestion
  openPr?: boolean
  idempotencyKey?: string
}

export interface BranchReport {
  branch: string
  planId: string
  planStatus: PlanStatus
  mergeStatus: MergeStatus
  head: string | null
  ahead: number | null
  behind: number | null
  conflicts: boolean | null
  commits: { sha: string; subject: string }[]
  prUrl: string | null
}

/** What a VM wants to do upstream. Costs are worst cases in dollars; settle reports the real cost. */
export type Intent =
  | { kind: 'git_read' }
  | { kind: 'git_push_discover' }
  | { kind: 'git_push'; commands: { oldId: string; newId: string; ref: string }[] }
  | { kind: 'model'; worstCaseUsd: number }
  | { kind: 'model_free' }

/** Closed list; gateway/frame/denials.ts maps each reason to one public answer. */
export type DenyReason =
  | 'unknown_workspace'
  | 'workspace_removed'
  | 'vm_replaced'
  | 'unknown_plan'
  | 'attempt_superseded'
  | 'plan_cancelled'
  | 'plan_over'
  | 'plan_not_running'
  | 'plan_paused'
  | 'budget_exceeded'
  | 'monthly_budget_exceeded'
  | 'not_your_ref'
  | 'delete_refused'
  | 'ref_moved'

export type Authorization =
  | {
      ok: true
      leaseId: string
      gitRemote: string
      /** The stream must end by then. A lease that is still unsettled at this time is charged in full. */
      deadlineMs: number
      model: string
      /** The model API never answered this plan's last call: check that it is there before the next paid call. */
      probeFirst?: true
      /** For model calls: the share of the plan's budget that was used before this call. */
      budgetUsed?: number
    }
  | {
      ok: false
      reason: DenyReason
      /** for git_push: the refs at fault, each with words git prints */ refs?: {
        ref: string
        text: string
      }[]
    }

/** How a lease ended. `unknown`: it was cut before the upstream answered, so the object reads the refs or charges in full. */
export type Settlement =
  | { kind: 'read' }
  | { kind: 'pushed'; updated: { ref: string; newId: string }[] }
  | { kind: 'refused_upstream'; detail: string }
  | {
      kind: 'model'
      usd: number
      tokens: { input: number; output: number; cacheRead: number; cacheWrite: number }
    }
  | { kind: 'unknown' }

// Facts a webhook reports. They are hints: the object asks the host before it deletes anything.

export type Fact =
  | { kind: 'branch_merged_hint'; branch: string; deliveryId: string; prUrl?: string }
  | { kind: 'base_pushed'; branch: string; deliveryId: string }
  | { kind: 'branch_deleted'; branch: string; deliveryId: string }
  | { kind: 'pr_changed'; branch: string; deliveryId: string; prUrl: string; state: 'open' | 'closed' }

/** A page of a plan's diff. `diff` is null when none is known for pushedHead. `moved`: the branch was pushed since the page asked for. */
export interface PlanDiff {
  status: PlanStatus
  branch: string
  base: string
  pushedHead: string | null
  diff: {
    head: string
    /** The commit the work began from, as the VM reports it. */
    base: string | null
    totals: DiffTotals
    files: DiffFile[]
    nextPage: number | null
  } | null
  moved?: true
}

export type DiffRefusal = DenyReason | 'diff_out_of_order' | 'diff_too_long'

/** The RPC methods of the Workspace object. Its errors arrive as RuntimeErrors (lib/errors.ts). */
export interface WorkspaceRpc {
  diagnose(name: string): Promise<Finding[]>
  /** The part of diagnose that finds work standing still; it calls no outside service. */
  stuck(name: string): Promise<Finding[]>
  register(
    input: RegisterInput,
  ): Promise<{ workspace: WorkspaceSnapshot; existing: boolean; differs: string[] }>
  update(name: string, input: UpdateInput): Promise<WorkspaceSnapshot>
  /** Throws NotFoundError when this object was never registered or holds another name. */
  snapshot(name: string): Promise<WorkspaceSnapshot>
  branches(name: string): Promise<{
    workspace: WorkspaceSnapshot
    branches: BranchReport[]
    asOfMs: number
    mergeCommands: string[]
  }>
  remove(name: string, deleteVm: boolean | undefined): Promise<{ removed: boolean; vmDeleted: boolean }>

  submit(name: string, input: SubmitInput): Promise<{ plan: PlanSnapshot; deduplicated: boolean }>
  /**
   * Waits up to waitMs for a change of status, phase, question or merge status; orEvent also ends the wait at an event. Closing the call
   * does not touch the plan. vmUnheardMs: the plan runs, and its VM was not heard for so long.
   */
  planStatus(
    planId: string,
    options: { waitMs: number; after: number; limit: number; orEvent?: boolean },
  ): Promise<{ plan: PlanSnapshot; events: PlanEvent[]; cursor: number; vmUnheardMs?: number }>
  planText(planId: string): Promise<string>
  /** Everything known about the plan as one JSON document (plans/plan-record.ts), streamed because it may be long. */
  planExport(planId: string): Promise<ReadableStream<Uint8Array>>
  planDiff(
    planId: string,
    options: { from: { head: string; page: number } | null; path: string | null },
  ): Promise<PlanDiff>
  cancel(planId: string): Promise<PlanSnapshot>
  resume(planId: string, budgetUsd: number | undefined): Promise<PlanSnapshot>
  /** With answersAttempt the text counts only as the answer to that attempt's question, and is dropped when it is not open. */
  message(planId: string, text: string, answersAttempt?: number): Promise<PlanSnapshot>

  authorize(claims: PlanClaims | VmKeyClaims, intent: Intent): Promise<Authorization>
  settle(leaseId: string, settlement: Settlement): Promise<void>
  /** Resolves when the lease is revoked, settled or past its deadline. A push is raced against this open call. */
  untilRevoked(leaseId: string): Promise<'revoked' | 'over'>
  /** A model stream asks once a second: an open call would bill the object throughout. `mostUsd`: the most it can still cost. */
  leaseLives(leaseId: string, mostUsd?: number): Promise<boolean>

  /** Returns null when the upload was stored, or was known already. */
  storeDiff(claims: PlanClaims, upload: DiffUpload): Promise<DiffRefusal | null>

  /** Spends the one-time ticket. Returns null when it is spent, expired or of an older VM. */
  redeemTicket(claims: TicketClaims): Promise<string | null>
  /** True while the ticket or VM key is the current one: only then are bootstrap.sh and ralph.mjs delivered. */
  knowsVm(claims: TicketClaims | VmKeyClaims): Promise<boolean>
  vmSync(
    claims: VmKeyClaims,
    request: SyncRequest,
  ): Promise<
    | { ok: true; response: SyncResponse }
    | { ok: false; reason: 'vm_replaced' | 'stale_nonce' | 'workspace_removed' }
  >

  record(facts: Fact[]): Promise<void>
}

/** One thing that `npm run doctor` checked; `cure` is there when `ok` is false. */
export interface Finding {
  check: string
  ok: boolean
  detail: string
  cure?: string
}
