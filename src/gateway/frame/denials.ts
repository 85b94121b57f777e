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

const STOP = 'This attempt has no rights any more. Stop; the runtime starts another when one is wanted.'

/** The type makes this table complete: a new reason without an answer does not compile. */
const DENIALS: Record<DenyReason, Denial> = {
  unknown_workspace: { status: 404, type: 'token_revoked', message: 'There is no such workspace.' },
  workspace_removed: { status: 410, type: 'token_revoked', message: 'This workspace was removed.' },
  vm_replaced: {
    status: 401,
    type: 'token_revoked',
    message: "This machine is not the workspace's any more.",
  },
  unknown_plan: { status: 401, type: 'token_revoked', message: STOP },
  attempt_superseded: { status: 401, type: 'token_revoked', message: STOP },
  plan_over: { status: 401, type: 'token_revoked', message: STOP },
  plan_not_running: { status: 401, type: 'token_revoked', message: STOP },
  plan_cancelled: { status: 401, type: 'token_revoked', message: 'The plan was cancelled. Stop.' },
  plan_paused: {
    status: 401,
    type: 'token_revoked',
    message: 'The plan is paused. Stop; it continues when it is resumed.',
  },
  budget_exceeded: { status: 402, type: 'budget_exceeded', message: "The plan's budget is used up." },
  monthly_budget_exceeded: {
    status: 402,
    type: 'monthly_budget_exceeded',
    message: 'The monthly budget is used up.',
  },
  not_your_ref: { status: 403, type: 'request_refused', message: 'A plan may push to its own branch only.' },
  delete_refused: { status: 403, type: 'request_refused', message: 'A plan may not delete its branch.' },
  ref_moved: {
    status: 403,
    type: 'request_refused',
    message: 'Someone else moved the branch; it is not overwritten.',
  },
}

export function denial(reason: DenyReason): Denial {
  return DENIALS[reason]
}

/** The answer for a token that does not verify. The holder of an expired token waits for the next one instead of stopping. */
export function tokenDenial(problem: TokenProblem | 'missing'): Denial {
  return problem === 'expired'
    ? {
        status: 401,
        type: 'token_expired',
        message: 'This token has expired. Wait: the next sync brings a new one.',
      }
    : { status: 401, type: 'token_revoked', message: 'No valid token came with this request.' }
}
