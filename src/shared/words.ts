// The words that stand in more than one place: in the protocol, the records, the tools and the agent. Each list stands here only.
import * as z from 'zod'

export const Effort = z.enum(['low', 'medium', 'high', 'xhigh', 'max'])
export type Effort = z.infer<typeof Effort>

export const OnQuestion = z.enum(['pause', 'assume'])
export type OnQuestion = z.infer<typeof OnQuestion>

export const WorkspaceStatus = z.enum(['provisioning', 'ready', 'error', 'removed'])
export type WorkspaceStatus = z.infer<typeof WorkspaceStatus>

export const PlanStatus = z.enum(['queued', 'running', 'paused', 'completed', 'failed', 'cancelled'])
export type PlanStatus = z.infer<typeof PlanStatus>
/**
 * False for a status that a newer version of this code wrote (after a rollback, or with two versions at once). Such a
 * plan is left alone until the newer version is back.
 */
export const isPlanStatus = (status: string): boolean => PlanStatus.safeParse(status).success

export const Phase = z.enum(['preparing', 'working', 'verifying', 'pushing'])
export type Phase = z.infer<typeof Phase>

export const Outcome = z.enum(['verified', 'unverified'])
export type Outcome = z.infer<typeof Outcome>

/** What a completed plan lacks to be verified. docs/verification.md and docs/states.md explain each, in this order. */
export const OutcomeReason = z.enum([
  'no_checks',
  'own_checks',
  'baseline_red',
  'setup_failed',
  'check_failed',
  'check_timed_out',
  'check_killed',
  'tool_missing',
  'tests_missing',
  'judge_rejected',
  'nothing_changed',
  'unmerged',
  'proof_missing',
])
export type OutcomeReason = z.infer<typeof OutcomeReason>

/** How one run of a check ended. */
export const CheckState = z.enum(['passed', 'failed', 'timed_out', 'tool_missing', 'killed'])
export type CheckState = z.infer<typeof CheckState>

/** Where the checks of a finished plan ran. */
export const Proof = z.enum(['clean_checkout', 'in_place', 'none'])
export type Proof = z.infer<typeof Proof>

/** Why a plan is paused. */
export const PausedReason = z.enum([
  'budget',
  'question',
  'monthly_budget',
  'vm_unavailable',
  'orgo_refused',
  'model_unavailable',
  'git_refused',
  'credential_missing',
])
export type PausedReason = z.infer<typeof PausedReason>

/** The reasons that the VM itself may give. */
export const VmPauseReason = PausedReason.exclude(['orgo_refused'])
export type VmPauseReason = z.infer<typeof VmPauseReason>

export const MergeStatus = z.enum(['none', 'open', 'merged', 'closed', 'unknown'])
export type MergeStatus = z.infer<typeof MergeStatus>
