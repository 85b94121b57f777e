// Resumes plans that were paused for want of a machine once the machine can be had again. The owner who repaired a key, or waited for Orgo,
// need not do anything else. The first check comes ten minutes after the trouble; each later gap is twice as long.
import { commit, requireWorkspace } from '../core/core.ts'
import type { Core } from '../core/core.ts'
import { reopen } from '../records/decisions.ts'
import { isWaitingForVm } from '../records/records.ts'
import { revokeLeases } from '../leases/leases.ts'

const FIRST_LOOK_MS = 10 * 60_000
const LONGEST_GAP_MS = 6 * 3_600_000

/** Sets the time of the next check. Called when trouble begins and when it is not over. */
export function lookLater(core: Core): void {
  core.store.changeWorkspace((workspace) => {
    workspace.mendAtMs = core.now() + Math.min(FIRST_LOOK_MS * 2 ** workspace.mendTries, LONGEST_GAP_MS)
    workspace.mendTries += 1
  })
}

/** A step of the alarm. It asks Orgo only when it is due and a plan waits for the machine. */
export async function mend(core: Core): Promise<void> {
  const workspace = requireWorkspace(core)
  if (workspace.status === 'removed' || workspace.status === 'provisioning') return
  if (!core.store.watchedPlans().some(isWaitingForVm) || (workspace.mendAtMs ?? 0) > core.now()) return
  // Brings the machine up as for a new plan. When it is heard again, machine/sync.ts makes this due at once; when it is refused, later.
  if (workspace.status === 'error') return tryAgain(core)
  // Set the next time before asking: an object that crashes over the question must not ask again at once.
  lookLater(core)
  const { id } = workspace.vm
  if (id === null) return
  const orgo = core.orgo()
  const found = await orgo.get(id).catch(() => null)
  // The workspace was removed, or in trouble again, while Orgo answered.
  if (found === null || found === 'missing' || requireWorkspace(core).status !== 'ready') return
  const plans = core.store.watchedPlans().filter(isWaitingForVm)
  for (const plan of plans)
    commit(core, reopen(plan, plan.budgetUsd, 'The VM is available again: the plan continues by itself.'))
  await revokeLeases(
    core,
    plans.map((plan) => plan.id),
  )
}

/** Tries a workspace in trouble again because a plan wants it: the owner may have repaired what was wrong. */
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
    // A healthy machine without open work does not report by itself, so it is rung.
    workspace.supervisor.ringWanted = true
  })
}
