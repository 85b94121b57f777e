// What both scripted models do with the tools they are given: hand in a plan, read its status until it is over, say so. Like a real
// model it knows nothing but the answers, as the client shows them.
import { z } from 'zod'
import { script } from '../../e2e/support/stack.ts'

export type Move = { tool: string; args: Record<string, unknown> } | { say: string }

/** The tools the script calls, by their own names. */
export const PLANNER_TOOLS = ['plan_submit', 'plan_status']
/** A quarter of an hour of waits: on a busy machine nine plans at once take minutes each. */
const MOST_ANSWERS = 60
const Answer = z.object({ plan: z.object({ id: z.string(), status: z.string() }), next_step: z.string() })

/** answers: what came back of each tool call so far, as the model sees it. */
export function nextMove(answers: string[], workspace: string): Move {
  const last = answers.at(-1)
  if (last === undefined)
    return {
      tool: 'plan_submit',
      args: { workspace_id: workspace, plan: script('Add a file', 'echo x > x.txt') },
    }
  const plan = readPlan(last)
  if (plan === null) return { say: `UNREADABLE ${last}` }
  if (!['queued', 'running'].includes(plan.status) || answers.length > MOST_ANSWERS)
    return { say: `PLAN ${plan.id} ${plan.status}` }
  return { tool: 'plan_status', args: { plan_id: plan.id, wait_seconds: 15 } }
}

/** Clients put words of their own around the JSON; next_step must have survived, because models are led by it. */
function readPlan(text: string): { id: string; status: string } | null {
  const [from, to] = [text.indexOf('{'), text.lastIndexOf('}')]
  try {
    return Answer.parse(JSON.parse(text.slice(from, to + 1))).plan
  } catch {
    return null // the caller says so, with the text
  }
}
