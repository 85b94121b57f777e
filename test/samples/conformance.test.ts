// The official MCP conformance suite within `npm run test:all`; `npm run conformance` prints the table.
import { expect, it } from 'vitest'
import { runConformance } from '../conformance/conformance.ts'
import { startStack } from '../e2e/support/stack.ts'

it('the official conformance suite passes at both versions, with tasks and authorization, but for the baseline', async () => {
  await using stack = await startStack()
  const { rows, problems } = await runConformance(stack)
  expect(problems).toEqual([])
  expect(new Set(rows.map(({ run }) => run))).toEqual(
    new Set(['2026-07-28', '2025-11-25', 'tasks', 'authorization']),
  )
}, 600_000)
