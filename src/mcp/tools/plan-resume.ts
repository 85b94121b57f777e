// plan_resume: continues a paused, failed or cancelled plan from where it stood.
import * as z from 'zod'
import { defineTool } from '../kit/define-tool.ts'
import { planNextStep } from '../kit/next-step.ts'
import { OutPlan, ParamBudget, ParamModel, ParamPlanId } from '../kit/params.ts'
import { planText } from '../kit/plan-text.ts'
import { toPlan } from '../kit/shapes.ts'

export const planResume = defineTool({
  name: 'plan_resume',
  title: 'Resume a plan',
  description:
    'Continues a paused, failed or cancelled plan from where it stopped, as its next attempt on the same branch.',
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: true },
  input: z.strictObject({
    plan_id: ParamPlanId,
    budget_usd: ParamBudget.describe('the new total, above spent_usd').exactOptional(),
    model: ParamModel.describe('another model from now on').exactOptional(),
  }),
  output: OutPlan,
  handler: async ({ plan_id, budget_usd, model }, context) => {
    const stub = context.workspaceOfPlan(plan_id)
    context.settings()
    const plan = await (model === undefined
      ? stub.resume(plan_id, budget_usd)
      : stub.resume(plan_id, budget_usd, model))
    const shape = toPlan(plan)
    return {
      structured: { plan: shape, next_step: planNextStep(plan) },
      text: `Plan ${plan.id} is ${plan.status}, attempt ${plan.attempt}.\n${planText(shape)}`,
    }
  },
})
