// docs/states.md explains each state and reason that plan_status can show. The code's lists are compared with its tables.
import { globSync } from 'node:fs'
import { expect, it } from 'vitest'
import { PLAN_STATUSES } from '../../../src/mcp/kit/params.ts'
import { AttemptEnd, OutcomeReason, Phase } from '../../../src/shared/protocol.ts'
import type { MergeStatus, PausedReason, WorkspaceStatus } from '../../../src/workspace/contract.ts'
import { ROOT, spansOf, tableBelow, textOf } from './tables.ts'

// Types cannot be listed at run time: the compiler refuses a key too many or too few here.
const MERGE_STATUS: Record<MergeStatus, true> = {
  none: true,
  open: true,
  merged: true,
  closed: true,
  unknown: true,
}
const PAUSED_REASON: Record<PausedReason, true> = {
  budget: true,
  question: true,
  monthly_budget: true,
  vm_unavailable: true,
  orgo_refused: true,
  model_unavailable: true,
  git_refused: true,
  credential_missing: true,
}
const WORKSPACE_STATUS: Record<WorkspaceStatus, true> = {
  provisioning: true,
  ready: true,
  error: true,
  removed: true,
}
const PROOF = AttemptEnd.options[0].shape.proof.options

it.each([
  ['## `status`', [...PLAN_STATUSES]],
  ['## `phase`', Phase.options],
  ['## `outcome` and `outcome_reasons`', OutcomeReason.options],
  ['## `proof`', PROOF],
  ['## `paused_reason`', Object.keys(PAUSED_REASON)],
  ['## `merge_status`', Object.keys(MERGE_STATUS)],
  ['## `status` of a workspace', Object.keys(WORKSPACE_STATUS)],
])('the table below "%s" explains each value, in the order of the code', (heading, values) => {
  const rows = tableBelow('docs/states.md', heading)
  expect(rows.map(([value]) => spansOf(value)[0])).toEqual(values)
  expect(rows.filter((row) => row.some((cell) => cell === ''))).toEqual([])
})

it('the tables of events name each type that the code writes, and no other', () => {
  const told = ['## Events', 'The VM writes these; they are its claims:'].flatMap((heading) =>
    tableBelow('docs/states.md', heading).flatMap(([types]) => spansOf(types)),
  )
  const code = ['agent/**/*.ts', 'src/workspace/**/*.ts'].flatMap((files) =>
    globSync(files, { cwd: ROOT }).map(textOf),
  )
  const WRITES = /(?:kind: 'event',\s*|event: \{\s*|addEvent\([^;]{0,120}?)type: '([a-z_]+)'/g
  const written = code.flatMap((text) => [...text.matchAll(WRITES)].map(([, type = '']) => type))
  expect(new Set(written).size).toBeGreaterThan(30)
  expect([...new Set(written)].filter((type) => !told.includes(type))).toEqual([])
  expect(told.filter((type) => !code.some((text) => text.includes(`'${type}'`)))).toEqual([])
})
