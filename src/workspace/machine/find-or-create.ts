// The first step of provisioning: find or create a machine with our own name. Orgo has no idempotency key, so after a create of
// unknown outcome the name is looked for before another create. The Account lets one workspace create at a time.
import { VmError } from '../../orgo/vm.ts'
import type { Vm, VmProvider } from '../../orgo/vm.ts'
import { requireWorkspace } from '../core/core.ts'
import type { Core } from '../core/core.ts'

const LIST_AFTER_CREATE_MS = 5 * 60_000

export async function findOrCreate(core: Core, vms: VmProvider): Promise<number> {
  const { vm, name } = requireWorkspace(core)
  const existing = await vms.find(vm.name)
  if (existing !== null) return know(core, existing, vm.name)
  const now = core.now()
  if (vm.createSentAtMs !== null && now - vm.createSentAtMs < LIST_AFTER_CREATE_MS) return 15_000
  const slot = await core.account().acquireCreate(name)
  if (!slot.granted) return slot.retryAfterMs
  // The workspace was removed, or registered again, while Orgo answered: this machine is not wanted any more.
  if (!isWanted(core, vm.name)) {
    await core.account().releaseCreate(name)
    return 0
  }
  core.store.changeWorkspace((workspace) =>
    Object.assign(workspace.vm, { step: 'creating', createSentAtMs: now, status: 'creating' }),
  )
  try {
    const made = await vms.create(vm.name)
    return know(core, made, vm.name)
  } catch (error) {
    // A clear refusal created nothing, so the next try need not wait for a machine that cannot appear.
    if (error instanceof VmError && error.executed === 'no')
      core.store.changeWorkspace((workspace) => void (workspace.vm.createSentAtMs = null))
    throw error
  } finally {
    await core.account().releaseCreate(name)
  }
}

const isWanted = (core: Core, vmName_: string): boolean => {
  const { status, vm } = requireWorkspace(core)
  return status !== 'removed' && vm.name === vmName_ && vm.id === null
}

/**
 * Stores the machine that was found or created. When it came too late for its registration, it is already recorded as a leftover.
 */
function know(core: Core, found: Vm, wantedName: string): number {
  if (!isWanted(core, wantedName)) return 0
  core.store.publishWorkspace((workspace) =>
    Object.assign(workspace.vm, {
      id: found.id,
      url: found.url,
      orgoWorkspaceId: found.workspaceId,
      status: found.state,
      step: 'known',
      createSentAtMs: null,
    }),
  )
  return 0
}
