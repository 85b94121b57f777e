// What the supervisor reports of a completed attempt: its own record of the proof, never what the plan's process claims it found.
import { describe, expect, it } from 'vitest'
import type { AttemptEnd } from '../../../src/shared/protocol.ts'
import { checkedEnd } from '../../../agent/slot/checked-end.ts'
import type { PlanRecord } from '../../../agent/slot/records.ts'

const HEAD = 'a'.repeat(40)
const work = { head: HEAD, commits: [], diff: { files: 1, additions: 1, deletions: 0 }, checks: [] }
const testsOf = (passed: number) => ({
  passed,
  failed: 0,
  skipped: 0,
  newlyPassing: [],
  newlyFailing: [],
  missing: [],
  changed: [],
})
const claim: AttemptEnd = {
  kind: 'completed',
  summary: 'Done.',
  outcome: 'verified',
  reasons: [],
  proof: 'clean_checkout',
  work,
  tests: testsOf(999),
  lookFirst: [{ path: 'nothing', why: 'All is well.' }],
}

function record(head: string): PlanRecord {
  const desired = {
    id: '01990000-0000-8000-8000-000000000001',
    attempt: 1,
    want: 'run' as const,
    final: false,
    removeCheckout: false,
    title: 'Any',
    branch: 'agent/x',
    base: 'main',
    checks: [],
    model: 'm',
    effort: 'high',
    onQuestion: 'pause' as const,
    budgetUsd: 1,
    textSha256: '',
    messages: [],
    ackedEvent: 0,
  }
  return {
    id: desired.id,
    attempt: 1,
    desired,
    activity: 0,
    messagesTaken: 0,
    nextEventN: 1,
    droppedEvents: 0,
    events: [],
    proof: {
      head,
      n: 1,
      work,
      verdict: {
        kind: 'accepted',
        outcome: 'unverified',
        reasons: ['own_checks'],
        proof: 'clean_checkout',
        checks: [],
        tests: testsOf(3),
        lookFirst: [{ path: 'a', line: 2, why: 'A new dependency.' }],
      },
    },
  }
}

describe('the end that is reported', () => {
  it('has the tests and places of the proof', () => {
    expect(checkedEnd(record(HEAD), claim)).toMatchObject({
      outcome: 'unverified',
      reasons: ['own_checks'],
      tests: { passed: 3 },
      lookFirst: [{ path: 'a', line: 2, why: 'A new dependency.' }],
    })
  })

  it('has none where no proof of this head is recorded, whatever is claimed', () => {
    const end = checkedEnd(record('b'.repeat(40)), claim)
    expect(end).toMatchObject({ outcome: 'unverified', proof: 'in_place', reasons: ['proof_missing'] })
    expect(end).not.toHaveProperty('tests')
    expect(end).not.toHaveProperty('lookFirst')
  })
})
