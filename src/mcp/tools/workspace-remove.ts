// workspace_remove: ends a workspace and, when the runtime created it, its VM.
import * as z from 'zod'
import { defineTool } from '../kit/define-tool.ts'
import { OutRemoved, ParamWorkspaceId } from '../kit/params.ts'

export const workspaceRemove = defineTool({
  name: 'workspace_remove',
  title: 'Remove a workspace',
  description:
    'Ends a workspace: its open plans are cancelled, and a VM that the runtime created is deleted with all unpushed work. Pushed branches stay. Ask the user first.',
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: true },
  input: z.strictObject({
    workspace_id: ParamWorkspaceId,
    delete_vm: z
      .boolean()
      .describe('default: true for a VM the runtime created, false for an adopted one')
      .exactOptional(),
  }),
  output: OutRemoved,
  handler: async ({ workspace_id, delete_vm }, context) => {
    const stub = await context.workspace(workspace_id)
    const { removed, vmDeleted } = await stub.remove(workspace_id, delete_vm)
    return {
      structured: {
        removed,
        vm_deleted: vmDeleted,
        next_step: 'There is nothing left to do. workspace_register creates the workspace again.',
      },
      text: `Workspace ${workspace_id} is removed; its VM was ${vmDeleted ? 'deleted' : 'not deleted'}.`,
    }
  },
})
