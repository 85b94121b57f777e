// Pushes the plan's branch through the gateway. Repeating it is harmless, because what is already there stays as it is. Held files
// are never pushed, and commits that others pushed are never overwritten.
import { handInDiff } from './hand-in-diff.ts'
import { commitOf, gitReason } from '../git/git.ts'
import { adoptHistory, cleanHistory } from './clean-history.ts'
import { PauseError } from '../plan/plan-context.ts'
import type { PlanContext } from '../plan/plan-context.ts'
import type { RunResult } from '../machine/process.ts'
import { describeTooLarge } from './push-size.ts'
import { explainGitFailure, withRenewal } from '../plan/token-renewal.ts'
import { describeHeld, tellHeld } from './hold-back.ts'

const PUSH_TIMEOUT_MS = 15 * 60_000

/** Pushes HEAD to the plan's branch. Errors: PauseError git_refused with git's message; RevokedError. */
export async function pushBranch(plan: PlanContext): Promise<void> {
  const { git, start, report } = plan
  await leaveOutHeld(plan)
  const tooLarge = await describeTooLarge(git, start.branch)
  if (tooLarge !== '') throw new PauseError('git_refused', tooLarge)
  const head = await commitOf(git, 'HEAD')
  const ref = `refs/heads/${start.branch}`
  const push = (...options: string[]) =>
    withRenewal(plan, () =>
      git.try(['push', '--quiet', ...options, 'origin', `HEAD:${ref}`], { timeoutMs: PUSH_TIMEOUT_MS }),
    )
  let result = await push()
  if (result.code !== 0 && /non-fast-forward|fetch first/.test(result.stderr)) {
    const theirs = await fetchBranch(plan, ref)
    // The remote has this plan's own commits from before they were rewritten. The push may replace exactly these.
    if (theirs !== null && (await isOwn(plan, theirs)))
      result = await push(`--force-with-lease=${ref}:${theirs}`)
    else if (theirs !== null)
      throw new PauseError(
        'git_refused',
        `Another person or program pushed ${theirs.slice(0, 12)} to ${start.branch}. This plan does not overwrite that commit, so it cannot push there now; its work is kept on the VM. Put that commit on a branch of your own, set ${start.branch} back to ${await lastPushed(plan)}, then resume the plan.`,
      )
  }
  if (result.code !== 0) throw new PauseError('git_refused', explain(start.branch, result))
  if (head !== null) plan.journal.append({ kind: 'kept', head, ref: 'branch' })
  report({ kind: 'event', type: 'push', text: `Pushed ${head?.slice(0, 12) ?? 'HEAD'} to ${start.branch}.` })
  await handInDiff(plan)
}

/**
 * Pushes HEAD where a proof finds it: to the checkpoint ref, where it starts nobody's CI, or to the branch where the host takes no
 * such refs. Returns the pushed head. Errors: PauseError git_refused with git's message; RevokedError.
 */
export async function pushForProof(plan: PlanContext): Promise<string> {
  await leaveOutHeld(plan)
  const head = await plan.git.must(['rev-parse', 'HEAD'])
  if (!plan.checkpointsOnBranch) {
    const result = await withRenewal(plan, () => pushCheckpoint(plan, head))
    if (result.code !== 0)
      throw new PauseError('git_refused', explain(`the work of ${plan.start.branch}`, result))
    if (!plan.checkpointsOnBranch) plan.journal.append({ kind: 'kept', head, ref: 'checkpoint' })
  }
  // The host may have refused the checkpoint ref just now.
  if (plan.checkpointsOnBranch) await pushBranch(plan)
  return head
}

/**
 * Pushes a commit to the plan's checkpoint ref. Where the host refuses such refs, this and all later ones go to the branch, if the
 * caller allows it.
 */
export async function pushCheckpoint(
  plan: PlanContext,
  commit: string,
  mayUseBranch: 'branch too' | 'checkpoint ref only' = 'branch too',
): Promise<RunResult> {
  const { start, report } = plan
  const push = (ref: string) =>
    plan.git.try(['push', '--quiet', '--no-verify', 'origin', `+${commit}:${ref}`], {
      timeoutMs: PUSH_TIMEOUT_MS,
    })
  const branch = `refs/heads/${start.branch}`
  const result = await push(plan.checkpointsOnBranch ? branch : `refs/agent/${start.id}`)
  const mayTry = mayUseBranch === 'branch too' && !plan.checkpointsOnBranch
  if (result.code === 0 || !mayTry || !isRefusedByHost(result.stderr)) return result
  plan.checkpointsOnBranch = true
  report({
    kind: 'event',
    type: 'checkpoint',
    text: `The git host refuses refs/agent/; checkpoints go to the branch, marked [skip ci]. ${gitReason(result)}`.slice(
      0,
      1_000,
    ),
  })
  return push(branch)
}

/** True when the git host itself refused the ref. What our gateway refuses, it would refuse on the branch as well. */
const isRefusedByHost = (said: string): boolean =>
  /remote rejected/.test(said) &&
  /hidden ref|prohibited|not allowed|invalid ref|funny refname|refs\/agent|deny/i.test(said) &&
  !/moved by someone|this plan may|token_/.test(said)

/** Rewrites the plan's commits without the files that are held back. */
async function leaveOutHeld(plan: PlanContext): Promise<void> {
  const history = await cleanHistory(plan)
  tellHeld(plan, history.held, 'push')
  if (history.held.length === 0) return
  await adoptHistory(plan.git, history)
  plan.report({
    kind: 'event',
    type: 'held',
    text: `The commits were rewritten without the files that are held back:\n${describeHeld(history.held)}`.slice(
      0,
      1_900,
    ),
  })
}

/** Fetches the branch without moving its tracking ref, whose reflog records what we pushed. */
async function fetchBranch(plan: PlanContext, ref: string): Promise<string | null> {
  const args = ['fetch', '--quiet', '--no-tags', '--refmap=', 'origin', ref]
  const fetched = await withRenewal(plan, () => plan.git.try(args))
  return fetched.code === 0 ? commitOf(plan.git, 'FETCH_HEAD') : null
}

/** True when this checkout pushed the commit, or the gateway saw an earlier attempt push it. */
async function isOwn({ git, start, journal }: PlanContext, commit: string): Promise<boolean> {
  if (commit === start.pushedHead) return true
  const isKept = journal.records().some((record) => record.kind === 'kept' && record.head === commit)
  if (isKept) return true
  const tracking = `refs/remotes/origin/${start.branch}`
  const { stdout } = await git.try(['reflog', 'show', '--format=%H %gs', tracking])
  return stdout.split('\n').includes(`${commit} update by push`)
}

/** Returns, for a text, the commit that the gateway accepts as the branch's old value. */
async function lastPushed({ git, start }: PlanContext): Promise<string> {
  const head = start.pushedHead ?? (await commitOf(git, `refs/remotes/origin/${start.branch}`))
  return head?.slice(0, 12) ?? 'nothing (delete it)'
}

function explain(branch: string, result: RunResult): string {
  const said = gitReason(result)
  if (/HTTP 413|error: 413/.test(said))
    return `The push of ${branch} is larger than the gateway takes (100 MB on most plans of the host): leave large files out. ${said}`
  if (explainGitFailure(result) === 'unreachable')
    return `The push of ${branch} failed: the gateway cannot be reached. ${said}`
  return `The push of ${branch} was refused: ${said}`
}
