// States, hints and snapshots of a workspace and its plans, and the RPC methods that mcp, gateway, webhook and dashboard call. It holds
// types only. Snapshots are camelCase; mcp/ turns them into snake_case.
import type { PlanClaims, TicketClaims, VmKeyClaims } from '../auth/vm-token.ts'
import type { Finding } from '../lib/finding.ts'
import type { WorkerEventType } from '../shared/event-types.ts'
import type { DiffFile, DiffTotals, DiffUpload, SyncRequest, SyncResponse } from '../shared/protocol.ts'
import type { Tokens } from '../shared/usage.ts'
import type { Effort, MergeStatus, OnQuestion, PlanStatus, WorkspaceStatus } from '../shared/words.ts'
import type { PlanRecord, SHOWN } from './records/records.ts'

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

/** What callers see of a plan, and D1 keeps. */
export type PlanSnapshot = { workspace: string } & Pick<PlanRecord, (typeof SHOWN)[number]>

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

export interface Registered {
  workspace: WorkspaceSnapshot
  existing: boolean
  differs: string[]
}

export interface UpdateInput extends Omit<RegisterInput, 'name' | 'gitRemote' | 'vmId'> {
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

export interface PlanStatusOptions {
  waitMs: number
  after: number
  limit: number
  /** Ends the wait at a new event too, for a client that asked for progress. */
  orEvent?: boolean
}

/** `vmUnheardMs`: the plan runs, and its VM was not heard for so long. */
export interface PlanStatusAnswer {
  plan: PlanSnapshot
  events: PlanEvent[]
  cursor: number
  vmUnheardMs?: number
}

/** `startsAgain`: the plan had ended, and the message made it begin its next attempt. */
export type MessageAnswer = PlanSnapshot & { startsAgain?: true }

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

export interface Branches {
  workspace: WorkspaceSnapshot
  branches: BranchReport[]
  asOfMs: number
  mergeCommands: string[]
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
      /** For git_push: the refs at fault, each with words git prints. */
      refs?: { ref: string; text: string }[]
    }

/** How a lease ended. `unknown`: it was cut before the upstream answered, so the object reads the refs or charges in full. */
export type Settlement =
  | { kind: 'read' }
  | { kind: 'pushed'; updated: { ref: string; newId: string }[] }
  | { kind: 'refused_upstream'; detail: string }
  | { kind: 'model'; usd: number; tokens: Tokens }
  | { kind: 'unknown' }

/** What a webhook says. The object asks the host before it believes it. */
export type Hint =
  | { kind: 'branch_merged_hint'; branch: string; deliveryId: string; prUrl?: string }
  | { kind: 'base_pushed'; branch: string; deliveryId: string }
  | { kind: 'branch_deleted'; branch: string; deliveryId: string }
  | { kind: 'pr_changed'; branch: string; deliveryId: string; prUrl: string; state: 'open' | 'closed' }

export interface PlanDiffOptions {
  /** The page to begin with, and the head that the earlier page belonged to. */
  from: { head: string; page: number } | null
  path: string | null
}

/** A page of a plan's diff. `diff` is null when none is known for pushedHead. `moved`: the branch was pushed since the page asked for. */
export interface PlanDiff {
  status: PlanStatus
  mergeStatus: MergeStatus
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

export type SyncAnswer =
  | { ok: true; response: SyncResponse }
  | { ok: false; reason: 'vm_replaced' | 'stale_nonce' | 'workspace_removed' }

/** The RPC methods of the Workspace object. Its errors arrive as RuntimeErrors (lib/errors.ts). */
export interface WorkspaceRpc {
  diagnose(name: string): Promise<Finding[]>
  /** The part of diagnose that finds work standing still; it calls no outside service. */
  stuck(name: string): Promise<Finding[]>
  register(input: RegisterInput): Promise<Registered>
  update(name: string, input: UpdateInput): Promise<WorkspaceSnapshot>
  /** Throws NotFoundError when this object was never registered or holds another name. */
  snapshot(name: string): Promise<WorkspaceSnapshot>
  branches(name: string): Promise<Branches>
  remove(name: string, deleteVm: boolean | undefined): Promise<{ removed: boolean; vmDeleted: boolean }>

  submit(name: string, input: SubmitInput): Promise<{ plan: PlanSnapshot; deduplicated: boolean }>
  /** Waits up to waitMs for a change of status, phase, question or merge status. Closing the call does not touch the plan. */
  planStatus(planId: string, options: PlanStatusOptions): Promise<PlanStatusAnswer>
  planText(planId: string): Promise<string>
  /** Everything known about the plan as one JSON document (plans/plan-record.ts), streamed because it may be long. */
  planExport(planId: string): Promise<ReadableStream<Uint8Array>>
  planDiff(planId: string, options: PlanDiffOptions): Promise<PlanDiff>
  cancel(planId: string): Promise<PlanSnapshot>
  resume(planId: string, budgetUsd: number | undefined, model?: string): Promise<PlanSnapshot>
  /** With answersAttempt the text counts only as the answer to that attempt's question, and is dropped when it is not open. */
  message(planId: string, text: string, answersAttempt?: number): Promise<MessageAnswer>

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
  vmSync(claims: VmKeyClaims, request: SyncRequest): Promise<SyncAnswer>

  record(hints: Hint[]): Promise<void>
}
