// States, facts and snapshots of a workspace and its plans, and the RPC surface the doors call. Types only: the one file of
// this folder that doors import. Snapshots are camelCase; mcp/ turns them into the snake_case of SPEC section 5.
import type {
  CheckResult,
  DiffFile,
  DiffTotals,
  DiffUpload,
  OutcomeReason,
  Phase,
  SyncRequest,
  SyncResponse,
} from '../shared/protocol.ts'
import type { PlanClaims, TicketClaims, VmKeyClaims } from '../auth/vm-token.ts'

export type WorkspaceStatus = 'provisioning' | 'ready' | 'error' | 'removed'
export type PlanStatus = 'queued' | 'running' | 'paused' | 'completed' | 'failed' | 'cancelled'
export type MergeStatus = 'none' | 'open' | 'merged' | 'closed' | 'unknown'
export type PausedReason =
  | 'budget'
  | 'question'
  | 'monthly_budget'
  | 'vm_unavailable'
  | 'orgo_refused'
  | 'model_unavailable'
  | 'git_refused'
  | 'credential_missing'
export type Effort = 'low' | 'medium' | 'high' | 'xhigh' | 'max'

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
  outcome: 'verified' | 'unverified' | null
  outcomeReasons: OutcomeReason[]
  proof: 'clean_checkout' | 'in_place' | 'none' | null
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

/** One line of a plan's history. `seq` counts from 1 without gaps and is given by the object alone. */
export interface PlanEvent {
  seq: number
  atMs: number
  type: string
  text: string
  data?: Record<string, unknown>
}

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
  onQuestion?: 'pause' | 'assume'
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

// ---- the gateway's questions ----

/** What a VM wants to do upstream. Costs are worst cases in dollars; settle tells what it came to. */
export type Intent =
  | { kind: 'git_read' }
  | { kind: 'git_push_discover' }
  | { kind: 'git_push'; commands: { oldId: string; newId: string; ref: string }[] }
  | { kind: 'model'; worstCaseUsd: number }
  | { kind: 'model_free' }

/** Closed list; gateway/routes.ts maps each to one public answer. */
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
      /** The stream must be over by then; an unsettled lease is charged in full at this time. */
      deadlineMs: number
      model: string
      /** The model API's last answer to this plan never came: see that it is there before sending it another paid call. */
      probeFirst?: true
      /** For model: the share of the plan's budget used before this call. */
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

/** How a lease came out. `unknown`: cut before the upstream answered, so the object finds out (re-reads refs) or charges in full. */
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

// ---- the webhook's facts: hints, confirmed with the host before anything is deleted ----

export type Fact =
  | { kind: 'branch_merged_hint'; branch: string; deliveryId: string; prUrl?: string }
  | { kind: 'base_pushed'; branch: string; deliveryId: string }
  | { kind: 'branch_deleted'; branch: string; deliveryId: string }
  | { kind: 'pr_changed'; branch: string; deliveryId: string; prUrl: string; state: 'open' | 'closed' }

// ---- the diff of what a plan pushed ----

/** A page of it. `diff` null: none is known for pushedHead; moved: the branch was pushed again since the page asked for. */
export interface PlanDiff {
  status: PlanStatus
  branch: string
  base: string
  pushedHead: string | null
  diff: {
    head: string
    /** The commit the work began from, as the VM says. */
    base: string | null
    totals: DiffTotals
    files: DiffFile[]
    nextPage: number | null
  } | null
  moved?: true
}

export type DiffRefusal = DenyReason | 'diff_out_of_order' | 'diff_too_long'

/** RPC methods of the Workspace object. Its errors arrive as RuntimeErrors (lib/errors.ts). */
export interface WorkspaceRpc {
  diagnose(name: string): Promise<Finding[]>
  /** Of that only what stands still; asks nothing of the outside. */
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
  /** Waits up to waitMs for status, phase, question or merge status to change (or, with orEvent, for an event); closing the call does not touch the plan. vmUnheardMs: it runs, and its VM was not heard for so long. */
  planStatus(
    planId: string,
    options: { waitMs: number; after: number; limit: number; orEvent?: boolean },
  ): Promise<{ plan: PlanSnapshot; events: PlanEvent[]; cursor: number; vmUnheardMs?: number }>
  planText(planId: string): Promise<string>
  /** Everything known of the plan as one JSON document (export.ts), in pieces: however long its history is. */
  planExport(planId: string): Promise<ReadableStream<Uint8Array>>
  planDiff(
    planId: string,
    options: { from: { head: string; page: number } | null; path: string | null },
  ): Promise<PlanDiff>
  cancel(planId: string): Promise<PlanSnapshot>
  resume(planId: string, budgetUsd: number | undefined): Promise<PlanSnapshot>
  /** answersAttempt: only as the answer to the question that attempt asked; dropped when it is no longer open. */
  message(planId: string, text: string, answersAttempt?: number): Promise<PlanSnapshot>

  authorize(claims: PlanClaims | VmKeyClaims, intent: Intent): Promise<Authorization>
  settle(leaseId: string, settlement: Settlement): Promise<void>
  /** Answers when the lease is revoked, settled or past its deadline. A push is raced against this open call. */
  untilRevoked(leaseId: string): Promise<'revoked' | 'over'>
  /** Asked once a second by a model stream: a call held open would bill the object for the whole stream. `mostUsd`: it cannot cost more any more. */
  leaseLives(leaseId: string, mostUsd?: number): Promise<boolean>

  /** null: stored (or known already). */
  storeDiff(claims: PlanClaims, upload: DiffUpload): Promise<DiffRefusal | null>

  /** Spends the one-time ticket; null when it is spent, expired or of an older VM. */
  redeemTicket(claims: TicketClaims): Promise<string | null>
  /** True while the ticket or VM key is the current one: for the delivery of bootstrap.sh and ralph.mjs. */
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

/** One thing `npm run doctor` looked at; `cure` stands where `ok` is false. */
export interface Finding {
  check: string
  ok: boolean
  detail: string
  cure?: string
}
