// Branches of a removed workspace are not checked for merges. This resumes the checks when it is registered again with the same
// remote.
import type { Core } from '../core/core.ts'

/** `sameRemote`: with another remote no host can be asked about the old branches, so their merge status becomes unknown. */
export function takeUpBranches(core: Core, sameRemote: boolean): void {
  for (const plan of core.store.unmergedPlans()) {
    if (sameRemote) {
      core.store.savePlan({ ...plan, mergeCheckAtMs: core.now() })
      continue
    }
    core.store.savePlan({ ...plan, mergeStatus: 'unknown', mergeCheckAtMs: null })
    core.store.addEvent(plan.id, {
      atMs: core.now(),
      type: 'unknown',
      text: `The workspace was registered again with another git_remote: the runtime no longer checks whether ${plan.branch} is merged.`,
    })
  }
}
