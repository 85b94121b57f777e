// The records the object keeps: one WorkspaceRecord, and one PlanRecord per plan. Fields are only ever added: an older row gets
// the first value of a new field (new-records.ts).
import type { CheckResult } from '../../shared/protocol.ts'
import type { LookFirst, TestsReport } from '../../shared/results.ts'
import type { Tokens } from '../../shared/usage.ts'
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
} from '../../shared/words.ts'

/**
 * none: no machine is known. creating: a create was sent and its outcome may be unknown. known: the machine has an id.
 * booting: bootstrap.sh runs. ready: the supervisor was heard.
 */
export type VmStep = 'none' | 'creating' | 'known' | 'booting' | 'ready'

export interface VmRecord {
  id: string | null
  name: string
  url: string | null
  /** The Orgo workspace the machine was seen in. A key that does not show that workspace either belongs to another account. */
  orgoWorkspaceId: string | null
  adopted: boolean
  /** Orgo's own word for the machine's state, shown to people. */
  status: string
  step: VmStep
  /** Number of this machine, in tickets and VM keys. A new machine or bootstrap raises it, which makes older ones void. */
  generation: number
  createSentAtMs: number | null
  /** Set by a 403 or 404, cleared when the machine is seen. A loss needs two, 60 s apart, and a listing without the machine. */
  missingSinceMs: number | null
  bootSentAtMs: number | null
  bootStep: string | null
  ticketSpent: boolean
  restartedAtMs: number | null
  canAddUsers: boolean
  freeDiskMb: number | null
}

export interface SupervisorRecord {
  /** Nonce of the last doorbell that a sync named, and nonce of the doorbell that was sent but not heard yet. */
  heardNonce: string | null
  pendingNonce: string | null
  bootId: string | null
  counter: number
  agentSha256: string
  lastHeardAtMs: number | null
  lastRingAtMs: number | null
  /** Doorbells sent since the supervisor was last heard. */
  unansweredRings: number
  /** The VM must learn of a change at once. The sync that carries it clears the flag. */
  ringWanted: boolean
  revisionApplied: number
}

/** A machine that may still exist although no registration wants it. `id` is null when only its name is known. */
export interface Leftover {
  name: string
  id: string | null
  orgoWorkspaceId: string | null
  dueAtMs: number
  untilMs: number
}

/**
 * `baseUsd`: what all plans had spent when this UTC month began. `grantedUsd`: what the Account lets this workspace
 * spend in the month. `heldUsd`: what the Account may still hold for it while a returned amount is not confirmed.
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
  /** Part of the provisioning time during which Orgo did not answer. */
  outageMs: number
  /** New for each registration. It is part of the machine's name, so that only a machine of this registration is ever adopted. */
  nonce: string
  /** Grows with every change that a VM or D1 must learn of, and never goes back. */
  revision: number
  /** After trouble with an outside service nothing is tried again before this time. */
  retryAtMs: number | null
  retries: number
  /** Since when the git host, although asked, has not named its default branch. */
  gitSilentSinceMs: number | null
  outboxRetryAtMs: number | null
  outboxRetries: number
  /** When plans that wait for a machine are checked next, and how often they were checked. */
  mendAtMs: number | null
  mendTries: number
  webhookHeardAtMs: number | null
  refreshMirror: boolean
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
  outcome: Outcome | null
  outcomeReasons: OutcomeReason[]
  proof: Proof | null
  summary: string | null
  question: string | null
  pausedReason: PausedReason | null
  error: string | null
  checks: CheckResult[]
  /** What the proof of the last attempt found; null when it found nothing by name, or the agent is older. */
  tests: TestsReport | null
  lookFirst: LookFirst
  declaredChecks: string[]
  commits: { sha: string; subject: string }[]
  diff: { files: number; additions: number; deletions: number }
  head: string | null
  /** The commit the work began from, as the VM reports it. */
  baseHead: string | null
  /** Set by the gateway only. */
  pushedHead: string | null
  checkpointHead: string | null
  prUrl: string | null
  openPr: boolean
  /** A pull request is tried (again) from this time on. */
  openPrAtMs: number
  openPrTries: number
  mergeStatus: MergeStatus
  /** When the host is asked next whether the branch was merged; null: not watched. */
  mergeCheckAtMs: number | null
  firstPushAtMs: number | null
  budgetUsd: number
  spentUsd: number
  tokens: Tokens
  model: string
  /** The last model call was sent and never answered. */
  modelSilent: boolean
  effort: Effort
  onQuestion: OnQuestion
  createdAtMs: number
  startedAtMs: number | null
  attemptStartedAtMs: number | null
  /**
   * Part of the attempt's time during which its VM was not heard, and how long the attempt may run apart from that
   * (MAX_PLAN_HOURS when it started).
   */
  silentMs: number
  runLimitMs: number
  pausedAtMs: number | null
  finishedAtMs: number | null
  cancelledAtMs: number | null
  /**
   * True from the first time the VM is told of the plan until the VM was told to forget it and no longer reports it.
   */
  onVm: boolean
  /** The VM confirmed that no process of this attempt is left. */
  stoppedOnVm: boolean
  removeCheckout: boolean
  messagesTaken: number
}

/** The fields of a plan that callers see and D1 keeps. */
export const SHOWN = [
  'id',
  'title',
  'planChars',
  'branch',
  'base',
  'status',
  'statusDetail',
  'phase',
  'attempt',
  'lastActivityAtMs',
  'outcome',
  'outcomeReasons',
  'proof',
  'summary',
  'question',
  'pausedReason',
  'error',
  'checks',
  'tests',
  'lookFirst',
  'commits',
  'diff',
  'head',
  'pushedHead',
  'prUrl',
  'mergeStatus',
  'budgetUsd',
  'spentUsd',
  'tokens',
  'model',
  'createdAtMs',
  'startedAtMs',
  'finishedAtMs',
] as const satisfies (keyof PlanRecord)[]

const LEASE_KINDS = ['git_read', 'git_push', 'model'] as const
const LEASE_STATES = ['open', 'revoked', 'unknown'] as const
/** `plan` is '' when the machine itself fetches; `attempt` is then the machine's generation. */
export interface LeaseRecord {
  id: string
  plan: string
  attempt: number
  kind: (typeof LEASE_KINDS)[number]
  state: (typeof LEASE_STATES)[number]
  deadlineMs: number
  worstCaseUsd: number
  commands: { oldId: string; newId: string; ref: string }[]
}

export const isKnownLease = ({ kind, state }: LeaseRecord): boolean =>
  LEASE_KINDS.includes(kind) && LEASE_STATES.includes(state)

export const isFinal = (status: PlanStatus): boolean =>
  status === 'completed' || status === 'failed' || status === 'cancelled'
/** True when the runtime paused the plan for want of a machine, not the model or a person. */
export const isWaitingForVm = ({ status, pausedReason }: PlanRecord): boolean =>
  status === 'paused' && (pausedReason === 'vm_unavailable' || pausedReason === 'orgo_refused')
/** True while the plan's pull request still has to be opened. */
export const wantsPullRequest = (plan: PlanRecord): boolean =>
  plan.openPr && plan.status === 'completed' && plan.prUrl === null && plan.pushedHead !== null
export const isOpen = (status: PlanStatus): boolean => status === 'queued' || status === 'running'
