// workspace_update: changes a workspace's settings.
import * as z from 'zod'
import { UserError } from '../../lib/errors.ts'
import { toCamelKeys } from '../kit/camel-keys.ts'
import { defineTool } from '../kit/define-tool.ts'
import { workspaceNextStep } from '../kit/next-step.ts'
import {
  OutWorkspace,
  ParamBranch,
  ParamChecks,
  ParamMaxParallel,
  ParamOpenPr,
  ParamSetup,
  ParamWorkspaceId,
} from '../kit/params.ts'
import { toWorkspace } from '../kit/shapes.ts'
import { workspaceText } from '../kit/workspace-text.ts'

export const workspaceUpdate = defineTool({
  name: 'workspace_update',
  title: 'Change a workspace',
  description:
    'Changes settings of a workspace; settings left out stay as they are. Applies to plans submitted from now on.',
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
  input: z.strictObject({
    workspace_id: ParamWorkspaceId,
    branch: ParamBranch.describe('base branch').exactOptional(),
    setup: ParamSetup.describe('shell, run before each plan; ":" for none').exactOptional(),
    checks: ParamChecks.exactOptional(),
    max_parallel: ParamMaxParallel.exactOptional(),
    open_pr: ParamOpenPr.exactOptional(),
    react_to_feedback: z.boolean().describe('let review comments and red CI reopen a plan').exactOptional(),
    keep_branch: z.boolean().describe('keep merged branches').exactOptional(),
  }),
  output: OutWorkspace,
  handler: async ({ workspace_id, ...given }, context) => {
    if (Object.keys(given).length === 0)
      throw new UserError(
        'workspace_update has nothing to change: name at least one setting. null and "" mean "not given"; setup ":" takes the set-up away.',
      )
    const changes = given.setup?.trim() === ':' ? { ...given, setup: '' } : given
    const stub = await context.workspace(workspace_id)
    const workspace = await stub.update(workspace_id, toCamelKeys(changes))
    const shape = toWorkspace(workspace)
    return {
      structured: { workspace: shape, next_step: workspaceNextStep(workspace) },
      text: `Workspace ${workspace.name} was changed: ${Object.keys(changes).join(', ')}.\n${workspaceText(shape)}`,
    }
  },
})
