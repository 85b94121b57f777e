// Shows plans as tasks of the MCP Tasks extension: the task's id is the plan's, and a task says what plan_status says. Answers go
// in as plan_message and cancels as plan_cancel, through the same checks as those tools.
import type { ServerContext } from '@modelcontextprotocol/server'
import { isRuntimeError, NotFoundError } from '../lib/errors.ts'
import { keyOfPlan } from '../lib/ids.ts'
import { cleanText } from '../lib/text.ts'
import type { PlanSnapshot } from '../workspace/contract.ts'
import * as z from 'zod'
import type { ToolContext } from './kit/context.ts'
import { fullText } from './kit/define-tool.ts'
import type { ToolAnswer } from './kit/define-tool.ts'
import { runTool } from './kit/run-tool.ts'
import { TASKS_EXTENSION } from './tasks.ts'
import type { Task, TaskSource } from './tasks.ts'
import { planCancel } from './tools/plan-cancel.ts'
import { answerTo } from './tools/plan-message.ts'
import { planStatus, statusLine } from './tools/plan-status.ts'
import type { Tool } from './kit/define-tool.ts'

const POLL_MS = 5_000
const Answered = z.object({ action: z.literal('accept'), content: z.object({ answer: z.string() }) })

/**
 * True when the client wants this call as a task: it says so in the call's `_meta`. Declaring the extension is not enough. The
 * usual answer is the plan itself at once, because people go offline, and only the client that made a task watches it.
 */
export function asksForTask({ mcpReq }: ServerContext): boolean {
  const { _meta: meta } = mcpReq
  const asked: unknown = meta?.[TASKS_EXTENSION]
  return asked === true || (typeof asked === 'object' && asked !== null)
}

export function createPlanTasks(context: ToolContext): TaskSource {
  const run = (tool: Tool, args: object): Promise<ToolAnswer> =>
    runTool({ tool, args, context, call: { signal: new AbortController().signal }, door: 'mcp' })
  const planOf = async (taskId: string): Promise<PlanSnapshot> => {
    if (keyOfPlan(taskId) === null)
      throw new NotFoundError('There is no such task. plan_list lists the plans.')
    const { plan } = await context
      .workspaceOfPlan(taskId)
      .planStatus(taskId, { waitMs: 0, after: 0, limit: 1 })
    return plan
  }
  return {
    async get(taskId) {
      const plan = await planOf(taskId)
      if (plan.status !== 'completed' && plan.status !== 'failed') return toTask(plan)
      const answer = await run(planStatus, { plan_id: taskId })
      return {
        ...toTask(plan),
        result: {
          content: [{ type: 'text', text: fullText(answer) }],
          structuredContent: { ...answer.structured },
          // A failed plan is a failed tool call; the task status "failed" is for errors of the protocol.
          ...(plan.status === 'failed' ? { isError: true } : {}),
        },
      }
    },
    async update(taskId, responses) {
      const plan = await planOf(taskId)
      const response = Answered.safeParse(responses[questionKey(plan)])
      // The answer was declined, belongs to an older question, or to none: the plan keeps waiting, as without an answer.
      if (!isAsking(plan) || !response.success) return
      // Another client may answer meanwhile and the agent ask again. An answer never reaches a question it was not given to.
      await run(answerTo(plan.attempt), { plan_id: taskId, message: response.data.content.answer })
    },
    async cancel(taskId) {
      await planOf(taskId)
      await run(planCancel, { plan_id: taskId }).catch((error: unknown) => {
        if (isRuntimeError(error) && error.code === 'already_final') return
        throw error
      })
    },
  }
}

const isAsking = (plan: PlanSnapshot): boolean => plan.status === 'paused' && plan.pausedReason === 'question'

/** The key of one attempt's question: the question is the attempt's last act, and the answer begins the next attempt. */
const questionKey = (plan: PlanSnapshot): string => `question-${plan.attempt}`

const STATUS: Record<PlanSnapshot['status'], Task['status']> = {
  queued: 'working',
  running: 'working',
  // The plan waits, but not for an answer; statusMessage says for what.
  paused: 'working',
  completed: 'completed',
  failed: 'completed',
  cancelled: 'cancelled',
}

function toTask(plan: PlanSnapshot): Task {
  const asking = isAsking(plan)
  const reason =
    plan.status === 'paused' && plan.pausedReason !== null ? ` Paused: ${plan.pausedReason}.` : ''
  return {
    taskId: plan.id,
    status: asking ? 'input_required' : STATUS[plan.status],
    statusMessage: `${statusLine(plan)}${reason}`,
    createdAtMs: plan.createdAtMs,
    lastUpdatedAtMs: plan.finishedAtMs ?? plan.lastActivityAtMs ?? plan.createdAtMs,
    ttlMs: null,
    pollIntervalMs: POLL_MS,
    ...(asking ? { inputRequests: { [questionKey(plan)]: questionOf(plan) } } : {}),
  }
}

function questionOf(plan: PlanSnapshot): NonNullable<Task['inputRequests']>[string] {
  return {
    method: 'elicitation/create',
    params: {
      mode: 'form',
      message: cleanText(plan.question ?? 'The agent asks how to continue.', 4_000),
      requestedSchema: {
        type: 'object',
        properties: { answer: { type: 'string', title: 'Answer', minLength: 1, maxLength: 20_000 } },
        required: ['answer'],
      },
    },
  }
}
