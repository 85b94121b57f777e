// Replaces what a plan's process claims about its end by what the supervisor recorded itself.
import type { AttemptEnd } from '../../src/shared/protocol.ts'
import type { PlanRecord } from './records.ts'

/** Returns the end with everything that the proof decides taken from our own record. What the plan's process claims is not trusted. */
export function checkedEnd(record: PlanRecord, end: AttemptEnd): AttemptEnd {
  if (end.kind !== 'completed') return end
  const { tests: _tests, lookFirst: _lookFirst, ...claim } = end
  const { proof } = record
  if (proof === undefined || proof.head !== end.work.head)
    return {
      ...claim,
      outcome: 'unverified',
      proof: end.proof === 'none' ? 'none' : 'in_place',
      reasons: end.reasons.length > 0 ? end.reasons : ['proof_missing'],
    }
  const { verdict, work } = proof
  // Only a verdict about the work is ever recorded, so this is for the types alone.
  if (verdict.kind === 'paused' || verdict.kind === 'revoked') return { ...claim, outcome: 'unverified' }
  const { reasons, proof: place, tests, lookFirst } = verdict
  const outcome = verdict.kind === 'accepted' ? verdict.outcome : 'unverified'
  return { ...claim, outcome, reasons, proof: place, tests, lookFirst, work }
}
