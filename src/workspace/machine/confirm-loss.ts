// Decides whether a machine that Orgo no longer shows is lost. A lost machine is replaced; its running plans go on as a next
// attempt.
import { randomHex } from '../../lib/crypto.ts'
import { vmName } from '../../orgo/vm.ts'
import type { VmProvider } from '../../orgo/vm.ts'
import { commit, requireWorkspace } from '../core/core.ts'
import type { Core } from '../core/core.ts'
import { moveToNewVm } from '../records/decisions.ts'
import { newSupervisorRecord, newVmRecord } from '../records/new-records.ts'
import { VmTrouble } from './trouble.ts'

const CONFIRM_LOSS_MS = 60_000

/**
 * Lost means: 403 or 404 twice, 60 s apart, and then a successful listing that shows the machine's Orgo workspace but not the
 * machine. With less proof it may be a wrong key, with which every machine looks gone. (Counting how many machines vanish at once
 * was the alternative; it cannot help an account with a single machine.) Returns the milliseconds until the next step. Throws
 * VmTrouble when a person must act.
 */
export async function confirmLoss(core: Core, vms: VmProvider): Promise<number> {
  const { vm, name } = requireWorkspace(core)
  if (vm.missingSinceMs === null) {
    core.store.changeWorkspace((workspace) => void (workspace.vm.missingSinceMs = core.now()))
    return CONFIRM_LOSS_MS
  }
  if (core.now() - vm.missingSinceMs < CONFIRM_LOSS_MS)
    return CONFIRM_LOSS_MS - (core.now() - vm.missingSinceMs)
  const { ids, workspaceIds } = await vms.listAll()
  if (requireWorkspace(core).vm.missingSinceMs !== vm.missingSinceMs) return 0 // heard while Orgo answered
  if (vm.id !== null && ids.includes(vm.id))
    throw new VmTrouble(
      'orgo_refused',
      `Orgo lists computer ${vm.id} but denies access to it. Check that ORGO_API_KEY belongs to the account that owns it.`,
    )
  if (vm.orgoWorkspaceId !== null && !workspaceIds.includes(vm.orgoWorkspaceId))
    throw new VmTrouble(
      'orgo_refused',
      `ORGO_API_KEY shows neither computer ${vm.id ?? ''} nor the Orgo workspace it is in: it is probably another account's key. Set the right ORGO_API_KEY again. (If both were deleted at Orgo: workspace_remove, then workspace_register.)`,
    )
  if (vm.adopted)
    throw new VmTrouble(
      'vm_unavailable',
      `The adopted computer ${vm.id ?? ''} no longer exists. An adopted VM is never replaced: workspace_remove the workspace, then workspace_register it with another vm_id.`,
    )
  replaceVm(core, name)
  return 0
}

function replaceVm(core: Core, name: string): void {
  core.store.publishWorkspace((workspace) => {
    const { generation } = workspace.vm
    workspace.nonce = randomHex(4)
    workspace.vm = { ...newVmRecord(vmName(name, workspace.nonce)), generation: generation + 1 }
    workspace.supervisor = newSupervisorRecord()
  })
  for (const plan of core.store.watchedPlans()) {
    if (commit(core, moveToNewVm(plan, core.now())) !== null) continue
    // A plan that was not running has nothing left to stop or forget, because its machine is gone.
    if (plan.onVm) core.store.savePlan({ ...plan, onVm: false, stoppedOnVm: true })
  }
}
