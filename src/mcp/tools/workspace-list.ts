// workspace_list: lists all workspaces, from D1.
import * as z from 'zod'
import { historyCursor } from '../../history/query.ts'
import { defineTool } from '../kit/define-tool.ts'
import { fitting, MAX_ANSWER_BYTES } from '../kit/answer-size.ts'
import { OutWorkspaces, ParamCursor } from '../kit/params.ts'
import { toWorkspace } from '../kit/shapes.ts'

const PAGE = 50

export const workspaceList = defineTool({
  name: 'workspace_list',
  title: 'List workspaces',
  description:
    'Every workspace with its VM, its state and its warnings, newest first. Removed ones are left out.',
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  input: z.strictObject({ cursor: ParamCursor.exactOptional() }),
  output: OutWorkspaces,
  handler: async ({ cursor }, context) => {
    const found = await context.listWorkspaces({ limit: PAGE, ...(cursor === undefined ? {} : { cursor }) })
    const shapes = fitting(found.workspaces, toWorkspace, MAX_ANSWER_BYTES)
    const last = found.workspaces[shapes.length - 1]
    const more = last !== undefined && (found.more || shapes.length < found.workspaces.length)
    return {
      structured: {
        workspaces: shapes,
        ...(more ? { cursor: historyCursor(last.createdAtMs, last.name) } : {}),
        next_step: nextStep(shapes.length, more),
      },
      text:
        shapes.length === 0
          ? 'There are no workspaces.'
          : `${shapes.length} workspaces: ${shapes.map(({ name, status }) => `${name} (${status})`).join(', ')}.`,
    }
  },
})

function nextStep(count: number, more: boolean): string {
  if (count === 0)
    return 'Connect a repository with workspace_register. (One registered a moment ago is listed within seconds; workspace_sync knows it at once.)'
  return more
    ? 'Call workspace_list with this cursor for the rest.'
    : 'Submit work with plan_submit, or see one workspace with workspace_sync.'
}
