// The doorbell: the VM comes to us, so all that it is ever told through Orgo is to come.
import { randomHex } from '../../lib/crypto.ts'
import { doorbellCommand, parseDoorbell } from '../../orgo/boot.ts'
import type { VmProvider } from '../../orgo/vm.ts'
import type { Core } from '../core/core.ts'

const EXEC_TIMEOUT_MS = 30_000
/** Rings grow apart to a minute: about four minutes. */
const DEAF_AFTER_RINGS = 8

/** The one command a running VM ever gets. Carries no truth: lost, doubled or late, it changes nothing. */
export async function ring(core: Core, vms: VmProvider): Promise<void> {
  const workspace = core.store.changeWorkspace((record) => {
    record.supervisor.pendingNonce ??= randomHex(16)
    record.supervisor.lastRingAtMs = core.now()
    record.supervisor.unansweredRings += 1
  })
  if (workspace.vm.id === null) return
  const { output, exitCode } = await vms.exec(
    workspace.vm.id,
    doorbellCommand(workspace.supervisor.pendingNonce ?? ''),
    EXEC_TIMEOUT_MS,
  )
  // No `ralph` there: the disk is not the one we prepared. Or bell after bell is heard, and no supervisor gets through: its key is
  // not ours any more. Bootstrap again; finished steps cost nothing.
  const isLost = exitCode !== 0 && parseDoorbell(output) === null
  core.store.changeWorkspace((record) => {
    if (record.vm.id !== workspace.vm.id) return
    if (isLost || record.supervisor.unansweredRings >= DEAF_AFTER_RINGS) record.vm.step = 'known'
  })
}
