// Builds the sentence that tells a model what to call or do now. It holds only our own words and ids, never foreign text.
import type { PlanSnapshot, WorkspaceSnapshot } from '../../workspace/contract.ts'
import { OutcomeReason } from '../../shared/words.ts'
import type { PausedReason } from '../../shared/words.ts'

const PAUSED: Record<PausedReason, string> = {
  question: 'Ask the user the text of question, then send the answer with plan_message.',
  budget: 'The budget is used up. Ask the user, then call plan_resume with a budget_usd above spent_usd.',
  monthly_budget:
    'MONTHLY_BUDGET_USD is used up. The owner must raise it or wait for the next month; then call plan_resume.',
  vm_unavailable:
    'The VM could not be reached. Read status_detail. The plan continues by itself once the VM can be reached; plan_resume tries at once.',
  orgo_refused:
    'Orgo refused the VM. The owner must do what status_detail says; the plan then continues by itself. plan_resume tries at once.',
  model_unavailable:
    'The model API did not serve this plan. Do what status_detail says, then call plan_resume.',
  git_refused:
    'The git host refused. The owner must check GIT_CREDENTIALS and the permissions of its token; then call plan_resume.',
  credential_missing:
    'A credential is missing. The owner must add a line for this host to GIT_CREDENTIALS; then call plan_resume.',
}

const PLAN: Record<PlanSnapshot['status'], (plan: PlanSnapshot) => string> = {
  queued: () =>
    'The plan waits for its turn. There is nothing to do: stop here, or follow it with plan_status (wait_seconds 45).',
  running: () =>
    'The agent works on the plan. There is nothing to do: stop here, or follow it with plan_status (wait_seconds 45).',
  paused: ({ pausedReason }) =>
    pausedReason === null ? 'Look at status_detail, then call plan_resume.' : PAUSED[pausedReason],
  completed: completed,
  failed: () =>
    'Read error. plan_resume tries again from where the plan stopped; plan_message does so with advice from the user.',
  cancelled: () =>
    'This plan can push and spend nothing any more. plan_resume continues it from where it stopped.',
}

function completed({ pushedHead, outcome, outcomeReasons, branch, mergeStatus }: PlanSnapshot): string {
  if (pushedHead === null)
    return 'Nothing was pushed. Read summary and outcome_reasons; ask for more with plan_message.'
  // workspace_sync has commands for open branches only.
  if (mergeStatus === 'closed')
    return `Branch ${branch} was closed without a merge on the host. Ask the user whether the work is still wanted; plan_message asks for changes.`
  if (mergeStatus === 'unknown')
    return `Branch ${branch} is gone from the host, and it cannot be told whether it was merged. Ask the user; plan_message continues the work.`
  return `Review branch ${branch}: workspace_sync returns the commands that merge it; plan_message asks for changes.${outcome === 'verified' ? '' : doubtOf(outcomeReasons)}`
}

/** What to do about each thing that is missing. docs/states.md says the same at more length. */
const MISSING: Record<OutcomeReason, string> = {
  no_checks: 'no check ran the code (review it by hand, and name checks with workspace_update)',
  own_checks: 'only checks that came with the work ran (read them before you rely on them)',
  baseline_red: 'a check fails that failed on the base already (look at checks)',
  setup_failed: 'the set-up failed on the base too (mend it with workspace_update)',
  check_failed: 'a check fails that passed on the base (look at checks and tests)',
  check_timed_out: 'a check ran into its time limit (look at checks)',
  check_killed: 'a check was killed from outside, as when memory is short (plan_message proves it again)',
  tool_missing: 'a program that a check needs is not on the VM (install it with setup in workspace_update)',
  tests_missing: 'tests of the base did not run or were skipped (look at tests.missing)',
  judge_rejected: 'the judge found the plan not carried out (look at the event rejected)',
  nothing_changed: 'the branch holds no change (read summary)',
  unmerged: 'a merge is not resolved (ask for that with plan_message)',
  proof_missing: 'the proof did not come to its end in the right place (plan_message tries again)',
}

/** Our own words for the reasons this version knows. */
function doubtOf(reasons: readonly string[]): string {
  const known = OutcomeReason.options.filter((reason) => reasons.includes(reason))
  const why = known.length === 0 ? '' : `: ${known.map((reason) => MISSING[reason]).join('; ')}`
  return ` It is not verified${why}. Read outcome_reasons and the diff with care.`
}

/** Shorter silences are normal and not reported. */
const WORTH_TELLING_MS = 60_000

/** Returns the next step for a plan. `vmUnheardMs`: the plan runs, and its VM was not heard for this long. */
export function planNextStep(plan: PlanSnapshot, vmUnheardMs = 0): string {
  if (vmUnheardMs >= WORTH_TELLING_MS)
    return `The VM was not heard for ${Math.floor(vmUnheardMs / 60_000)} min (asleep, coming up or out of reach). The runtime keeps ringing it, and the plan then continues by itself. There is nothing to do. After 2 hours the plan is paused.`
  return plan.mergeStatus === 'merged'
    ? 'The work is merged. There is nothing left to do.'
    : PLAN[plan.status](plan)
}

const WORKSPACE: Record<WorkspaceSnapshot['status'], string> = {
  provisioning: 'The VM is being prepared, which takes minutes. plan_submit is accepted already.',
  ready: 'Submit work with plan_submit.',
  error:
    'Do what status_detail says, then call workspace_register again with the same arguments to try again.',
  removed: 'This workspace is removed. workspace_register creates it again.',
}

export const workspaceNextStep = (workspace: WorkspaceSnapshot): string => WORKSPACE[workspace.status]
