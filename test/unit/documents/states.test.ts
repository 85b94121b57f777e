// docs/states.md explains each state and reason that plan_status can show. The code's lists are compared with its tables.
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { VM_EVENTS, WORKER_EVENTS } from '../../../src/shared/event-types.ts'
import {
  CheckState,
  MergeStatus,
  OutcomeReason,
  PausedReason,
  Phase,
  PlanStatus,
  Proof,
  WorkspaceStatus,
} from '../../../src/shared/words.ts'
import { KINDS } from '../../exercises/kinds/kinds.ts'
import { spansOf, tableBelow } from './tables.ts'

it.each([
  ['## `status`', PlanStatus.options],
  ['## `phase`', Phase.options],
  ['## `outcome` and `outcome_reasons`', OutcomeReason.options],
  ['## `state` of a check', CheckState.options],
  ['## `proof`', Proof.options],
  ['## `paused_reason`', PausedReason.options],
  ['## `merge_status`', MergeStatus.options],
  ['## `status` of a workspace', WorkspaceStatus.options],
])('the table below "%s" explains each value, in the order of the code', (heading, values) => {
  const rows = tableBelow('docs/states.md', heading)
  expect(rows.map(([value]) => spansOf(value)[0])).toEqual(values)
  expect(rows.filter((row) => row.some((cell) => cell === ''))).toEqual([])
})

it('docs/verification.md names each kind of fault that has cases', () => {
  const text = readFileSync('docs/verification.md', 'utf8')
  const missing = new Set(KINDS.map(({ row }) => row).filter((row) => !text.includes(`| ${row} |`)))
  expect([...missing]).toEqual([])
})

it('docs/verification.md says of each reason what is missing, in the order of the code', () => {
  const rows = tableBelow('docs/verification.md', '## What `unverified` lacks')
  expect(rows.map(([value]) => spansOf(value)[0])).toEqual(OutcomeReason.options)
  expect(rows.filter((row) => row.length !== 2 || row.includes(''))).toEqual([])
})

it.each([
  ['## Events', WORKER_EVENTS],
  ['The VM writes these; they are its claims:', VM_EVENTS],
])('the table below "%s" names each type of event, in the order of the code', (heading, types) => {
  expect(tableBelow('docs/states.md', heading).flatMap(([cell]) => spansOf(cell))).toEqual([...types])
})
