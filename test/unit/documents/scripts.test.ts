// docs/scripts.md shows how a plan is submitted with curl: its body passes the tool's own schema, and its answer has that shape.
import { expect, it } from 'vitest'
import { z } from 'zod'
import { OutSubmitted } from '../../../src/mcp/kit/params.ts'
import { ROOT, spansOf, tableBelow, textOf } from './tables.ts'

const FILE = 'docs/scripts.md'
// Imported by a computed name: the tool's types need those of Cloudflare, which tests of this layer do not have.
const file: unknown = await import(`${ROOT}/src/mcp/tools/plan-submit.ts`)
const { planSubmit } = z.object({ planSubmit: z.object({ input: z.instanceof(z.ZodObject) }) }).parse(file)

it('the body of the example is taken by plan_submit as it stands', () => {
  const [, body = ''] = /curl -X POST[\s\S]*?-d '([^']*)'/.exec(textOf(FILE)) ?? []
  expect(planSubmit.input.parse(JSON.parse(body))).toMatchObject({ workspace_id: 'site', budget_usd: 2 })
})

it('the answer of the example has the shape of plan_submit', () => {
  const [, answer = ''] = /```json\n([\s\S]*?)```/.exec(textOf(FILE)) ?? []
  expect(OutSubmitted.parse(JSON.parse(answer)).plan).toMatchObject({ status: 'queued' })
})

it('the table of arguments lists those of plan_submit, in its order', () => {
  const heading = 'The answer, 201 (200 when the same plan was submitted before), shortened:'
  const named = tableBelow(FILE, heading).map(([name]) => spansOf(name)[0])
  expect(named).toEqual(Object.keys(planSubmit.input.shape))
})
