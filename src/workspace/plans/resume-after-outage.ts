// Plans that were paused because their machine could not be had go on by themselves once it can: whoever mended a key, or waited for
// Orgo to be well again, has nothing more to do. Looked at ten minutes after the trouble, then twice as late each time.
import { createOrgo } from '../../orgo/orgo.ts'
import { commit, requireWorkspace } from '../core/core.ts'
import type { Core } from '../core/core.ts'
import { reopen } from '../records/decisions.ts'
import { isWaitingForVm } from '../records/records.ts'
import { revokeLeases } from '../leases/leases.ts'

const FIRST_LOOK_MS = 10 * 60_000
const LONGEST_GAP_MS = 6 * 3_600_000

/** Trouble began, or is not over: when to look again. */
export function lookLater(core: Core): void {
  core.store.changeWorkspace((workspace) => {
    workspace.mendAtMs = core.now() + Math.min(FIRST_LOOK_MS * 2 ** workspace.mendTries, LONGEST_GAP_MS)
    workspace.mendTries += 1
  })
}

/** A step of the alarm. Never asks Orgo before its time, nor for nobody. */
export async function mend(core: Core): Promise<void> {
  const workspace = requireWorkspace(core)
  if (workspace.status === 'removed' || workspace.status === 'provisioning') return
  if (!core.store.watchedPlans().some(isWaitingForVm) || (workspace.mendAtMs ?? 0) > core.now()) return
  // Brings the machine up as for a new plan: heard again, it makes this due at once (vm-line.ts); refused again, later.
  if (workspace.status === 'error') return tryAgain(core)
  // Before the question: an object that dies over it must not ask at once again.
  lookLater(core)
  const { id } = workspace.vm
  if (id === null) return
  const settings = core.settings()
  const found = await createOrgo({ apiUrl: settings.orgoApiUrl, apiKey: settings.orgoApiKey })
    .get(id)
    .catch(() => null)
  // Removed, or in trouble anew, while Orgo answered.
  if (found === null || found === 'missing' || requireWorkspace(core).status !== 'ready') return
  const plans = core.store.watchedPlans().filter(isWaitingForVm)
  for (const plan of plans)
    commit(core, reopen(plan, plan.budgetUsd, 'The VM can be had again: the plan goes on by itself.'))
  await revokeLeases(
    core,
    plans.map((plan) => plan.id),
  )
}

/** A plan is wanted, so a workspace in trouble is tried again: the user may have mended what was wrong. */
export function tryAgain(core: Core): void {
  const now = { retryAtMs: null, retries: 0 }
  if (requireWorkspace(core).status !== 'error')
    return void core.store.changeWorkspace((workspace) => Object.assign(workspace, now))
  core.store.publishWorkspace((workspace) => {
    Object.assign(workspace, now, {
      status: 'provisioning',
      provisioningSinceMs: core.now(),
      outageMs: 0,
      statusDetail: 'Trying again.',
    })
    // A machine that is as it should be says nothing by itself while nothing is open there.
    workspace.supervisor.ringWanted = true
  })
}
