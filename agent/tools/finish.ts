// The finish tool: it asks the finish gate to accept the work. The gate decides.
import { z } from 'zod'
import { ToolError } from '@anthropic-ai/sdk/lib/tools/ToolError'
import type { BetaToolResultBlockParam } from '@anthropic-ai/sdk/resources/beta'
import { readItems } from './item-list.ts'
import type { OpenCall } from '../plan/journal.ts'
import { defineTool } from './context.ts'
import type { ToolContext } from './context.ts'

const NEWS_CAME =
  'Not judged yet: the person has written meanwhile. Read it, act on it, then call finish again.'

const Finish = z.object({
  summary: z
    .string()
    .min(1)
    .describe(
      'First line: what was done, as a commit subject. Then what changed, how it was verified, what is open.',
    ),
})

export function finishTool(context: ToolContext) {
  return defineTool(context, {
    name: 'finish',
    description:
      'Says that the plan is carried out and asks for the work to be accepted. What is uncommitted is committed and pushed; the checks run in a clean checkout of that commit, with the tests of the base; then a reviewer compares the work with the plan. When something fails you are told what, and go on.',
    inputSchema: Finish,
    describe: ({ summary }) => summary,
    run: ({ summary }) => finish(context, summary),
  })
}

/**
 * Returns the result of a call that was open when the conversation was interrupted. A `finish` that a crash or a pause cut short is
 * run again, because repeating it is harmless. Other calls get "may have run". Errors: PauseError, RevokedError.
 */
export async function answerFinish(
  context: ToolContext,
  { name, input, isCut, result }: OpenCall,
  news: string[],
): Promise<BetaToolResultBlockParam> {
  if (name !== 'finish' || !isCut) return result
  const { content, isError } =
    news.length > 0 ? { content: NEWS_CAME, isError: true } : await finishAgain(context, input)
  const id = result.tool_use_id
  context.plan.journal.append({ kind: 'tool_end', id, content, isError })
  return { type: 'tool_result', tool_use_id: id, content, ...(isError ? { is_error: true } : {}) }
}

async function finishAgain(
  context: ToolContext,
  input: unknown,
): Promise<{ content: string; isError: boolean }> {
  const summary = Finish.safeParse(input).data?.summary ?? 'Work on the plan'
  try {
    return { content: await finish(context, summary), isError: false }
  } catch (error) {
    if (error instanceof ToolError) return { content: error.message, isError: true }
    throw error
  }
}

async function finish(context: ToolContext, summary: string): Promise<string> {
  if (context.plan.inbox.length > 0) throw new ToolError(NEWS_CAME)
  const open = readItems(context.plan.home).filter(({ passes }) => !passes)
  if (open.length > 0)
    throw new ToolError(
      `${open.length} items are not shown done: ${open.map(({ what }) => what).join('; ')}. Check each with items, or write a new list if the plan does not ask for them.`,
    )
  const verdict = await context.requestFinish(summary)
  if (verdict.kind === 'rejected') throw new ToolError(verdict.text)
  context.conclusion = { kind: 'finished', summary }
  return verdict.kind === 'accepted'
    ? 'Accepted.'
    : 'Not accepted, and not asked again: the work ends here as it is.'
}
