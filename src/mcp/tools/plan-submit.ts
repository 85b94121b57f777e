// plan_submit: takes a plan in plain words and queues it.
import * as z from 'zod'
import { Effort, OnQuestion } from '../../shared/words.ts'
import { toCamelKeys } from '../kit/camel-keys.ts'
import { defineTool } from '../kit/define-tool.ts'
import { planNextStep } from '../kit/next-step.ts'
import {
  OutSubmitted,
  ParamBranch,
  ParamBudget,
  ParamChecks,
  ParamModel,
  ParamOpenPr,
  ParamWorkspaceId,
  text,
} from '../kit/params.ts'
import { planText } from '../kit/plan-text.ts'
import { toPlan } from '../kit/shapes.ts'

const MAX_PLAN_CHARS = 100_000

export const planSubmit = defineTool({
  name: 'plan_submit',
  title: 'Submit a plan',
  description:
    "Gives one piece of work to the agent on the workspace's VM and returns at once. The work goes on while the user is offline and ends as a pushed branch agent/... to review. The agent sees only this text and the repository, so say what to do, what counts as done, and what to leave alone.",
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: true },
  input: z.strictObject({
    workspace_id: ParamWorkspaceId,
    plan: text(1, MAX_PLAN_CHARS).describe('the work, in plain words; first line = title'),
    branch_name: ParamBranch.max(100, 'is longer than 100 characters')
      .describe('gives agent/{name}-{8 hex}')
      .exactOptional(),
    base: ParamBranch.describe('branch or plan id to start from').exactOptional(),
    budget_usd: ParamBudget.describe('most it may spend on the model').exactOptional(),
    model: ParamModel.exactOptional(),
    effort: Effort.exactOptional(),
    checks: ParamChecks.exactOptional(),
    on_question: OnQuestion.describe('when the agent is in doubt; default pause').exactOptional(),
    open_pr: ParamOpenPr.exactOptional(),
    idempotency_key: text(1, 200).describe('repeating a call with it returns the first plan').exactOptional(),
  }),
  output: OutSubmitted,
  handler: async ({ workspace_id, ...input }, context) => {
    context.settings()
    const stub = await context.workspace(workspace_id)
    const { plan, deduplicated } = await stub.submit(workspace_id, toCamelKeys(input))
    const shape = toPlan(plan)
    return {
      structured: {
        plan: shape,
        ...(deduplicated ? { deduplicated } : {}),
        next_step: `${deduplicated ? 'The same plan was submitted before: this is that plan. ' : ''}${planNextStep(plan)}`,
      },
      text: `Plan ${plan.id} is ${plan.status} on branch ${plan.branch}.\n${planText(shape)}`,
    }
  },
})
