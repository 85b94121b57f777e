// What `npm run doctor` checks of one workspace: whether its remote can be read and pushed to, whether its VM works, and whether
// any work stands still. It changes nothing, except that it wakes an object that sleeps over open work.
import { mayPush } from '../../git/may-push.ts'
import { requireWorkspace } from '../core/core.ts'
import type { Core } from '../core/core.ts'
import { isOpen } from '../records/records.ts'
import type { PlanRecord, WorkspaceRecord } from '../records/records.ts'
import { well, wrong } from '../../lib/finding.ts'
import type { Finding } from '../../lib/finding.ts'
import { findStuck } from './stuck.ts'

const TIMEOUT_MS = 10_000
/** The VM is rung every 45 s meanwhile. */
const UNHEARD_MS = 15 * 60_000

export async function diagnose(core: Core, name: string): Promise<Finding[]> {
  const workspace = requireWorkspace(core, name)
  const still = await findStuck(core, name)
  return [
    await lookAtRemote(core, workspace),
    lookAtVm(core, workspace),
    lookAtWebhook(core, workspace),
    ...(still.length > 0 ? still : [well(`plans of ${name}`, 'None stands still.')]),
  ]
}

async function lookAtRemote(core: Core, { name, gitRemote }: WorkspaceRecord): Promise<Finding> {
  const { credential } = core.remote(gitRemote)
  const host = new URL(gitRemote).host
  const check = `git of ${name}`
  const add = `npm run credentials -- add ${host}`
  if (credential === null) return wrong(check, `There is no git credential for ${host}.`, add)
  const refs = await core.refs(gitRemote, ['HEAD'])
  if (refs.kind === 'unreachable')
    return wrong(
      check,
      `${host} does not answer.`,
      'See the status page of the git host. Plans wait meanwhile.',
    )
  if (refs.kind === 'refused')
    return wrong(
      check,
      `${host} answers ${refs.status} for ${gitRemote}: its token has expired, or does not reach this repository.`,
      `Make a new token for this repository and run ${add}`,
    )
  const push = await mayPush({ remote: gitRemote, credential, timeoutMs: TIMEOUT_MS })
  if (push === 'no')
    return wrong(
      check,
      `The credential for ${host} may read ${gitRemote} but not push to it.`,
      `Give the token the right to write contents, then ${add}`,
    )
  return well(
    check,
    `${host} lets us read${push === 'yes' ? ' and push' : '; it did not say whether we may push'}.`,
  )
}

function lookAtVm(core: Core, { name, status, statusDetail, vm, supervisor }: WorkspaceRecord): Finding {
  const check = `vm of ${name}`
  if (status === 'error')
    return wrong(
      check,
      statusDetail,
      'Correct what the text names, then call workspace_register with the same arguments to try again at once.',
    )
  if (!vm.canAddUsers && vm.step === 'ready')
    return wrong(
      check,
      'It cannot add users, so plans run one at a time and none is verified.',
      'Use a VM made by this runtime instead of the adopted one.',
    )
  const silentMs = core.now() - (supervisor.lastHeardAtMs ?? core.now())
  if (vm.step === 'ready' && silentMs > UNHEARD_MS && core.store.watchedPlans().some(waitsForVm))
    return wrong(
      check,
      `It was not heard for ${Math.round(silentMs / 60_000)} minutes, and plans wait for it.`,
      `Look at computer ${vm.id ?? vm.name} in Orgo and restart it there. After two hours running plans are paused; they go on by themselves once it is back.`,
    )
  return well(check, statusDetail)
}

const waitsForVm = ({ onVm, status }: PlanRecord): boolean => onVm || isOpen(status)

function lookAtWebhook(core: Core, { name, gitRemote, webhookHeardAtMs }: WorkspaceRecord): Finding {
  const check = `webhook of ${name}`
  const isGithub = new URL(gitRemote).host === 'github.com'
  const waits = core.store.watchedPlans().some(({ mergeStatus }) => mergeStatus === 'open')
  if (!isGithub || webhookHeardAtMs !== null || !waits)
    return well(
      check,
      webhookHeardAtMs === null
        ? 'No webhook was received yet; merges are noticed by asking the host.'
        : `Last heard ${new Date(webhookHeardAtMs).toISOString()}.`,
    )
  return wrong(
    check,
    'Branches wait for a merge, and no webhook of this repository was ever received. A merge is noticed within an hour only.',
    `Add a webhook on GitHub: ${core.settings().publicUrl}/webhooks/github, application/json, the secret GITHUB_WEBHOOK_SECRET, events push, pull_request and delete.`,
  )
}
