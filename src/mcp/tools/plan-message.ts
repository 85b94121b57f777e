import * as z from 'zod'
import { defineTool } from '../define-tool.ts'
import { planNextStep } from '../next-step.ts'
import { OutPlan, ParamPlanId, text } from '../params.ts'
import { toPlan } from '../shapes.ts'

export const planMessage = defineTool({
  name: 'plan_message',
  title: 'Steer a plan',
  description:
    'Steers a running plan, answers the question of a paused one, or reopens a finished one for more work on the same branch.',
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: true },
  input: z.strictObject({ plan_id: ParamPlanId, message: text(1, 20_000) }),
  output: OutPlan,
  handler: async ({ plan_id, message }, context) => {
    const stub = context.workspaceOfPlan(plan_id)
    context.settings()
    const plan = await stub.message(plan_id, message)
    return {
      structured: { plan: toPlan(plan), next_step: planNextStep(plan) },
      text: `The message is with plan ${plan.id}, which is ${plan.status}.`,
    }
  },
})
