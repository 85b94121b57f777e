// Pure functions: each takes a plan and what happened to it, and returns the new state with its history event. They read no
// clock, no storage and no network. They are the only state transitions; null: not allowed.
import type { AttemptEnd, Work } from '../../shared/protocol.ts'
import { cleanPlaces, cleanTests } from './clean-results.ts'
import { isFinal } from './records.ts'
import type { PlanRecord } from './records.ts'
import { runEnd } from './run-time.ts'
import type { WorkerEvent } from '../contract.ts'
import type { PausedReason } from '../../shared/words.ts'

export interface Change {
  plan: PlanRecord
  event: Omit<WorkerEvent, 'seq' | 'atMs'>
}

export const PAUSED_LIMIT_MS = 30 * 24 * 3_600_000
export const CANCEL_CONFIRM_MS = 10 * 60_000

/** queued → running: the plan gets a slot. `runLimitMs` says how long the attempt may run. */
export function start(plan: PlanRecord, nowMs: number, runLimitMs: number): Change | null {
  if (plan.status !== 'queued') return null
  return {
    plan: {
      ...plan,
      status: 'running',
      statusDetail: null,
      phase: 'preparing',
      startedAtMs: plan.startedAtMs ?? nowMs,
      attemptStartedAtMs: nowMs,
      silentMs: 0,
      runLimitMs,
      lastActivityAtMs: nowMs,
      stoppedOnVm: false,
      onVm: true,
    },
    event: { type: 'running', text: `Attempt ${plan.attempt} started.`, data: { attempt: plan.attempt } },
  }
}

/** An attempt ended on the VM. Returns null for a late report of another attempt or of a plan that no longer runs. */
export function end(plan: PlanRecord, attempt: number, report: AttemptEnd, nowMs: number): Change | null {
  if (plan.status !== 'running' || attempt !== plan.attempt || report.kind === 'stopped') return null
  const worked = withWork(plan, report.work)
  if (report.kind === 'completed') {
    // "verified" needs proof from a clean checkout of exactly the head that the gateway saw pushed.
    const proven =
      report.outcome === 'verified' &&
      report.proof === 'clean_checkout' &&
      plan.pushedHead !== null &&
      plan.pushedHead === report.work.head
    const reasons = proven ? [] : report.reasons.length > 0 ? report.reasons : ['proof_missing' as const]
    return {
      plan: {
        ...worked,
        status: 'completed',
        statusDetail: null,
        phase: null,
        outcome: proven ? 'verified' : 'unverified',
        outcomeReasons: reasons,
        proof: report.proof,
        summary: report.summary,
        tests: report.tests === undefined ? null : cleanTests(report.tests),
        lookFirst: cleanPlaces(report.lookFirst ?? []),
        finishedAtMs: nowMs,
        stoppedOnVm: true,
      },
      event: {
        type: 'completed',
        text: proven ? 'Completed and verified.' : `Completed, unverified: ${reasons.join(', ')}.`,
        data: { attempt },
      },
    }
  }
  const change =
    report.kind === 'paused'
      ? pause(worked, report.reason, report.detail, nowMs, report.question)
      : fail(worked, report.error, nowMs)
  if (change === null) return null
  // The mark attributes the reason and the text to the VM in the plan's record (plans/plan-record.ts).
  return { ...change, event: { ...change.event, data: { ...change.event.data, told_by: 'vm' } } }
}

/** running or queued → paused. The process ends and the slot becomes free. */
export function pause(
  plan: PlanRecord,
  reason: PausedReason,
  detail: string,
  nowMs: number,
  question?: string,
): Change | null {
  if (plan.status !== 'running' && plan.status !== 'queued') return null
  return {
    plan: {
      ...plan,
      status: 'paused',
      phase: null,
      pausedReason: reason,
      statusDetail: detail,
      question: question ?? null,
      pausedAtMs: nowMs,
    },
    event: {
      type: 'paused',
      text: detail,
      data: { reason, ...(question === undefined ? {} : { question }) },
    },
  }
}

export function fail(plan: PlanRecord, error: string, nowMs: number): Change | null {
  if (isFinal(plan.status)) return null
  return {
    plan: { ...plan, status: 'failed', statusDetail: null, phase: null, error, finishedAtMs: nowMs },
    event: { type: 'failed', text: error },
  }
}

/** queued, running or paused → cancelled, at once. The VM only confirms it later. */
export function cancel(plan: PlanRecord, nowMs: number): Change | null {
  if (isFinal(plan.status)) return null
  const detail = plan.onVm ? 'Rights revoked; the VM is being told to stop.' : 'Cancelled before it started.'
  return {
    plan: {
      ...plan,
      status: 'cancelled',
      phase: null,
      statusDetail: detail,
      question: null,
      finishedAtMs: nowMs,
      cancelledAtMs: nowMs,
      stoppedOnVm: !plan.onVm,
    },
    event: { type: 'cancelled', text: detail },
  }
}

/** paused, completed, failed or cancelled → queued: same plan, same branch, next attempt. A merged plan cannot be reopened. */
export function reopen(plan: PlanRecord, budgetUsd: number, why: string): Change | null {
  if (plan.status === 'queued' || plan.status === 'running' || plan.mergeStatus === 'merged') return null
  return {
    plan: {
      ...plan,
      status: 'queued',
      attempt: plan.attempt + 1,
      budgetUsd,
      statusDetail: null,
      phase: null,
      pausedReason: null,
      question: null,
      error: null,
      outcome: null,
      outcomeReasons: [],
      proof: null,
      pausedAtMs: null,
      finishedAtMs: null,
      cancelledAtMs: null,
      stoppedOnVm: false,
    },
    event: { type: 'queued', text: why, data: { attempt: plan.attempt + 1 } },
  }
}

/** The VM is lost for good: the plan moves on to the next VM. The new attempt number shuts out what still runs on the old one. */
export function moveToNewVm(plan: PlanRecord, nowMs: number): Change | null {
  if (plan.status !== 'running') return null
  const isStored = plan.checkpointHead !== null || plan.pushedHead !== null
  return {
    plan: {
      ...plan,
      attempt: plan.attempt + 1,
      phase: 'preparing',
      attemptStartedAtMs: nowMs,
      silentMs: 0,
      stoppedOnVm: false,
    },
    event: {
      type: 'vm_replaced',
      text: `The VM was lost. Attempt ${plan.attempt + 1} ${isStored ? 'continues from the last checkpoint' : 'begins anew: there was no checkpoint yet'}.`,
      data: { attempt: plan.attempt + 1 },
    },
  }
}

/** Moves a plan on whose state has lasted too long; null when nothing is due. `heardAtMs` is the time of the VM's last sync. */
export function expire(plan: PlanRecord, heardAtMs: number | null, nowMs: number): Change | null {
  const run = runEnd(plan, heardAtMs)
  if (run !== null && nowMs >= run.atMs)
    return run.as === 'silence'
      ? pause(
          plan,
          'vm_unavailable',
          'The VM was not heard for 2 hours. It continues by itself when Orgo works again, or at once with plan_resume.',
          nowMs,
        )
      : fail(
          plan,
          `The plan ran for ${plan.runLimitMs / 3_600_000} hours without finishing. Its work is kept; continue with plan_resume.`,
          nowMs,
        )
  if (plan.status === 'paused' && plan.pausedAtMs !== null && nowMs - plan.pausedAtMs >= PAUSED_LIMIT_MS)
    return fail(plan, 'The plan was paused for 30 days. Its work is kept; continue with plan_resume.', nowMs)
  return null
}

/** Returns when this plan's present state ends by itself; null when it never does. */
export function deadlineMs(plan: PlanRecord, heardAtMs: number | null): number | null {
  if (plan.status === 'running') return runEnd(plan, heardAtMs)?.atMs ?? null
  if (plan.status === 'paused' && plan.pausedAtMs !== null) return plan.pausedAtMs + PAUSED_LIMIT_MS
  if (plan.status === 'cancelled' && !plan.stoppedOnVm && plan.cancelledAtMs !== null)
    return plan.cancelledAtMs + CANCEL_CONFIRM_MS
  return null
}

/** Returns the queued plans that get a slot now, oldest first. A VM that cannot add users runs one plan at a time. */
export function plansToStart(
  queued: PlanRecord[],
  running: number,
  maxParallel: number,
  canAddUsers: boolean,
): PlanRecord[] {
  const slots = (canAddUsers ? maxParallel : 1) - running
  return slots > 0 ? queued.slice(0, slots) : []
}

/** Returns when to check an open branch next: hourly for 7 days, then daily until day 90; null after that. */
export function nextMergeCheckMs(firstPushAtMs: number, nowMs: number): number | null {
  const ageDays = (nowMs - firstPushAtMs) / 86_400_000
  if (ageDays < 7) return nowMs + 3_600_000
  return ageDays < 90 ? nowMs + 86_400_000 : null
}

/** Takes over what the VM says the work amounts to. What an earlier proof found is dropped, because it was about other work. */
export function withWork(plan: PlanRecord, work: Work): PlanRecord {
  return {
    ...plan,
    head: work.head ?? plan.head,
    baseHead: work.baseHead ?? plan.baseHead,
    commits: work.commits,
    diff: work.diff,
    checks: work.checks,
    tests: null,
    lookFirst: [],
  }
}
