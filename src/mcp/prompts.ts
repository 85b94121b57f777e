// The one prompt: helps a model turn a wish into a plan that an agent can carry out alone, without asking questions.
import type { McpServer } from '@modelcontextprotocol/server'
import * as z from 'zod'

const MAX_CHARS = 20_000
const words = z.string().max(MAX_CHARS)

export function registerPrompts(server: McpServer): void {
  server.registerPrompt(
    'write_plan',
    {
      title: 'Write a plan',
      description: 'Turns a wish into a plan for plan_submit: goal, constraints, how to verify.',
      argsSchema: z.object({
        goal: words.min(1).describe('what should be different afterwards'),
        constraints: words.describe('what to leave alone or to keep to').optional(),
        verify: words.describe('commands or facts that show it is done').optional(),
        workspace_id: z.string().max(40).describe('name of the workspace').optional(),
      }),
    },
    (wish) => ({ messages: [{ role: 'user', content: { type: 'text', text: planRequest(wish) } }] }),
  )
}

interface Wish {
  goal: string
  constraints?: string | undefined
  verify?: string | undefined
  workspace_id?: string | undefined
}

function planRequest({ goal, constraints, verify, workspace_id }: Wish): string {
  const where = workspace_id === undefined ? 'a workspace (see workspace_list)' : `workspace ${workspace_id}`
  return `Write a plan for ${where} and show it to me; call plan_submit only when I agree. An agent will carry it out alone on a VM, with the repository and this text and nothing else: no memory of our talk, and no one to ask.

What I want:
${goal}

Constraints:
${constraints ?? 'None given. Ask me if something important is open.'}

How to verify:
${verify ?? 'Not given. Propose commands that must pass (the tests of the repository, and new ones for this).'}

Form of the plan:
1. First line: a title of at most 120 characters.
2. Goal: what is different afterwards, seen from the outside, with an example of input and expected result.
3. Constraints: files, interfaces and behaviour to leave alone; style to follow; what is out of scope.
4. Steps only where the order matters; otherwise leave the way to the agent.
5. Verification: commands with their expected outcome. Pass the same commands as checks, and say which tests to add.
6. What to do in doubt: which assumption to make, or on_question "pause" to be asked.
Name files and functions exactly, and put no tokens or passwords into the text.`
}
