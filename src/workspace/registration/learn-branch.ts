// Asks again for the default branch when the remote did not answer at registration, before the first plan starts. This has a
// limit: a queued plan that waits for a branch is then paused with the reason.
import { commit, requireWorkspace } from '../core/core.ts'
import type { Core } from '../core/core.ts'
import { pause } from '../records/decisions.ts'
import type { PausedReason } from '../../shared/words.ts'

const SILENCE_LIMIT_MS = 30 * 60_000

export async function learnBranch(core: Core): Promise<void> {
  const { gitRemote } = requireWorkspace(core)
  const refs = await core.refs(gitRemote, ['HEAD'])
  if (refs.kind === 'ok' && refs.head !== null) {
    const branch = refs.head
    core.store.publishWorkspace((record) => Object.assign(record, { branch, gitSilentSinceMs: null }))
  } else if (refs.kind === 'ok') {
    pauseQueued(
      core,
      'git_refused',
      `${gitRemote} names no default branch. Push a first commit, or name a branch with workspace_update, then call plan_resume.`,
    )
  } else if (refs.kind === 'refused') {
    pauseQueued(
      core,
      'credential_missing',
      `The git host refused to show ${gitRemote} (${refs.status}). Add a token for it to GIT_CREDENTIALS, then call plan_resume.`,
    )
  } else waitForHost(core)
}

function waitForHost(core: Core): void {
  const { gitRemote, gitSilentSinceMs: sinceMs } = requireWorkspace(core)
  if (sinceMs === null) core.store.changeWorkspace((record) => void (record.gitSilentSinceMs = core.now()))
  else if (core.now() - sinceMs >= SILENCE_LIMIT_MS)
    pauseQueued(
      core,
      'git_refused',
      `The git host of ${gitRemote} did not answer for 30 minutes. Call plan_resume when it is back.`,
    )
}

/** Pauses queued plans that have no base of their own; the others do not need the workspace's branch. */
function pauseQueued(core: Core, reason: PausedReason, detail: string): void {
  core.store.changeWorkspace((record) => void (record.gitSilentSinceMs = null))
  for (const plan of core.store.plansByStatus('queued'))
    if (plan.base === '') commit(core, pause(plan, reason, detail, core.now()))
}
