// Pushing the plan's branch through the gateway. Repeating it is harmless: what is already there is left as it is.
import { commitOf, gitReason } from './git.ts'
import { PauseError } from './plan-run.ts'
import type { PlanRun } from './plan-run.ts'
import { withRenewal } from './renewal.ts'

const PUSH_TIMEOUT_MS = 15 * 60_000

/** Pushes HEAD to the plan's branch. Errors: PauseError git_refused with git's own words; RevokedError. */
export async function pushBranch(plan: PlanRun): Promise<void> {
  const { git, start, report } = plan
  const head = await commitOf(git, 'HEAD')
  const ref = `refs/heads/${start.branch}`
  let result = await withRenewal(plan, () =>
    git.try(['push', '--quiet', 'origin', `HEAD:${ref}`], { timeoutMs: PUSH_TIMEOUT_MS }),
  )
  if (result.code !== 0 && /non-fast-forward|fetch first/.test(result.stderr)) {
    // The model rewrote commits it had pushed. Only over what is there now; the gateway lets it through only if that is ours.
    const there = await withRenewal(plan, () => git.try(['ls-remote', 'origin', ref]))
    const lease = `--force-with-lease=${ref}:${there.stdout.split('\t')[0] ?? ''}`
    result = await withRenewal(plan, () =>
      git.try(['push', '--quiet', lease, 'origin', `HEAD:${ref}`], { timeoutMs: PUSH_TIMEOUT_MS }),
    )
  }
  if (result.code !== 0)
    throw new PauseError('git_refused', `The push of ${start.branch} was refused: ${gitReason(result)}`)
  report({ kind: 'event', type: 'push', text: `Pushed ${head?.slice(0, 12) ?? 'HEAD'} to ${start.branch}.` })
}
