// One public answer for each reason a right is refused. The reason itself goes to the log; what is said does not tell a
// stranger's machine more than what to do next.
import type { GatewayErrorType } from '../protocol.ts'
import type { TokenProblem } from '../auth/vm-token.ts'
import type { DenyReason } from '../workspace/state.ts'

export interface Denial {
  status: number
  /** Of the model API's error shape; also the `code` elsewhere. */
  type: GatewayErrorType
  message: string
}

const STOP = 'This attempt has no rights any more. Stop; the runtime starts another when one is wanted.'

export function denial(reason: DenyReason): Denial {
  switch (reason) {
    case 'unknown_workspace':
      return { status: 404, type: 'token_revoked', message: 'There is no such workspace.' }
    case 'workspace_removed':
      return { status: 410, type: 'token_revoked', message: 'This workspace was removed.' }
    case 'vm_replaced':
      return { status: 401, type: 'token_revoked', message: "This machine is not the workspace's any more." }
    case 'unknown_plan':
    case 'attempt_superseded':
    case 'plan_over':
    case 'plan_not_running':
      return { status: 401, type: 'token_revoked', message: STOP }
    case 'plan_cancelled':
      return { status: 401, type: 'token_revoked', message: 'The plan was cancelled. Stop.' }
    case 'plan_paused':
      return {
        status: 401,
        type: 'token_revoked',
        message: 'The plan is paused. Stop; it goes on when resumed.',
      }
    case 'budget_exceeded':
      return { status: 402, type: 'budget_exceeded', message: "The plan's budget is used up." }
    case 'monthly_budget_exceeded':
      return { status: 402, type: 'monthly_budget_exceeded', message: 'The monthly budget is used up.' }
    case 'not_your_ref':
      return { status: 403, type: 'request_refused', message: 'A plan may push to its own branch only.' }
    case 'delete_refused':
      return { status: 403, type: 'request_refused', message: 'A plan may not delete its branch.' }
    case 'ref_moved':
      return {
        status: 403,
        type: 'request_refused',
        message: 'Someone else moved the branch; it is not overwritten.',
      }
  }
}

/** A token that does not verify. Only an expired one is told apart: its holder waits for the next instead of stopping. */
export function tokenDenial(problem: TokenProblem | 'missing'): Denial {
  return problem === 'expired'
    ? {
        status: 401,
        type: 'token_expired',
        message: 'This token has expired. Wait: the next sync brings a new one.',
      }
    : { status: 401, type: 'token_revoked', message: 'No valid token came with this request.' }
}
