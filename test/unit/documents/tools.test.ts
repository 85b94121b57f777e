// docs/tools.md lists the tools with their scope and arguments; docs/scripts.md shows plan_submit by example.
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { OutSubmitted } from '../../../src/mcp/kit/params.ts'
import { ROOT, spansOf, tableBelow, textOf } from './tables.ts'

const SCRIPTS = 'docs/scripts.md'
const TOOLS_PAGE = 'docs/tools.md'
// Imported by a computed name: the tools' types need those of Cloudflare, which tests of this layer do not have.
const file: unknown = await import(`${ROOT}/src/mcp/tools/index.ts`)
const Tool = z.object({
  name: z.string(),
  annotations: z.object({ readOnlyHint: z.boolean() }),
  input: z.instanceof(z.ZodObject),
})
const { TOOLS: tools } = z.object({ TOOLS: z.array(Tool) }).parse(file)
const submit = tools.find(({ name }) => name === 'plan_submit')?.input

describe('docs/tools.md', () => {
  it('lists every tool with its scope, in the order of the catalog', () => {
    expect(tableBelow(TOOLS_PAGE, '# The tools').map(([name, scope]) => [spansOf(name)[0], scope])).toEqual(
      tools.map(({ name, annotations }) => [name, annotations.readOnlyHint ? 'read' : 'write']),
    )
  })

  it('explains every argument, and says which tools take it', () => {
    const taken: Record<string, string[]> = {}
    for (const { name, input } of tools)
      if (name !== 'plan_submit')
        for (const argument of Object.keys(input.shape)) (taken[argument] ??= []).push(name)
    const told = tableBelow(TOOLS_PAGE, '## Arguments').map(([argument, of]) => [
      spansOf(argument)[0],
      spansOf(of),
    ])
    expect(Object.fromEntries(told)).toEqual(taken)
    expect(told.length).toBe(Object.keys(taken).length)
  })
})

describe('docs/scripts.md', () => {
  it('shows a body that plan_submit takes as it stands', () => {
    const [, body = ''] = /curl -X POST[\s\S]*?-d '([^']*)'/.exec(textOf(SCRIPTS)) ?? []
    expect(submit?.parse(JSON.parse(body))).toMatchObject({ workspace_id: 'site', budget_usd: 2 })
  })

  it('shows an answer in the shape of plan_submit', () => {
    const [, answer = ''] = /```json\n([\s\S]*?)```/.exec(textOf(SCRIPTS)) ?? []
    expect(OutSubmitted.parse(JSON.parse(answer)).plan).toMatchObject({ status: 'queued' })
  })

  it('lists the arguments of plan_submit, in its order', () => {
    const heading = 'The answer, 201 (200 when the same plan was submitted before), shortened:'
    const named = tableBelow(SCRIPTS, heading).map(([name]) => spansOf(name)[0])
    expect(named).toEqual(Object.keys(submit?.shape ?? {}))
  })
})
