// Replaces what a plan's process claims about its end by what the supervisor recorded itself.
import type { AttemptEnd } from '../../src/shared/protocol.ts'
import type { PlanRecord } from './records.ts'

/** Returns the end with everything that the proof decides taken from our own record. What the plan's process claims is not trusted. */
export function checkedEnd(record: PlanRecord, end: AttemptEnd): AttemptEnd {
  if (end.kind !== 'completed') return end
  const { tests: _tests, lookFirst: _lookFirst, ...claimed } = end
  const { proof } = record
  const isProven = proof !== undefined && proof.head === end.work.head
  if (!isProven)
    return {
      ...claimed,
      outcome: 'unverified',
      proof: end.proof === 'none' ? 'none' : 'in_place',
      reasons: end.reasons.length > 0 ? end.reasons : ['proof_missing'],
    }
  const { verdict, work } = proof
  if (verdict.kind !== 'accepted' && verdict.kind !== 'rejected') return { ...claimed, outcome: 'unverified' }
  return {
    ...claimed,
    outcome: verdict.kind === 'accepted' ? verdict.outcome : 'unverified',
    reasons: verdict.reasons,
    proof: verdict.proof,
    tests: verdict.tests,
    lookFirst: verdict.lookFirst,
    work,
  }
}
