// Calls the agent's tools without a model, in a checkout in a temporary folder.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { openJournal } from '../../../agent/plan/journal.ts'
import type { PlanContext } from '../../../agent/plan/plan-context.ts'
import type { ToolContext, ToolContent } from '../../../agent/tools/context.ts'
import { createTools } from '../../../agent/tools/index.ts'
import type { FromPlan } from '../../../agent/machine/plan-pipe.ts'

export interface ToolBench {
  context: ToolContext
  reported: FromPlan[]
  content(name: string, input: Record<string, unknown>): Promise<ToolContent>
  /** Returns the text of the answer or of the error. */
  call(name: string, input: Record<string, unknown>): Promise<string>
}

/** `folder/checkout` is the checkout, `folder/home` the plan's home, `folder/bin` first on its PATH. */
export function openTools(folder: string, start: Partial<PlanContext['start']> = {}): ToolBench {
  const home = join(folder, 'home')
  const checkout = join(folder, 'checkout')
  mkdirSync(join(home, '.ralph/out'), { recursive: true })
  mkdirSync(join(home, 'tmp'), { recursive: true })
  const reported: FromPlan[] = []
  const env = {
    PATH: `${join(folder, 'bin')}:${process.env['PATH'] ?? ''}`,
    HOME: home,
    TMPDIR: join(home, 'tmp'),
    LANG: 'C.UTF-8',
  }
  // The context has only the fields that tools use.
  const plan = {
    start: { checkout, onQuestion: 'pause', ...start },
    home,
    env,
    journal: openJournal(join(home, '.ralph/journal.jsonl')),
    token: { all: () => [] },
    report: (message: FromPlan) => void reported.push(message),
    inbox: [],
  } as unknown as PlanContext
  const context = {
    plan,
    cwd: checkout,
    signal: new AbortController().signal,
    conclusion: null,
    queue: Promise.resolve(),
  } as unknown as ToolContext
  const tools = createTools(context)
  const content: ToolBench['content'] = async (name, input) => {
    const tool = tools.find((one) => one.name === name)
    if (tool === undefined) throw new Error(`no tool ${name}`)
    try {
      // The SDK parses the model's input before it calls a tool, so the test does too.
      return (await tool.run(tool.parse(input) as never)) as ToolContent
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
  }
  return {
    context,
    reported,
    content,
    async call(name, input) {
      const said = await content(name, input)
      return typeof said === 'string'
        ? said
        : said.map((block) => ('text' in block ? block.text : '')).join('\n')
    },
  }
}
