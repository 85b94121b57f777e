// What a tool gets to work with. Tests pass a plain object of the same shape.
import type { Scope } from '../../auth/scopes.ts'
import { NotFoundError } from '../../lib/errors.ts'
import { keyOfPlan, workspaceKey } from '../../lib/ids.ts'
import { readSettings, requireSettings } from '../../lib/settings.ts'
import type { Settings } from '../../lib/settings.ts'
import { cleanLine } from '../../lib/text.ts'
import { listPlans, listWorkspaces } from '../../history/query.ts'
import type { ListPlansInput, ListWorkspacesInput } from '../../history/query.ts'
import type { PlanSnapshot, WorkspaceRpc, WorkspaceSnapshot } from '../../workspace/contract.ts'

export type WorkspaceStub = Pick<
  WorkspaceRpc,
  | 'register'
  | 'update'
  | 'snapshot'
  | 'branches'
  | 'remove'
  | 'submit'
  | 'planStatus'
  | 'planText'
  | 'planExport'
  | 'planDiff'
  | 'cancel'
  | 'resume'
  | 'message'
>

export interface ToolContext {
  /** What the caller may do. */
  scopes: readonly Scope[]
  /** Returns the object that a workspace of this name has or would have. Asking for it stores nothing. */
  workspace: (name: string) => Promise<WorkspaceStub>
  /** Returns the object a plan lives in. Throws NotFoundError for an id that cannot be ours. */
  workspaceOfPlan: (planId: string) => WorkspaceStub
  /** Returns every workspace except the removed ones, newest first. */
  listWorkspaces: (input: ListWorkspacesInput) => Promise<{ workspaces: WorkspaceSnapshot[]; more: boolean }>
  listPlans: (input: ListPlansInput) => Promise<{ plans: PlanSnapshot[]; more: boolean }>
  /** Throws one SettingsError that names every problem. For tools that start something. */
  settings: () => Settings
  /** Local mode and the Worker's own addresses. They are known even while other settings are missing. */
  addresses: () => { local: boolean; ownUrls: string[] }
  now: () => number
}

/** Fields that a row in D1 lacks when an older version wrote it. */
const NOT_IN_OLDER_ROWS = { tests: null, lookFirst: [] } satisfies Partial<PlanSnapshot>

export function createToolContext(env: Env, { scopes }: Pick<ToolContext, 'scopes'>): ToolContext {
  // A platform seam: this folder imports only types from the object, and here its stub has to fit them.
  const stub = (key: string): WorkspaceStub => env.WORKSPACE.getByName(key)
  return {
    scopes,
    workspace: async (name) => stub(await workspaceKey(name)),
    workspaceOfPlan: (planId) => {
      const key = keyOfPlan(planId)
      if (key === null)
        throw new NotFoundError(`There is no plan "${cleanLine(planId, 60)}". plan_list lists the plans.`)
      return stub(key)
    },
    // Snapshots in D1 are JSON that the object wrote from these very types (history/append.ts).
    listWorkspaces: async (input) => {
      const { snapshots, more } = await listWorkspaces(env.DB, input)
      return { workspaces: snapshots as WorkspaceSnapshot[], more }
    },
    listPlans: async (input) => {
      const { snapshots, more } = await listPlans(env.DB, input)
      return { plans: (snapshots as PlanSnapshot[]).map((plan) => ({ ...NOT_IN_OLDER_ROWS, ...plan })), more }
    },
    settings: () => requireSettings({ ...env }),
    addresses: () => {
      const { local, publicUrl, vmUrl } = readSettings({ ...env }).settings
      return { local, ownUrls: [publicUrl, vmUrl] }
    },
    now: () => Date.now(),
  }
}
