// Checks the machine and the remote of a registration before it is stored. A refusal tells the caller what to correct.
import { UserError } from '../../lib/errors.ts'
import { VmError } from '../../orgo/vm.ts'
import type { Core } from '../core/core.ts'
import type { RegisterInput } from '../contract.ts'
import { refuseForeign } from '../machine/provision.ts'
import { VmTrouble } from '../machine/trouble.ts'

/** Refuses a vm_id that does not exist, is not ours to use, or holds another ~/workspace, before anything is stored. */
export async function refuseUnlessAdoptable(core: Core, vmId: string, name: string): Promise<void> {
  const vms = core.orgo()
  try {
    const found = await vms.get(vmId)
    if (found === 'missing')
      throw new UserError(
        `vm_id ${vmId} is no computer this ORGO_API_KEY can use. Check the id, or leave vm_id out to get a new computer.`,
      )
    // A computer that is asleep or stopped cannot be asked now; the same check comes before its first bootstrap.
    if (found.state === 'running') await refuseForeign(vms, vmId, name)
  } catch (error) {
    if (error instanceof VmTrouble || (error instanceof VmError && error.kind === 'permanent'))
      throw new UserError(error.message, 'vm_refused')
    if (!(error instanceof VmError)) throw error
  }
}

/**
 * Reads the remote's refs once and returns its default branch. A refusal names GIT_CREDENTIALS. When the host does not answer,
 * the registration goes on and the branch is asked for again before the first plan.
 */
export async function defaultBranch(
  core: Core,
  input: RegisterInput,
): Promise<{ name: string | null; detail: string }> {
  const wanted = input.branch === undefined ? [] : [`refs/heads/${input.branch}`]
  const refs = await core.refs(input.gitRemote, ['HEAD', ...wanted])
  if (refs.kind === 'refused') {
    const why =
      core.remote(input.gitRemote).credential === null
        ? 'there is no line for it in GIT_CREDENTIALS'
        : 'the token of its line in GIT_CREDENTIALS was not accepted for it'
    throw new UserError(
      `The git host answered ${refs.status} for git_remote ${input.gitRemote}: ${why}, or the address is wrong. Check the address, or set GIT_CREDENTIALS and register again.`,
      'git_refused',
    )
  }
  if (refs.kind === 'unreachable')
    return {
      name: input.branch ?? null,
      detail: 'The git host did not answer yet; the VM is being created meanwhile.',
    }
  if (input.branch !== undefined && refs.refs[`refs/heads/${input.branch}`] === undefined)
    throw new UserError(
      `git_remote ${input.gitRemote} has no branch "${input.branch}". Name an existing branch, or leave branch out to use the default branch.`,
    )
  if (input.branch === undefined && refs.head === null)
    throw new UserError(
      `git_remote ${input.gitRemote} names no default branch we can use. Name one with branch, or push a first commit.`,
    )
  return { name: input.branch ?? refs.head, detail: 'The VM is being prepared.' }
}
