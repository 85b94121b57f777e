// Deletes machines that no registration wants but that may still exist: the workspace was removed, perhaps while a machine was
// made, or registered again before its old one was deleted. Each is deleted by id, or looked for by name until no late create can
// appear.
import { errorFields, log } from '../../lib/log.ts'
import { VmError } from '../../orgo/vm.ts'
import { requireWorkspace } from '../core/core.ts'
import type { Core } from '../core/core.ts'
import type { Leftover, WorkspaceRecord } from '../records/records.ts'

const RETRY_MS = 30_000
const LATE_RETRY_MS = 3_600_000
const LATE_CREATE_MS = 10 * 60_000
/** A machine costs money each hour, so a key repaired within a month still gets it deleted. After that only the log names it. */
export const LEFTOVER_GIVE_UP_MS = 30 * 24 * 3_600_000
const SOON_MS = 3_600_000

/** Returns the leftovers after this registration ends. `isOurs`: its machine is to be deleted. */
export function leftBehind({ vm, leftovers }: WorkspaceRecord, isOurs: boolean, nowMs: number): Leftover[] {
  if (!isOurs || (vm.id === null && vm.createSentAtMs === null)) return leftovers
  const { name, id, orgoWorkspaceId } = vm
  const untilMs = nowMs + (id === null ? LATE_CREATE_MS : LEFTOVER_GIVE_UP_MS)
  const others = leftovers.filter((one) => one.name !== name)
  return [...others, { name, id, orgoWorkspaceId, dueAtMs: nowMs, untilMs }]
}

/** Tries each leftover that is due once. */
export async function deleteLeftovers(core: Core): Promise<void> {
  for (const leftover of requireWorkspace(core).leftovers.filter(({ dueAtMs }) => dueAtMs <= core.now()))
    await deleteLeftover(core, leftover)
}

/** Returns true once the machine is gone. It never throws: a failed try is repeated every 30 seconds for an hour, then hourly. */
export async function deleteLeftover(core: Core, leftover: Leftover): Promise<boolean> {
  const vms = core.orgo()
  // Set the retry time first: if we crash below, the next alarm tries again.
  const isLate = leftover.id !== null && core.now() - (leftover.untilMs - LEFTOVER_GIVE_UP_MS) > SOON_MS
  change(core, leftover, { ...leftover, dueAtMs: core.now() + (isLate ? LATE_RETRY_MS : RETRY_MS) })
  try {
    if ((await core.account().canCall()) > 0) return false
    const id = leftover.id ?? (await vms.find(leftover.name))?.id
    if (id !== undefined) await vms.destroy(id, leftover.orgoWorkspaceId)
    else if (core.now() < leftover.untilMs) return false
    change(core, leftover, null)
    if (leftover.id !== null) noteDeleted(core, leftover.id)
    return true
  } catch (error) {
    log('vm.leftover', { workspace: requireWorkspace(core).name, vm: leftover.name, ...errorFields(error) })
    tellOwner(core, leftover, error)
    if (core.now() >= leftover.untilMs) change(core, leftover, null)
    return false
  }
}

/** Puts the reason into the workspace's status: the owner pays for the machine as long as it exists. */
function tellOwner(core: Core, { id }: Leftover, error: unknown): void {
  const { vm, status, statusDetail } = requireWorkspace(core)
  const why = error instanceof VmError ? error.message : 'Orgo did not answer.'
  const detail = `Removed. Its VM could not be deleted yet: ${why}`
  if (status === 'removed' && id !== null && id === vm.id && detail !== statusDetail)
    core.store.publishWorkspace((workspace) => void (workspace.statusDetail = detail))
}

/** Clears the deleted machine from the workspace, unless a newer registration has another machine. */
function noteDeleted(core: Core, vmId: string): void {
  if (requireWorkspace(core).vm.id !== vmId) return
  core.store.publishWorkspace((workspace) => {
    Object.assign(workspace.vm, { id: null, url: null, status: 'deleted', step: 'none' })
    if (workspace.status === 'removed') workspace.statusDetail = 'Removed.'
  })
}

function change(core: Core, { name }: Leftover, to: Leftover | null): void {
  core.store.changeWorkspace((workspace) => {
    const others = workspace.leftovers.filter((one) => one.name !== name)
    workspace.leftovers = to === null ? others : [...others, to]
  })
}
