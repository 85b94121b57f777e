// Pure: turns records into the snapshots that callers see and D1 keeps.
import { SHOWN } from './records.ts'
import type { PlanRecord, WorkspaceRecord } from './records.ts'
import type { PlanSnapshot, WorkspaceSnapshot } from '../contract.ts'

const WEBHOOK_SILENT_MS = 7 * 86_400_000

export interface WorkspaceView {
  workspace: WorkspaceRecord
  openPlans: PlanRecord[]
  /** null: the git host has no webhook this runtime understands. */
  webhookUrl: string | null
  /** False: GIT_CREDENTIALS has no line for the remote. */
  hasCredential: boolean
  nowMs: number
}

export function toWorkspaceSnapshot(view: WorkspaceView): WorkspaceSnapshot {
  const { workspace, openPlans, webhookUrl, hasCredential, nowMs } = view
  const { id, url, status, adopted } = workspace.vm
  const heard = workspace.webhookHeardAtMs !== null && nowMs - workspace.webhookHeardAtMs < WEBHOOK_SILENT_MS
  return {
    name: workspace.name,
    gitRemote: workspace.gitRemote,
    branch: workspace.branch,
    status: workspace.status,
    statusDetail: workspace.statusDetail,
    vm: { id, url, status, adopted },
    webhook:
      webhookUrl === null
        ? {
            status: 'unsupported',
            howTo:
              'Webhooks of this git host are not supported yet. The runtime asks the host hourly whether a branch was merged.',
          }
        : {
            status: heard ? 'receiving' : 'unknown',
            howTo: `In the repository's settings add a webhook: URL ${webhookUrl}, content type application/json, the secret GITHUB_WEBHOOK_SECRET, events "push", "pull requests" and "branch deletion". Without it a merge is noticed within an hour.`,
          },
    setup: workspace.setup,
    checks: workspace.checks,
    maxParallel: workspace.maxParallel,
    openPr: workspace.openPr,
    activePlans: openPlans.filter((plan) => plan.status === 'running').length,
    queuedPlans: openPlans.filter((plan) => plan.status === 'queued').length,
    warnings: warnings(workspace, hasCredential),
    createdAtMs: workspace.createdAtMs,
  }
}

function warnings(workspace: WorkspaceRecord, hasCredential: boolean): string[] {
  const found: string[] = []
  const { host } = new URL(workspace.gitRemote)
  if (!hasCredential)
    found.push(
      `GIT_CREDENTIALS has no line for ${host}: plans cannot push there. The owner adds one with: npm run credentials -- add ${host}`,
    )
  if (workspace.branch === null)
    found.push(`${host} has not answered yet: plans without a base of their own wait for its default branch.`)
  if (!workspace.vm.canAddUsers)
    found.push('This VM cannot add unix users: plans run one at a time, without isolation from each other.')
  if (workspace.vm.freeDiskMb !== null && workspace.vm.freeDiskMb < 1024)
    found.push(`Only ${workspace.vm.freeDiskMb} MB are free on the VM's disk.`)
  return found
}

export function toPlanSnapshot(plan: PlanRecord, workspace: string): PlanSnapshot {
  const shown = Object.fromEntries(SHOWN.map((field) => [field, plan[field]]))
  // fromEntries forgets the names of the fields, which SHOWN holds.
  return { ...(shown as Omit<PlanSnapshot, 'workspace'>), workspace }
}
