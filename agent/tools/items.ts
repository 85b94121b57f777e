// The items tool: the model writes the list of what the plan asks for, and has the command of an item run to tick it.
import { join } from 'node:path'
import { ToolError } from '@anthropic-ai/sdk/lib/tools/ToolError'
import { z } from 'zod'
import { shellOf } from '../checks/plan-shell.ts'
import { describeItems, isEvidence, MAX_ITEMS, mergeItems, readItems, writeItems } from './item-list.ts'
import { clipOutput } from '../machine/output.ts'
import { runShell } from '../machine/shell.ts'
import { defineTool } from './context.ts'
import type { ToolContext } from './context.ts'

const CHECK_TIMEOUT_MS = 15 * 60_000

export function itemsTool(context: ToolContext) {
  return defineTool(context, {
    name: 'items',
    description:
      'For a plan of many parts: the list of its items, which outlives this conversation. With list: writes it, each item with the shell command that shows it done (one that fails now). With check: runs the command of that item; it is ticked when the command ends with 0, and in no other way. With neither: shows the list. A plan that is one change needs none.',
    inputSchema: z.object({
      list: z
        .array(z.object({ what: z.string().min(1).max(500), how_verified: z.string().min(1).max(2_000) }))
        .min(1)
        .max(MAX_ITEMS)
        .optional(),
      check: z.int().min(1).max(MAX_ITEMS).optional().describe('Number of an item, from 1.'),
    }),
    describe: ({ list, check }) =>
      list === undefined ? (check === undefined ? 'show' : `check ${check}`) : `${list.length} items`,
    async run({ list, check }, { plan }) {
      if (list !== undefined) {
        const idle = list.find(({ how_verified }) => !isEvidence(how_verified))
        if (idle !== undefined)
          throw new ToolError(
            `"${idle.how_verified}" ends with 0 whatever the work is; name a command that shows "${idle.what}".`,
          )
        writeItems(plan.home, mergeItems(readItems(plan.home), list))
      }
      const notice = check === undefined ? '' : `${await checkItem(context, check)}\n\n`
      return `${notice}${describeItems(readItems(plan.home)) || 'There are no items.'}`
    },
  })
}

async function checkItem({ plan, signal }: ToolContext, number: number): Promise<string> {
  const item = readItems(plan.home)[number - 1]
  if (item === undefined) throw new ToolError(`There is no item ${number}.`)
  const logFile = join(plan.home, `.ralph/out/item-${number}.log`)
  const { exitCode, output } = await runShell({
    ...shellOf(plan),
    command: item.how_verified,
    timeoutMs: CHECK_TIMEOUT_MS,
    logFile,
    signal,
  })
  const passes = exitCode === 0
  writeItems(
    plan.home,
    readItems(plan.home).map((one, index) => (index === number - 1 ? { ...one, passes } : one)),
  )
  plan.report({ kind: 'event', type: 'item', text: `${passes ? 'done' : 'not done'}: ${item.what}` })
  return passes
    ? `Item ${number} is done.`
    : `Item ${number} is not done: exit code ${exitCode}.\n${clipOutput(output, logFile)}`
}
