// What a plan's record keeps of a proof's tests and places: cleaned, short enough for D1, and never older than the work it is about.
import { describe, expect, it } from 'vitest'
import { AttemptEnd } from '../../../src/shared/protocol.ts'
import { end, withWork } from '../../../src/workspace/records/decisions.ts'
import { fullPlan, HEAD } from '../support/full-records.ts'

const NOW = 5_000
const running = fullPlan()
const work = {
  head: HEAD,
  commits: [],
  diff: { files: 1, additions: 2, deletions: 3 },
  checks: [{ command: 'npm test', exitCode: 0, seconds: 2, newFailure: false }],
}
const proven: AttemptEnd = {
  kind: 'completed',
  summary: 'Done.',
  outcome: 'verified',
  reasons: [],
  proof: 'clean_checkout',
  work,
}

describe('the end of an attempt', () => {
  it('keeps what the proof found by name, without characters that hide or reorder words', () => {
    const bad = 'a\u202eb\u0000c\u200b'
    const report: AttemptEnd = {
      ...proven,
      tests: {
        passed: 3,
        failed: 2,
        skipped: 1,
        newlyPassing: [bad],
        newlyFailing: [bad],
        missing: [bad],
        changed: [{ path: bad, why: bad }],
        leftOut: { newlyPassing: 7, newlyFailing: 0, missing: 0, changed: 0 },
      },
      lookFirst: [{ path: bad, line: 4, why: bad }],
    }
    expect(end(running, 3, report, NOW)?.plan).toMatchObject({
      tests: {
        passed: 3,
        failed: 2,
        skipped: 1,
        newlyPassing: ['abc'],
        newlyFailing: ['abc'],
        missing: ['abc'],
        changed: [{ path: 'abc', why: 'abc' }],
        leftOut: { newlyPassing: 7, newlyFailing: 0, missing: 0, changed: 0 },
      },
      lookFirst: [{ path: 'abc', line: 4, why: 'abc' }],
    })
  })
  it.each(['"', '\\', '\u0001', '漢', '\u{1F642}'])(
    'of a hostile VM that fills everything with %j makes a row that D1 takes (2 MB)',
    (char) => {
      const of = (chars: number) => char.repeat(Math.floor(chars / char.length))
      const names = Array.from({ length: 200 }, () => of(600))
      const report = AttemptEnd.parse({
        ...proven,
        summary: of(8_000),
        work: {
          ...work,
          commits: Array.from({ length: 100 }, () => ({ sha: HEAD, subject: of(300) })),
          checks: Array.from({ length: 50 }, () => ({ ...work.checks[0], command: of(2_000) })),
        },
        tests: {
          passed: 1,
          failed: 1,
          skipped: 1,
          newlyPassing: names,
          newlyFailing: names,
          missing: names,
          changed: names.map((path) => ({ path, why: path })),
        },
        lookFirst: names.map((path) => ({ path, why: path })),
      })
      const plan = end(running, 3, report, NOW)?.plan
      // A row travels as JSON that holds the snapshot as JSON.
      const row = JSON.stringify({ snapshot: JSON.stringify(plan) })
      expect(new TextEncoder().encode(row).byteLength).toBeLessThan(1_900_000)
    },
  )
  it.each([
    ['completed without any', proven],
    ['paused', { kind: 'paused' as const, reason: 'budget' as const, detail: 'Spent.', work }],
    ['failed', { kind: 'failed' as const, error: 'It broke.', work }],
  ])('drops what an earlier proof found when the attempt %s', (_, report) => {
    expect(end(running, 3, report, NOW)?.plan).toMatchObject({ tests: null, lookFirst: [] })
  })
  it('drops it also when a stopped plan tells its work', () => {
    expect(withWork(running, work)).toMatchObject({ tests: null, lookFirst: [] })
  })
})
