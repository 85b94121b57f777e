// workspace_list: lists all workspaces, from D1.
import * as z from 'zod'
import { historyCursor } from '../../history/query.ts'
import { counted } from '../../lib/text.ts'
import { defineTool } from '../kit/define-tool.ts'
import { fitting, MAX_ANSWER_BYTES } from '../kit/answer-size.ts'
import { OutWorkspaces, ParamCursor } from '../kit/params.ts'
import { toWorkspace } from '../kit/shapes.ts'
import { workspaceText } from '../kit/workspace-text.ts'

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
    const isCut = shapes.length < found.workspaces.length
    const next =
      last !== undefined && (found.more || isCut) ? historyCursor(last.createdAtMs, last.name) : null
    return {
      structured: {
        workspaces: shapes,
        ...(next === null ? {} : { cursor: next }),
        next_step: nextStep(shapes.length, next !== null),
      },
      text:
        shapes.length === 0
          ? 'There are no workspaces.'
          : `${counted(shapes.length, 'workspace')}${next === null ? '' : `, and more: cursor ${next}`}.\n\n${shapes.map((one) => `## ${one.name} is ${one.status}\n${workspaceText(one)}`).join('\n\n')}`,
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
