// The text form of a workspace and of its branches, for clients that show a model only text: all that the structured form says.
import { counted } from '../../lib/text.ts'
import type { toBranch, toWorkspace } from './shapes.ts'

type WorkspaceShape = ReturnType<typeof toWorkspace>
type BranchShape = ReturnType<typeof toBranch>

/** Returns the facts of a workspace as a list, one to a line. */
export function workspaceText(workspace: WorkspaceShape): string {
  const { vm, webhook, warnings, status_detail: detail } = workspace
  const place = [
    vm.id ?? 'none yet',
    vm.status,
    ...(vm.adopted ? ['adopted'] : []),
    ...(vm.url === null ? [] : [vm.url]),
  ]
  return bullets([
    `Repository ${workspace.git_remote}, branch ${workspace.branch ?? 'not known yet'}, created ${workspace.created_at}.`,
    ...(detail === '' ? [] : [`Detail: ${detail}`]),
    `VM: ${place.join(', ')}.`,
    `Webhook: ${webhook.status}. ${webhook.how_to}`.trim(),
    `Plans: ${workspace.active_plans} active, ${workspace.queued_plans} queued.`,
    ...warnings.map((warning) => `Warning: ${warning}`),
  ])
}

/** Returns the branches as a section; nothing when there are none. */
export function branchesText(branches: BranchShape[], asOf: string): string {
  return branches.length === 0 ? '' : `## Branches as of ${asOf}\n${bullets(branches.map(branchLine))}`
}

function branchLine(branch: BranchShape): string {
  const { ahead, behind, conflicts, commits } = branch
  const facts = [
    `${branch.branch} of plan ${branch.plan_id} (${branch.plan_status})`,
    `merge status ${branch.merge_status}`,
    `head ${branch.head ?? 'not known'}`,
    `ahead ${known(ahead)}, behind ${known(behind)}`,
    conflicts === null ? 'conflicts not known' : conflicts ? 'conflicts with its base' : 'no conflicts',
    ...('pr_url' in branch ? [`pull request ${branch.pr_url}`] : []),
  ]
  const list = commits.map(({ sha, subject }) => `\n  - ${sha} ${subject}`).join('')
  return `${facts.join('; ')}${list === '' ? '' : `; ${counted(commits.length, 'commit')}:${list}`}`
}

const known = (count: number | null): number | string => count ?? 'not known'

const bullets = (lines: string[]): string => lines.map((line) => `- ${line}`).join('\n')
