// plan_message: steers a running plan, answers its question, or reopens a finished one.
import * as z from 'zod'
import type { PlanSnapshot } from '../../workspace/contract.ts'
import type { ToolContext } from '../kit/context.ts'
import { defineTool } from '../kit/define-tool.ts'
import type { Tool } from '../kit/define-tool.ts'
import { planNextStep } from '../kit/next-step.ts'
import { OutPlan, ParamPlanId, text } from '../kit/params.ts'
import { planText } from '../kit/plan-text.ts'
import { toPlan } from '../kit/shapes.ts'

const input = z.strictObject({ plan_id: ParamPlanId, message: text(1, 20_000) })

export const planMessage = defineTool({
  name: 'plan_message',
  title: 'Steer a plan',
  description:
    'Steers a running plan, answers the question of a paused one, or reopens a finished one for more work on the same branch.',
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: true },
  input,
  output: OutPlan,
  handler: async (args, context) => send(args, context),
})

/** The same tool, but its text only answers the question of one attempt, which the object compares when it takes the message. */
export function answerTo(attempt: number): Tool {
  const handler = async (args: z.output<typeof input>, context: ToolContext) => send(args, context, attempt)
  return defineTool({ ...planMessage, input, output: OutPlan, handler })
}

async function send(
  { plan_id, message }: z.output<typeof input>,
  context: ToolContext,
  answersAttempt?: number,
) {
  const stub = context.workspaceOfPlan(plan_id)
  context.settings()
  const plan = await (answersAttempt === undefined
    ? stub.message(plan_id, message)
    : stub.message(plan_id, message, answersAttempt))
  const again = plan.startsAgain === true ? `${startsAgain(plan)} ` : ''
  const shape = toPlan(plan)
  return {
    structured: { plan: shape, next_step: `${again}${planNextStep(plan)}` },
    text: `Plan ${plan.id} has the message; it is ${plan.status}.\n${planText(shape)}`,
  }
}

/** The user may only have wanted to say something to a plan that was over, so the answer says what that costs. */
function startsAgain({ attempt, budgetUsd, spentUsd }: PlanSnapshot): string {
  const left = budgetUsd - spentUsd
  const may =
    left > 0
      ? `may spend $${left.toFixed(2)} more; plan_cancel stops it.`
      : 'has no budget left, so it will be paused: plan_resume then takes a higher budget_usd.'
  return `This plan was over. The message starts it again, as attempt ${attempt} on the same branch. It ${may}`
}
