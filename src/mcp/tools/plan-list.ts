// plan_list: lists plans of one workspace or of all, newest first.
import * as z from 'zod'
import { historyCursor } from '../../history/query.ts'
import { counted } from '../../lib/text.ts'
import { defineTool } from '../kit/define-tool.ts'
import { fitting, MAX_ANSWER_BYTES } from '../kit/answer-size.ts'
import { OutPlans, ParamCursor, ParamWorkspaceId } from '../kit/params.ts'
import { isPlanStatus, PlanStatus } from '../../shared/words.ts'
import { planLine } from '../kit/plan-text.ts'
import { toPlan } from '../kit/shapes.ts'

const DEFAULT_PLANS = 20

export const planList = defineTool({
  name: 'plan_list',
  title: 'List plans',
  description:
    'Plans of one workspace or of all, newest first, with long texts cut; plan_status has them in full. A list may be some seconds behind.',
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  input: z.strictObject({
    workspace_id: ParamWorkspaceId.exactOptional(),
    status: PlanStatus.exactOptional(),
    cursor: ParamCursor.exactOptional(),
    limit: z.int().min(1).max(50).describe('default 20').exactOptional(),
  }),
  output: OutPlans,
  handler: async ({ workspace_id, limit = DEFAULT_PLANS, ...filter }, context) => {
    // This tells an unknown workspace from one without plans.
    if (workspace_id !== undefined) await (await context.workspace(workspace_id)).snapshot(workspace_id)
    const found = await context.listPlans({
      ...filter,
      limit,
      ...(workspace_id === undefined ? {} : { workspace: workspace_id }),
    })
    // A plan that only a newer version understands is left out, so that the user still gets the list.
    const plans = found.plans.filter(({ status }) => isPlanStatus(status))
    const shapes = fitting(plans, (plan) => toPlan(plan, 'brief'), MAX_ANSWER_BYTES)
    const isCut = shapes.length < plans.length
    const last = isCut ? plans[shapes.length - 1] : found.plans.at(-1)
    const next = last !== undefined && (found.more || isCut) ? historyCursor(last.createdAtMs, last.id) : null
    return {
      structured: {
        plans: shapes,
        ...(next === null ? {} : { cursor: next }),
        next_step: nextStep(shapes.length, next !== null),
      },
      text:
        shapes.length === 0
          ? 'There are no such plans.'
          : `${counted(shapes.length, 'plan')}${next === null ? '' : `, and more: cursor ${next}`}.\n${shapes.map(planLine).join('\n')}`,
    }
  },
})

function nextStep(count: number, more: boolean): string {
  if (count === 0) return 'Submit one with plan_submit.'
  return more ? 'Call plan_list again with this cursor for older ones.' : 'Look at one with plan_status.'
}
