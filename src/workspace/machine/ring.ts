// The doorbell: a command sent through Orgo that makes the VM sync. The VM fetches everything else from the Worker itself.
import { randomHex } from '../../lib/crypto.ts'
import { doorbellCommand, parseDoorbell } from '../../orgo/boot.ts'
import type { VmProvider } from '../../orgo/vm.ts'
import type { Core } from '../core/core.ts'

const EXEC_TIMEOUT_MS = 30_000
/** The gaps between rings grow to a minute, so this many take about four minutes. */
const DEAF_AFTER_RINGS = 8

/** Sends the only command a running VM ever gets. It carries no data, so a lost, repeated or late ring changes nothing. */
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
  // Without `ralph` there, the disk is not the one we prepared. When ring after ring is answered but no sync arrives, the
  // supervisor's key is not ours any more. Both need a new bootstrap; finished steps cost nothing.
  const isLost = exitCode !== 0 && parseDoorbell(output) === null
  core.store.changeWorkspace((record) => {
    if (record.vm.id !== workspace.vm.id) return
    if (isLost || record.supervisor.unansweredRings >= DEAF_AFTER_RINGS) record.vm.step = 'known'
  })
}
