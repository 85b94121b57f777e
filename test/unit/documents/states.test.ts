// docs/states.md explains each state and reason that plan_status can show. The code's lists are compared with its tables.
import { expect, it } from 'vitest'
import { PLAN_STATUSES } from '../../../src/mcp/kit/params.ts'
import { VM_EVENTS, WORKER_EVENTS } from '../../../src/shared/event-types.ts'
import { AttemptEnd, OutcomeReason, Phase } from '../../../src/shared/protocol.ts'
import type { MergeStatus, PausedReason, WorkspaceStatus } from '../../../src/workspace/contract.ts'
import { spansOf, tableBelow } from './tables.ts'

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

it.each([
  ['## Events', WORKER_EVENTS],
  ['The VM writes these; they are its claims:', VM_EVENTS],
])('the table below "%s" names each type of event, in the order of the code', (heading, types) => {
  expect(tableBelow('docs/states.md', heading).flatMap(([cell]) => spansOf(cell))).toEqual([...types])
})
