// Machines nobody wants any more that may still be there: the workspace was removed while one was being created, or registered anew
// before the old one was deleted. Each is deleted by its id, or looked for by its name until a late create cannot come any more.
import { errorFields, log } from '../lib/log.ts'
import { createOrgo } from '../vm/orgo.ts'
import { requireWorkspace } from './core.ts'
import type { Core } from './core.ts'
import type { Leftover, WorkspaceRecord } from './records.ts'
import { account } from './account-of.ts'

const RETRY_MS = 30_000
const LATE_CREATE_MS = 10 * 60_000
/** A machine Orgo does not let us delete for so long is somebody else's to see to; the log names it. */
const GIVE_UP_MS = 24 * 3_600_000

/** What this registration leaves behind when it ends now. */
export function leftBehind({ vm, deleteVm, leftovers }: WorkspaceRecord, nowMs: number): Leftover[] {
  if (vm.id !== null)
    return deleteVm
      ? [...leftovers, { name: vm.name, id: vm.id, dueAtMs: nowMs, untilMs: nowMs + GIVE_UP_MS }]
      : leftovers
  if (vm.createSentAtMs === null) return leftovers
  return [...leftovers, { name: vm.name, id: null, dueAtMs: nowMs, untilMs: nowMs + LATE_CREATE_MS }]
}

export async function deleteLeftovers(core: Core): Promise<void> {
  const due = requireWorkspace(core).leftovers.filter(({ dueAtMs }) => dueAtMs <= core.now())
  if (due.length === 0) return
  const settings = core.settings()
  const vms = createOrgo({ apiUrl: settings.orgoApiUrl, apiKey: settings.orgoApiKey })
  for (const leftover of due) {
    // First moved on, then done: whoever dies here is followed by the next look.
    change(core, leftover, { ...leftover, dueAtMs: core.now() + RETRY_MS })
    try {
      if ((await account(core).canCall()) > 0) continue
      const id = leftover.id ?? (await vms.find(leftover.name))?.id
      if (id !== undefined) await vms.destroy(id)
      else if (core.now() < leftover.untilMs) continue
      change(core, leftover, null)
    } catch (error) {
      log('vm.leftover', { workspace: requireWorkspace(core).name, vm: leftover.name, ...errorFields(error) })
      if (core.now() >= leftover.untilMs) change(core, leftover, null)
    }
  }
}

function change(core: Core, { name }: Leftover, to: Leftover | null): void {
  core.store.changeWorkspace((workspace) => {
    const others = workspace.leftovers.filter((one) => one.name !== name)
    workspace.leftovers = to === null ? others : [...others, to]
  })
}
