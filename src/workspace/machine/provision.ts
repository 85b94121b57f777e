// Brings the workspace's VM up, one step at a time: it exists → it runs → it is bootstrapped → its supervisor is heard. Each step
// stores its intent before it acts, and may be repeated.
import { signVmToken } from '../../auth/vm-token.ts'
import { randomHex } from '../../lib/crypto.ts'
import {
  doorbellCommand,
  firstCommand,
  foreignWorkspaceCommand,
  parseBootStatus,
  parseDoorbell,
  parseForeignWorkspace,
  statusCommand,
} from '../../orgo/boot.ts'
import type { Vm, VmProvider } from '../../orgo/vm.ts'
import { requireWorkspace } from '../core/core.ts'
import type { Core } from '../core/core.ts'
import { agentSha256 } from './agent-file.ts'
import { findOrCreate } from './find-or-create.ts'
import { confirmLoss } from './confirm-loss.ts'
import { VmTrouble } from './trouble.ts'

const TICKET_MS = 10 * 60_000
const BOOT_RETRY_MS = 30_000
const EXEC_TIMEOUT_MS = 30_000
const POLL_MS = 3_000
const REBOOT_WAIT_MS = 5 * 60_000

/** Takes the next step. Returns the milliseconds to wait before the following one; null: the VM is ready. Throws VmTrouble. */
export async function climb(core: Core, vms: VmProvider): Promise<number | null> {
  const { vm } = requireWorkspace(core)
  if (vm.step === 'ready') return null
  if (vm.id === null) return findOrCreate(core, vms)
  const found = await vms.get(vm.id)
  // The machine was heard, or the workspace registered again, while Orgo answered: the answer is out of date.
  const { vm: now } = requireWorkspace(core)
  if (now.id !== vm.id || now.step === 'ready') return 0
  if (found === 'missing' || found.state === 'gone_unconfirmed') return confirmLoss(core, vms)
  core.store.changeWorkspace((workspace) =>
    Object.assign(workspace.vm, {
      status: found.state,
      url: found.url,
      orgoWorkspaceId: found.workspaceId ?? workspace.vm.orgoWorkspaceId,
      missingSinceMs: null,
    }),
  )
  if (found.state === 'running')
    return requireWorkspace(core).vm.step === 'booting' ? pollBoot(core, vms, found) : boot(core, vms, found)
  return wake(core, vms, found)
}

/** Moves a machine that does not run towards running; stopped, asleep and broken machines each need another call. */
async function wake(core: Core, vms: VmProvider, vm: Vm): Promise<number> {
  if (vm.state === 'stopped') await vms.start(vm.id)
  else if (vm.state === 'asleep') await vms.wake(vm.id)
  else if (vm.state === 'broken') {
    const last = requireWorkspace(core).vm.restartedAtMs
    if (last === null || core.now() - last > REBOOT_WAIT_MS) {
      core.store.changeWorkspace((workspace) => void (workspace.vm.restartedAtMs = core.now()))
      await vms.restart(vm.id)
    }
  }
  return POLL_MS
}

/** Gives the machine a ticket and starts bootstrap.sh, detached. A new start is a new generation, which makes older keys void. */
async function boot(core: Core, vms: VmProvider, found: Vm): Promise<number> {
  const before = requireWorkspace(core)
  if (before.vm.adopted && before.vm.bootSentAtMs === null) await refuseForeign(vms, found.id, before.name)
  // This comes only now, because Orgo answers 409 to it while the machine comes up.
  if (before.vm.bootSentAtMs === null) await vms.keepAwake(found.id)
  const sha256 = await agentSha256(core)
  const { vm } = requireWorkspace(core)
  // A machine that was heard meanwhile keeps its key; a new generation would make it void.
  if (vm.id !== found.id || vm.step === 'ready') return 0
  const workspace = core.store.changeWorkspace((record) => {
    record.vm.bootSentAtMs = core.now()
    // An interrupted start keeps its nonce, so that its finished steps count. A start whose machine was heard is over.
    if (record.supervisor.pendingNonce !== null && !record.vm.ticketSpent) return
    record.vm.generation += 1
    record.vm.ticketSpent = false
    record.supervisor.pendingNonce = randomHex(16)
  })
  const settings = core.settings()
  const ticket = await signVmToken(settings.tokenKey, {
    kind: 'ticket',
    workspace: workspace.name,
    generation: workspace.vm.generation,
    expiresAtMs: core.now() + TICKET_MS,
  })
  const command = firstCommand({
    vmUrl: settings.vmUrl,
    ticket,
    nonce: workspace.supervisor.pendingNonce ?? '',
    workspace: workspace.name,
    ralphSha256: sha256,
    nodeDistUrl: settings.nodeDistUrl,
  })
  const { output } = await vms.exec(found.id, command, EXEC_TIMEOUT_MS)
  noteBoot(core, output)
  core.store.changeWorkspace((record) => {
    // A machine that was heard while Orgo answered stays ready.
    if (record.vm.step !== 'ready') record.vm.step = 'booting'
  })
  return POLL_MS
}

async function pollBoot(core: Core, vms: VmProvider, found: Vm): Promise<number> {
  const { output } = await vms.exec(found.id, statusCommand(), EXEC_TIMEOUT_MS)
  const status = noteBoot(core, output)
  const { vm } = requireWorkspace(core)
  if (vm.step !== 'booting') return 0 // heard while Orgo answered
  const ageMs = core.now() - (vm.bootSentAtMs ?? 0)
  if (status?.step === 'done' && ageMs > BOOT_RETRY_MS) return wakeSupervisor(core, vms, found.id, ageMs)
  // The start failed or was killed: send the same first command again. Finished steps left markers and cost nothing.
  if (
    status === null ||
    status.step === 'none' ||
    (status.error !== null && ageMs > BOOT_RETRY_MS) ||
    ageMs > TICKET_MS
  )
    core.store.changeWorkspace((record) => {
      if (record.vm.step === 'booting') record.vm.step = 'known'
    })
  return POLL_MS
}

/** Bootstrap is done but the supervisor was never heard: it died, or the machine was restarted, before its first sync. */
async function wakeSupervisor(core: Core, vms: VmProvider, vmId: string, ageMs: number): Promise<number> {
  const { supervisor } = requireWorkspace(core)
  const { output } = await vms.exec(vmId, doorbellCommand(supervisor.pendingNonce ?? ''), EXEC_TIMEOUT_MS)
  // The machine has no `ralph`, or its supervisor did not reach us in all this time: start anew, with a new nonce and key.
  if (parseDoorbell(output) === null || ageMs > TICKET_MS)
    core.store.changeWorkspace(({ vm }) => {
      if (vm.id === vmId && vm.step === 'booting') Object.assign(vm, { step: 'known', ticketSpent: true })
    })
  return BOOT_RETRY_MS
}

function noteBoot(core: Core, output: string) {
  const status = parseBootStatus(output)
  if (status === null) return null
  const detail =
    status.error === null
      ? `Preparing the VM: ${status.step}.`
      : `Preparing the VM failed at "${status.step}": ${status.error}`
  core.store.changeWorkspace((workspace) => {
    workspace.vm.bootStep = status.step
    if (workspace.status === 'provisioning') workspace.statusDetail = detail
  })
  return status
}

/** Leaves an adopted machine alone that already holds another ~/workspace. Throws VmTrouble. */
export async function refuseForeign(vms: VmProvider, vmId: string, name: string): Promise<void> {
  const { output } = await vms.exec(vmId, foreignWorkspaceCommand(), EXEC_TIMEOUT_MS)
  const owner = parseForeignWorkspace(output)
  if (owner !== null && owner !== name)
    throw new VmTrouble(
      'orgo_refused',
      `Computer ${vmId} already holds a ~/workspace that is not this workspace's. Name another vm_id, or leave vm_id out to get a new computer.`,
    )
}
