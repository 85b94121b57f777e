// The finish gate: what the model says is done is looked at before anybody is told. Cheap things first: what is left is committed,
// an empty diff is turned down, the checks run in the checkout. Only then is the branch pushed and its head proven elsewhere, by
// the supervisor's prover, whose word alone makes a plan verified. The second rejection of an attempt ends it, unverified.
import type { OutcomeReason } from '../src/protocol.ts'
import { runChecks } from './checks.ts'
import { commitLeftovers } from './commits.ts'
import { commitOf } from './git.ts'
import { recordsOf } from './journal.ts'
import type { FinishOutcome } from './journal.ts'
import { takeNotices } from './notices.ts'
import { clipText } from './output.ts'
import { PauseError, RevokedError } from './plan-run.ts'
import type { PlanRun } from './plan-run.ts'
import { pushBranch } from './push.ts'
import { readWork } from './work.ts'

export type GateVerdict =
  | { kind: 'accepted' }
  /** text: what the model is told, with what failed and what to do. */
  | { kind: 'rejected'; text: string }
  /** Turned down once too often: the attempt ends with the work as it is. */
  | { kind: 'exhausted' }

const MAX_REJECTIONS = 2

export function createGate(
  plan: PlanRun,
  baseHead: string | null,
): (summary: string) => Promise<GateVerdict> {
  return async (summary) => {
    const finding = await judge(plan, baseHead, summary)
    const { text: why, ...outcome } = finding
    if (why === null) return conclude(plan, summary, outcome, 'accepted')
    const text = [why, ...takeNotices(plan)].join('\n')
    const before = recordsOf(plan.journal.records(), plan.start.attempt)
    const rejections = before.filter(({ kind }) => kind === 'rejected').length + 1
    plan.journal.append({ kind: 'rejected', text })
    if (rejections >= MAX_REJECTIONS) return conclude(plan, summary, outcome, 'exhausted')
    plan.report({ kind: 'phase', phase: 'working' })
    return { kind: 'rejected', text }
  }
}

function conclude(
  { journal }: PlanRun,
  summary: string,
  outcome: FinishOutcome,
  kind: 'accepted' | 'exhausted',
): GateVerdict {
  journal.append({ kind: 'finished', summary, outcome })
  return { kind }
}

/** text: why it is turned down; null: it is not. */
type Finding = FinishOutcome & { text: string | null }

async function judge(plan: PlanRun, baseHead: string | null, summary: string): Promise<Finding> {
  const committed = await commitLeftovers(plan, summary, 'run')
  if (committed.kind === 'hook_failed') return hookFailed(plan, summary, committed.output)
  plan.report({ kind: 'phase', phase: 'verifying' })
  const checks = await runChecks(plan, baseHead)
  const proof = checks.length > 0 ? ('in_place' as const) : ('none' as const)
  const work = await readWork(plan.git, baseHead, checks)
  const verdict: OutcomeReason = checks.length === 0 ? 'no_checks' : 'proof_missing'
  if (work.commits.length === 0 && work.diff.files === 0)
    return { text: 'Nothing has changed.', reasons: [verdict, 'nothing_changed'], proof, checks }
  const failed = checks.filter(({ exitCode }) => exitCode !== 0)
  if (failed.length > 0)
    return {
      text: `These checks fail: ${failed.map(({ command }) => command).join(', ')}`,
      reasons: ['check_failed'],
      proof,
      checks,
    }
  plan.report({ kind: 'phase', phase: 'pushing' })
  await pushBranch(plan)
  plan.report({ kind: 'phase', phase: 'verifying' })
  const head = (await commitOf(plan.git, 'HEAD')) ?? ''
  const proven = await plan.prove(head, summary.slice(0, 8_000))
  if (proven.kind === 'revoked') throw new RevokedError('The gateway revoked the rights of this attempt.')
  if (proven.kind === 'paused') throw new PauseError(proven.reason, proven.detail)
  if (proven.kind === 'accepted' && proven.proof !== 'clean_checkout')
    return { text: null, reasons: [verdict], proof, checks }
  return {
    text: proven.kind === 'rejected' ? proven.text : null,
    reasons: proven.reasons,
    proof: proven.proof,
    checks: proven.checks,
  }
}

/** The work stays as it is for the model to mend; should this be the last word, it is kept without the hook. */
async function hookFailed(plan: PlanRun, summary: string, output: string): Promise<Finding> {
  plan.report({
    kind: 'event',
    type: 'check',
    text: clipText(`failed: the repository's own commit hook: ${output}`, 1_000),
  })
  const { length } = recordsOf(plan.journal.records(), plan.start.attempt).filter(
    ({ kind }) => kind === 'rejected',
  )
  if (length + 1 >= MAX_REJECTIONS) await commitLeftovers(plan, summary)
  return {
    text: `The repository's own commit hook refused the commit of your work:\n${output}\nMend what it names, or commit in the way it wants, then call finish again.`,
    reasons: ['check_failed'],
    proof: 'none',
    checks: [],
  }
}
