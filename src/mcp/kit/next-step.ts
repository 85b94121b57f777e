// The one sentence that tells a model what to call or do now. Only our own words and ids: never text from a VM or a person.
import type { PausedReason, PlanSnapshot, WorkspaceSnapshot } from '../../workspace/contract.ts'

const PAUSED: Record<PausedReason, string> = {
  question: 'Ask the user what is in question and answer with plan_message.',
  budget: 'The budget is used up: ask the user, then call plan_resume with a budget_usd above spent_usd.',
  monthly_budget:
    'MONTHLY_BUDGET_USD is used up: the owner raises it (or waits for the next month), then call plan_resume.',
  vm_unavailable:
    'The VM could not be reached: look at status_detail and workspace_sync. It goes on by itself once it can; plan_resume tries at once.',
  orgo_refused:
    'Orgo refused the VM: the owner follows status_detail. The plan goes on by itself then; plan_resume tries at once.',
  model_unavailable: 'The model API did not serve this plan: look at status_detail, then call plan_resume.',
  git_refused:
    'The git host refused: the owner checks GIT_CREDENTIALS and the permissions of its token, then call plan_resume.',
  credential_missing:
    'A credential is missing: the owner adds a line for this host to GIT_CREDENTIALS, then call plan_resume.',
}

const PLAN: Record<PlanSnapshot['status'], (plan: PlanSnapshot) => string> = {
  queued: () =>
    'The plan waits for its turn and needs nobody: stop here, or follow it with plan_status (wait_seconds 45).',
  running: () =>
    'The plan is being worked on and needs nobody: stop here, or follow it with plan_status (wait_seconds 45).',
  paused: ({ pausedReason }) =>
    pausedReason === null ? 'Look at status_detail, then call plan_resume.' : PAUSED[pausedReason],
  completed: completed,
  failed: () =>
    'Read error; plan_resume tries again from where it stood, plan_message does so with advice from the user.',
  cancelled: () =>
    'Nothing of this plan can be pushed or spent any more; plan_resume takes it up again from where it stood.',
}

function completed({ pushedHead, outcome, branch }: PlanSnapshot): string {
  if (pushedHead === null)
    return 'Nothing was pushed: read summary and outcome_reasons, and ask for more with plan_message.'
  const doubt =
    outcome === 'verified' ? '' : ' It is not verified: read outcome_reasons and the diff with care.'
  return `Review branch ${branch}: workspace_sync answers the commands that merge it, plan_message asks for changes on it.${doubt}`
}

/** Shorter silences are nothing a person need know of. */
const WORTH_TELLING_MS = 60_000

/** `vmUnheardMs`: the plan runs on a VM that was not heard for so long. */
export function planNextStep(plan: PlanSnapshot, vmUnheardMs = 0): string {
  if (vmUnheardMs >= WORTH_TELLING_MS)
    return `The VM was not heard for ${Math.floor(vmUnheardMs / 60_000)} min (asleep, coming up or out of reach). It is rung until it answers, and the plan goes on by itself: nothing is needed. After 2 hours it is paused.`
  return plan.mergeStatus === 'merged'
    ? 'The work is merged: nothing is left to do.'
    : PLAN[plan.status](plan)
}

const WORKSPACE: Record<WorkspaceSnapshot['status'], string> = {
  provisioning:
    'The VM is being made ready, which takes minutes and needs nobody: plan_submit is accepted already.',
  ready: 'Hand over work with plan_submit.',
  error: 'Follow status_detail, then call workspace_register again with the same arguments to try again.',
  removed: 'This workspace is removed; workspace_register makes it anew.',
}

export function workspaceNextStep(workspace: WorkspaceSnapshot): string {
  return WORKSPACE[workspace.status]
}
