// A removed workspace looks after its branches no more. Registered anew it does again, as far as they are branches of its remote.
import type { Core } from '../core/core.ts'

/** `sameRemote`: with another one nobody can be asked about the old branches any more, and a merge of theirs is never told. */
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
      text: `The workspace was registered anew with another git_remote: whether ${plan.branch} is merged is no longer looked at.`,
    })
  }
}
