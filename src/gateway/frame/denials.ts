// One public answer for each reason a right is refused. The log gets the reason; the answer only tells the VM what to do next.
import type { GatewayErrorType } from '../../shared/protocol.ts'
import type { TokenProblem } from '../../auth/vm-token.ts'
import type { DenyReason } from '../../workspace/contract.ts'

export interface Denial {
  status: number
  /** The type in the model API's error shape; elsewhere it is the `code`. */
  type: GatewayErrorType
  message: string
}

/** Nothing that this token did is possible any more. */
const revoked = (message: string, status = 401): Denial => ({ status, type: 'token_revoked', message })
const stop = revoked(
  'This attempt has no rights any more. Stop; the runtime starts another when one is wanted.',
)
const refused = (message: string): Denial => ({ status: 403, type: 'request_refused', message })

/** The type makes this table complete: a new reason without an answer does not compile. */
const DENIALS: Record<DenyReason, Denial> = {
  unknown_workspace: revoked('There is no such workspace.', 404),
  workspace_removed: revoked('This workspace was removed.', 410),
  vm_replaced: revoked("This machine is not the workspace's any more."),
  unknown_plan: stop,
  attempt_superseded: stop,
  plan_over: stop,
  plan_not_running: stop,
  plan_cancelled: revoked('The plan was cancelled. Stop.'),
  plan_paused: revoked('The plan is paused. Stop; it continues when it is resumed.'),
  budget_exceeded: { status: 402, type: 'budget_exceeded', message: "The plan's budget is used up." },
  monthly_budget_exceeded: {
    status: 402,
    type: 'monthly_budget_exceeded',
    message: 'The monthly budget is used up.',
  },
  not_your_ref: refused('A plan may push to its own branch only.'),
  delete_refused: refused('A plan may not delete its branch.'),
  ref_moved: refused('Someone else moved the branch; it is not overwritten.'),
}

export const denial = (reason: DenyReason): Denial => DENIALS[reason]

/** The answer for a token that does not verify. The holder of an expired token waits for the next one instead of stopping. */
export function tokenDenial(problem: TokenProblem | 'missing'): Denial {
  return problem === 'expired'
    ? {
        status: 401,
        type: 'token_expired',
        message: 'This token has expired. Wait: the next sync brings a new one.',
      }
    : revoked('No valid token came with this request.')
}
