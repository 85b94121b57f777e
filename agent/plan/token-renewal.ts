// Repeats a git call to the gateway when that can help. An expired token waits for the next one, an unreachable gateway is tried
// again, and a refusal is final. Git's own messages tell which of them it is.
import { setTimeout as sleep } from 'node:timers/promises'
import { RevokedError } from './plan-context.ts'
import type { PlanContext } from './plan-context.ts'
import type { RunResult } from '../machine/process.ts'

const TRIES = 6
const FIRST_WAIT_MS = Number(process.env['RALPH_RETRY_WAIT_MS'] ?? 1_000)
const RENEWAL_WAIT_MS = 5 * 60_000

/** Returns the last result; the caller handles a refusal. Errors: RevokedError when the attempt's rights are revoked. */
export async function withRenewal(plan: PlanContext, attempt: () => Promise<RunResult>): Promise<RunResult> {
  for (let tries = 1; ; tries++) {
    const token = plan.token.current()
    const result = await attempt()
    if (result.code === 0) return result
    if (/token_revoked/.test(result.stderr)) throw new RevokedError()
    const verdict = explainGitFailure(result)
    if (verdict === 'refused' || tries >= TRIES) return result
    plan.report({ kind: 'activity' })
    if (verdict === 'expired') await plan.token.renewed(token, RENEWAL_WAIT_MS)
    else await sleep(FIRST_WAIT_MS * 2 ** (tries - 1))
  }
}

/** Returns why a git call failed. A refusal, by the remote or on this side, is not worth another try. */
export function explainGitFailure(result: RunResult): 'refused' | 'expired' | 'unreachable' {
  const said = result.stderr
  if (/token_expired|HTTP 401|error: 401|Authentication failed|could not read Username/i.test(said))
    return 'expired'
  if (
    /remote rejected|\[rejected\]|remote error:|couldn't find remote ref|(?:error:|HTTP) 4(?:0[0349]|13)/i.test(
      said,
    )
  )
    return 'refused'
  if (result.timedOut) return 'unreachable'
  const network =
    /Could not resolve|Failed to connect|Connection|hung up|RPC failed|early EOF|unexpected disconnect|HTTP [45]\d\d|error: [45]\d\d|timed out|SSL|curl|unable to access/i
  return network.test(said) ? 'unreachable' : 'refused'
}
