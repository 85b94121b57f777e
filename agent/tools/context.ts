// What every tool shares: its context, and the wrapper that records each call in the journal. The call is recorded before it runs
// and its result afterwards, so that a crash between the two is visible and the call is never run a second time.
import { realpathSync } from 'node:fs'
import { basename, dirname, isAbsolute, join, resolve, sep } from 'node:path'
import { ToolError } from '@anthropic-ai/sdk/lib/tools/ToolError'
import { betaZodTool } from '@anthropic-ai/sdk/helpers/beta/zod'
import type { BetaImageBlockParam, BetaTextBlockParam } from '@anthropic-ai/sdk/resources/beta'
import type { z } from 'zod'
import { clipText } from '../machine/output.ts'
import { PauseError, RevokedError } from '../plan/plan-context.ts'
import type { GateVerdict, PlanContext } from '../plan/plan-context.ts'
import { redact } from '../machine/secrets.ts'

export interface ToolContext {
  plan: PlanContext
  /** Working directory of the model's shell. */
  cwd: string
  signal: AbortSignal
  /** Set by finish and ask: the conversation ends after this turn. */
  conclusion: { kind: 'finished'; summary: string } | { kind: 'question'; question: string } | null
  /** Calls the finish gate, which commits, pushes and asks for the proof. Errors: PauseError, RevokedError. */
  requestFinish(summary: string): Promise<GateVerdict>
  /** Set when a call must not be answered now: the attempt pauses or ends, and the call stays open in the journal. */
  interruption: PauseError | RevokedError | null
  /** True when notes were written in this turn. */
  keptNotes: boolean
  /** The calls of a reply, one after the other: answers when the last of them has ended. */
  queue: Promise<unknown>
}

/** What the model gets back: a text, or blocks when it contains a picture. */
export type ToolContent = string | (BetaTextBlockParam | BetaImageBlockParam)[]

export interface ToolInput<Schema extends z.ZodType> {
  name: string
  description: string
  inputSchema: Schema
  /** Returns one line for the plan's history. */
  describe(args: z.infer<Schema>): string
  run(args: z.infer<Schema>, context: ToolContext): Promise<ToolContent> | ToolContent
}

/** Makes one tool for the SDK's runner. Calls of one reply run one after the other, in the model's order. */
export function defineTool<Schema extends z.ZodType>(context: ToolContext, tool: ToolInput<Schema>) {
  const { journal, report } = context.plan
  const runJournalled = async (args: z.infer<Schema>, id: string): Promise<ToolContent> => {
    journal.append({ kind: 'tool_start', id, name: tool.name })
    report({ kind: 'event', type: 'tool', text: clipText(`${tool.name}: ${tool.describe(args)}`, 500) })
    try {
      const content = redactContent(
        (await tool.run(args, context)) || '(no output)',
        context.plan.token.all(),
      )
      journal.append({ kind: 'tool_end', id, content, isError: false })
      report({ kind: 'progress' })
      return content
    } catch (error) {
      if (error instanceof PauseError || error instanceof RevokedError) {
        context.interruption = error
        throw error
      }
      const said = error instanceof ToolError ? error.message : `${tool.name} failed: ${String(error)}`
      const content = redact(said, context.plan.token.all())
      journal.append({ kind: 'tool_end', id, content, isError: true })
      report({ kind: 'progress' })
      throw new ToolError(content)
    }
  }
  return betaZodTool({
    name: tool.name,
    description: tool.description,
    inputSchema: tool.inputSchema,
    run: (args, runContext) => inOrder(context, () => runJournalled(args, runContext?.toolUse.id ?? '')),
  })
}

/** Redacts secrets in texts; pictures stay as they are. */
function redactContent(content: ToolContent, known: readonly string[]): ToolContent {
  if (typeof content === 'string') return redact(content, known)
  return content.map((block) =>
    block.type === 'text' ? { ...block, text: redact(block.text, known) } : block,
  )
}

function inOrder<T>(context: ToolContext, work: () => Promise<T>): Promise<T> {
  const turn = context.queue.then(work)
  context.queue = turn.catch(() => {})
  return turn
}

/** Returns the model's path as a real, absolute one. Errors: ToolError when it or its link target is outside checkout and home. */
export function resolvePath({ plan, cwd }: ToolContext, path: string, access: 'read' | 'write'): string {
  const wanted = isAbsolute(path) ? path : resolve(cwd, path)
  const real = realPathOf(wanted)
  const checkout = realPathOf(plan.start.checkout)
  const inside = [checkout, realPathOf(plan.home)].some(
    (root) => real === root || real.startsWith(root + sep),
  )
  if (!inside) throw new ToolError(`${path} lies outside the checkout ${plan.start.checkout}.`)
  if (access === 'write' && real.startsWith(join(checkout, '.git') + sep))
    throw new ToolError(`${path} belongs to git; change it with git commands only.`)
  return real
}

/** Returns the real path of the part that exists, followed by the names that do not exist yet. */
function realPathOf(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    const parent = dirname(path)
    return parent === path ? path : join(realPathOf(parent), basename(path))
  }
}
