// What the object keeps, as the core sees it: one WorkspaceRecord, and a PlanRecord per plan. store.ts turns them into rows;
// snapshots.ts into what the doors see. Fields are only ever added: an older row has the first value of those (new-records.ts).
import type { CheckResult, OutcomeReason, Phase } from '../../shared/protocol.ts'
import type { Effort, MergeStatus, PausedReason, PlanStatus, WorkspaceStatus } from '../contract.ts'

/** none: no machine known. creating: a create was sent, its outcome may be unknown. known: an id. booting: bootstrap runs. ready: the supervisor was heard. */
export type VmStep = 'none' | 'creating' | 'known' | 'booting' | 'ready'

export interface VmRecord {
  id: string | null
  name: string
  url: string | null
  /** Orgo's own workspace it was seen in: a key that does not show that one either is another account's. */
  orgoWorkspaceId: string | null
  adopted: boolean
  /** Orgo's own word for its state, for people. */
  status: string
  step: VmStep
  /** Names the machine in tickets and VM keys: a replaced or newly bootstrapped machine makes the older ones void. */
  generation: number
  createSentAtMs: number | null
  /** Set by an answer 403/404, cleared by any sight of it. A loss needs two, 60 s apart, and a listing without it. */
  missingSinceMs: number | null
  bootSentAtMs: number | null
  bootStep: string | null
  ticketSpent: boolean
  restartedAtMs: number | null
  canAddUsers: boolean
  freeDiskMb: number | null
}

export interface SupervisorRecord {
  /** Nonce of the last doorbell a sync has named, and of the one sent but not yet heard. */
  heardNonce: string | null
  pendingNonce: string | null
  bootId: string | null
  counter: number
  agentSha256: string
  lastHeardAtMs: number | null
  lastRingAtMs: number | null
  /** Rings since it was last heard. */
  unansweredRings: number
  /** Something new must be known on the VM at once; cleared by the sync that carries it. */
  ringWanted: boolean
  revisionApplied: number
}

/** A machine that may still be there though no registration wants it. `id` null: only its name is known. */
export interface Leftover {
  name: string
  id: string | null
  /** Absent in rows of older versions. */
  orgoWorkspaceId?: string | null
  dueAtMs: number
  untilMs: number
}

/**
 * `baseUsd`: what all plans had spent when the UTC month began here. `grantedUsd`: what the Account lets this workspace spend in it.
 * `heldUsd`: what the Account may hold for it still, while a return is not known to have been heard.
 */
export interface MonthRecord {
  name: string
  baseUsd: number
  grantedUsd: number
  heldUsd?: number
}

export interface WorkspaceRecord {
  name: string
  gitRemote: string
  branch: string | null
  status: WorkspaceStatus
  statusDetail: string
  setup: string | null
  checks: string[]
  maxParallel: number
  openPr: boolean
  keepBranch: boolean
  reactToFeedback: boolean
  createdAtMs: number
  provisioningSinceMs: number | null
  /** Of that time, how long Orgo itself did not answer. */
  outageMs: number
  /** Per registration; part of the machine's name, so that only a machine of ours is ever adopted. */
  nonce: string
  /** Grows with every change a VM or D1 must learn of, and never goes back. */
  revision: number
  /** Trouble with an outside service: nothing is tried again before this. */
  retryAtMs: number | null
  retries: number
  /** The git host has not named its default branch since then, though asked. */
  gitSilentSinceMs: number | null
  outboxRetryAtMs: number | null
  outboxRetries: number
  /** When plans that wait for a machine are looked after next, and how often they were. */
  mendAtMs: number | null
  mendTries: number
  webhookHeardAtMs: number | null
  refreshMirror: boolean
  /** Of older versions; now a leftover. */
  deleteVm: boolean
  leftovers: Leftover[]
  month: MonthRecord
  vm: VmRecord
  supervisor: SupervisorRecord
}

export interface PlanRecord {
  id: string
  title: string
  planChars: number
  textSha256: string
  branch: string
  base: string
  status: PlanStatus
  statusDetail: string | null
  attempt: number
  phase: Phase | null
  activity: number
  lastActivityAtMs: number | null
  outcome: 'verified' | 'unverified' | null
  outcomeReasons: OutcomeReason[]
  proof: 'clean_checkout' | 'in_place' | 'none' | null
  summary: string | null
  question: string | null
  pausedReason: PausedReason | null
  error: string | null
  checks: CheckResult[]
  declaredChecks: string[]
  commits: { sha: string; subject: string }[]
  diff: { files: number; additions: number; deletions: number }
  head: string | null
  /** The commit the work began from, as the VM says. */
  baseHead: string | null
  /** From the gateway only. */
  pushedHead: string | null
  checkpointHead: string | null
  prUrl: string | null
  openPr: boolean
  /** A pull request is tried (again) from then on. */
  openPrAtMs: number
  openPrTries: number
  mergeStatus: MergeStatus
  /** When the host is asked next whether the branch was merged; null: not watched. */
  mergeCheckAtMs: number | null
  firstPushAtMs: number | null
  budgetUsd: number
  spentUsd: number
  tokens: { input: number; output: number; cacheRead: number; cacheWrite: number }
  model: string
  /** The last model call was sent and never answered. */
  modelSilent: boolean
  effort: Effort
  onQuestion: 'pause' | 'assume'
  createdAtMs: number
  startedAtMs: number | null
  attemptStartedAtMs: number | null
  /** Of the attempt's time, how long its VM was not heard; and how long it may run besides (MAX_PLAN_HOURS at its start). */
  silentMs: number
  runLimitMs: number
  pausedAtMs: number | null
  finishedAtMs: number | null
  cancelledAtMs: number | null
  /** True from the first time the VM is told of the plan until it was told to forget it and reports it no more. */
  onVm: boolean
  /** The VM confirmed that no process of this attempt is left. */
  stoppedOnVm: boolean
  removeCheckout: boolean
  messagesTaken: number
}

/** `plan` is '' for a fetch of the machine itself; `attempt` is then its generation. */
export interface LeaseRecord {
  id: string
  plan: string
  attempt: number
  kind: 'git_read' | 'git_push' | 'model'
  state: 'open' | 'revoked' | 'unknown'
  deadlineMs: number
  worstCaseUsd: number
  commands: { oldId: string; newId: string; ref: string }[]
}

const STATUSES: readonly string[] = ['queued', 'running', 'paused', 'completed', 'failed', 'cancelled']
const LEASE_KINDS: readonly string[] = ['git_read', 'git_push', 'model']
const LEASE_STATES: readonly string[] = ['open', 'revoked', 'unknown']
/** False for what a newer version of this code wrote (a rollback, or two versions at once): it is left alone until that is back. */
export const isKnownStatus = (status: string): boolean => STATUSES.includes(status)
export const isKnownLease = ({ kind, state }: LeaseRecord): boolean =>
  LEASE_KINDS.includes(kind) && LEASE_STATES.includes(state)

export const isFinal = (status: PlanStatus): boolean =>
  status === 'completed' || status === 'failed' || status === 'cancelled'
/** Paused by us for want of a machine, not by the model or a person. */
export const isWaitingForVm = ({ status, pausedReason }: PlanRecord): boolean =>
  status === 'paused' && (pausedReason === 'vm_unavailable' || pausedReason === 'orgo_refused')
/** Its pull request is still to be opened. */
export const wantsPullRequest = (plan: PlanRecord): boolean =>
  plan.openPr && plan.status === 'completed' && plan.prUrl === null && plan.pushedHead !== null
export const isOpen = (status: PlanStatus): boolean => status === 'queued' || status === 'running'
