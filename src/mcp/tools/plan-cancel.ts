// plan_cancel: withdraws the rights of a plan and cuts its open streams before it answers.
import * as z from 'zod'
import { defineTool } from '../kit/define-tool.ts'
import { planNextStep } from '../kit/next-step.ts'
import { OutPlan, ParamPlanId } from '../kit/params.ts'
import { planText } from '../kit/plan-text.ts'
import { toPlan } from '../kit/shapes.ts'

export const planCancel = defineTool({
  name: 'plan_cancel',
  title: 'Cancel a plan',
  description:
    'Stops a plan. Once this returns, the plan can push and spend nothing. Pushed work stays; plan_resume continues the plan.',
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
  input: z.strictObject({ plan_id: ParamPlanId }),
  output: OutPlan,
  handler: async ({ plan_id }, context) => {
    const plan = await context.workspaceOfPlan(plan_id).cancel(plan_id)
    const shape = toPlan(plan)
    return {
      structured: { plan: shape, next_step: planNextStep(plan) },
      text: `Plan ${plan.id} is ${plan.status}.\n${planText(shape)}`,
    }
  },
})
