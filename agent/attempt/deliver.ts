// Ends an attempt: it pushes the branch if that is not done yet and reads the work (commits, diff) from git. Each step first checks
// whether it is done, so that a crash between two steps repeats nothing.
import type { AttemptEnd, Work } from '../../src/shared/protocol.ts'
import { commitLeftovers } from '../publish/commits.ts'
import { baseIn } from '../plan/journal.ts'
import type { FinishOutcome } from '../plan/journal.ts'
import { clipText } from '../machine/output.ts'
import { PauseError, RevokedError } from '../plan/plan-context.ts'
import type { PlanContext } from '../plan/plan-context.ts'
import { pushBranch } from '../publish/push.ts'
import { keepBeside, tryKeepBeside } from './keep-beside.ts'
import { operationInProgress } from '../publish/unmerged.ts'
import { putRight } from './put-right.ts'
import { NO_WORK, readWork } from '../git/work-summary.ts'

export interface DeliverInput {
  plan: PlanContext
  summary: string
  /** The finish gate's result. It is a claim of this process; the supervisor compares it with its own record. */
  outcome: FinishOutcome
}

export async function deliver({ plan, summary, outcome }: DeliverInput): Promise<AttemptEnd> {
  const work = await readWork(plan.git, baseIn(plan.journal.records()), outcome.checks)
  if (work.commits.length > 0 || work.diff.files > 0) {
    plan.report({ kind: 'phase', phase: 'pushing' })
    // HEAD may be a rebase's first half, which must not replace the branch.
    if (operationInProgress(plan.start.checkout) === null) await pushBranch(plan)
  }
  await tryKeepBeside(plan)
  return {
    kind: 'completed',
    summary: clipText(summary, 8_000),
    outcome: 'unverified',
    reasons: outcome.reasons,
    proof: outcome.proof,
    work,
  }
}

/** Commits what is uncommitted (unless message is null), pushes if asked, returns the work. Errors are only reported. */
export async function keepWork(plan: PlanContext, message: string | null, push?: 'push'): Promise<Work> {
  const prepared = plan.journal.records().findLast((record) => record.kind === 'prepared')
  if (prepared === undefined) return NO_WORK
  try {
    await putRight(plan, plan.start.mode === 'stop' ? 'all' : 'old')
    // A commit would end a merge that is not resolved, and a push would replace the branch by a rebase's first half.
    const isWhole = operationInProgress(plan.start.checkout) === null
    if (message !== null && isWhole) await commitLeftovers(plan, message)
    const work = await readWork(plan.git, prepared.baseHead, [])
    if (push === 'push' && isWhole && work.commits.length > 0) await pushBranch(plan)
    await keepBeside(plan, push ?? null)
    return work
  } catch (error) {
    // The attempt already ends for another reason, so this error is only reported.
    const isExpected = error instanceof PauseError || error instanceof RevokedError
    plan.report({
      kind: 'event',
      type: 'error',
      text: clipText(isExpected ? error.message : `Keeping the work: ${String(error)}`, 1_000),
    })
    return readWork(plan.git, prepared.baseHead, []).catch(() => NO_WORK)
  }
}
