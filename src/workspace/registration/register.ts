// The workspace itself: register, update, list branches, remove. Everything is checked before the first table is made, so a
// refused name or remote leaves nothing behind, not even an empty database.
import { randomHex } from '../../lib/crypto.ts'
import { UserError } from '../../lib/errors.ts'
import { vmName } from '../../orgo/vm.ts'
import { commit, requireWorkspace } from '../core/core.ts'
import type { Core } from '../core/core.ts'
import { cancel } from '../records/decisions.ts'
import { deleteLeftover, leftBehind } from '../machine/leftovers.ts'
import { workspaceSnapshot } from '../outbox/drain-outbox.ts'
import { tryAgain } from '../plans/resume-after-outage.ts'
import { newVmRecord, newWorkspaceRecord } from '../records/new-records.ts'
import type { WorkspaceRecord } from '../records/records.ts'
import { revokeLeases } from '../leases/leases.ts'
import { mergeCommands } from '../plans/merge-commands.ts'
import { defaultBranch, refuseUnlessAdoptable } from './registration-checks.ts'
import type { Branches, Registered, RegisterInput, UpdateInput, WorkspaceSnapshot } from '../contract.ts'

const MAX_BRANCHES = 50

export async function register(core: Core, input: RegisterInput): Promise<Registered> {
  const settings = core.settings()
  const known = core.exists() ? core.store.workspace() : null
  if (known !== null && known.name !== input.name)
    throw new UserError(
      `The name "${input.name}" collides with another workspace's key. Choose another name.`,
      'name_collision',
      409,
    )
  if (known !== null && known.status !== 'removed') return existing(core, known, input)

  if (input.vmId !== undefined) await refuseUnlessAdoptable(core, input.vmId, input.name)
  const branch = await defaultBranch(core, input)
  // Read again: another call may have registered or removed the name while the host was asked.
  const raced = core.exists() ? core.store.workspace() : null
  if (raced !== null && raced.status !== 'removed') return existing(core, raced, input)
  if (!core.exists()) core.createTables()
  const nonce = randomHex(4)
  const generation = (raced?.vm.generation ?? 0) + 1
  const vm = { ...newVmRecord(vmName(input.name, nonce)), generation }
  const fresh = newWorkspaceRecord({
    name: input.name,
    gitRemote: input.gitRemote,
    branch: branch.name,
    statusDetail: branch.detail,
    setup: input.setup ?? null,
    checks: input.checks ?? [],
    maxParallel: Math.min(input.maxParallel ?? settings.maxParallelPlans, settings.maxParallelPlans),
    openPr: input.openPr ?? false,
    createdAtMs: core.now(),
    nonce,
    vm: input.vmId === undefined ? vm : { ...vm, id: input.vmId, adopted: true, step: 'known' },
  })
  // Keeps what outlives a registration: numbers that never go back, machines still to be deleted, what the month may still spend.
  core.store.saveWorkspace({
    ...fresh,
    revision: (raced?.revision ?? 0) + 1,
    leftovers: raced?.leftovers ?? [],
    month: raced?.month ?? fresh.month,
  })
  core.store.publishWorkspace(() => undefined)
  if (raced !== null) takeUpBranches(core, raced.gitRemote === input.gitRemote)
  await core.poke()
  return { workspace: workspaceSnapshot(core), existing: false, differs: [] }
}

/**
 * Branches of a removed workspace are not checked for merges. This resumes the checks; with another remote (`sameRemote` false) no
 * host can be asked about the old branches, so their merge status becomes unknown.
 */
function takeUpBranches(core: Core, sameRemote: boolean): void {
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

/** Returns the known workspace for the same name and remote, tried again if it failed. Refuses the name with another remote. */
async function existing(core: Core, known: WorkspaceRecord, input: RegisterInput): Promise<Registered> {
  if (known.gitRemote !== input.gitRemote)
    throw new UserError(
      `Workspace "${known.name}" exists with git_remote ${known.gitRemote}. Use another name, or workspace_remove it first.`,
      'workspace_exists',
      409,
    )
  const settings = ['branch', 'setup', 'checks', 'maxParallel', 'openPr'] as const
  const differs = settings
    .filter(
      (name) => input[name] !== undefined && JSON.stringify(input[name]) !== JSON.stringify(known[name]),
    )
    .map((name) => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`))
  if (input.vmId !== undefined && input.vmId !== known.vm.id) differs.push('vm_id')
  if (known.status === 'error') tryAgain(core)
  await core.poke()
  return { workspace: workspaceSnapshot(core), existing: true, differs }
}

export async function update(core: Core, name: string, input: UpdateInput): Promise<WorkspaceSnapshot> {
  requireWorkspace(core, name)
  const { maxParallelPlans } = core.settings()
  core.store.publishWorkspace((workspace) => {
    if (input.branch !== undefined) workspace.branch = input.branch
    if (input.setup !== undefined) workspace.setup = input.setup === '' ? null : input.setup
    if (input.checks !== undefined) workspace.checks = input.checks
    if (input.maxParallel !== undefined) workspace.maxParallel = Math.min(input.maxParallel, maxParallelPlans)
    if (input.openPr !== undefined) workspace.openPr = input.openPr
    if (input.keepBranch !== undefined) workspace.keepBranch = input.keepBranch
    if (input.reactToFeedback !== undefined) workspace.reactToFeedback = input.reactToFeedback
  })
  await core.poke()
  return workspaceSnapshot(core)
}

/** Returns the plans' branches from what the gateway saw and the VM reported; it asks neither, so it waits for no sleeping VM. */
export function branches(core: Core, name: string): Branches {
  const workspace = requireWorkspace(core, name)
  const plans = core.store
    .branchPlans(MAX_BRANCHES)
    .filter((plan) => plan.pushedHead !== null || plan.status === 'running' || plan.status === 'queued')
  const open = plans.filter((plan) => plan.mergeStatus === 'open' && plan.pushedHead !== null)
  return {
    workspace: workspaceSnapshot(core),
    branches: plans.map((plan) => ({
      branch: plan.branch,
      planId: plan.id,
      planStatus: plan.status,
      mergeStatus: plan.mergeStatus,
      head: plan.pushedHead,
      ahead: plan.pushedHead === null ? null : plan.commits.length || null,
      behind: null,
      conflicts: null,
      commits: plan.commits,
      prUrl: plan.prUrl,
    })),
    asOfMs: core.now(),
    mergeCommands: open.flatMap((plan) => mergeCommands(workspace.gitRemote, plan.base, plan.branch)),
  }
}

/** Cancels plans, revokes leases, and deletes the VM when it is ours or when asked to. The history stays. */
export async function remove(
  core: Core,
  name: string,
  deleteVm: boolean | undefined,
): Promise<{ removed: boolean; vmDeleted: boolean }> {
  const workspace = requireWorkspace(core, name)
  if (workspace.status === 'removed') return { removed: true, vmDeleted: workspace.vm.id === null }
  const cancelled: string[] = []
  for (const plan of core.store.watchedPlans()) {
    commit(core, cancel(plan, core.now()))
    const now = core.store.plan(plan.id)
    if (now !== null)
      core.store.savePlan({
        ...now,
        // The VM will not confirm the stop any more.
        ...(now.status === 'cancelled' && !now.stoppedOnVm
          ? { statusDetail: 'Rights revoked; its workspace was removed.' }
          : {}),
        onVm: false,
        stoppedOnVm: true,
        mergeCheckAtMs: null,
      })
    cancelled.push(plan.id)
  }
  const isOurs = deleteVm ?? !workspace.vm.adopted
  const { leftovers } = core.store.publishWorkspace((record) => {
    // A create under way has no id yet; its machine is looked for by name.
    record.leftovers = leftBehind(record, isOurs, core.now())
    Object.assign(record, {
      status: 'removed',
      statusDetail: 'Removed.',
      retryAtMs: null,
      provisioningSinceMs: null,
    })
    record.supervisor.ringWanted = false
    record.vm.generation += 1
  })
  // Arm the alarm before anything is awaited: if we crash below, the alarm does the rest.
  await core.poke()
  // The plans' leases, and those of '': the machine's own fetches.
  await revokeLeases(core, [...cancelled, ''])
  // One try now, so that the answer can report it. When Orgo does not answer, the alarm continues.
  const own = leftovers.find(({ id }) => id !== null && id === workspace.vm.id)
  const vmDeleted = own !== undefined && (await deleteLeftover(core, own))
  await core.poke()
  return { removed: true, vmDeleted }
}
