// The body of a pull request: the checks before and after, where to look first, and nothing that a VM could make of it.
import { describe, expect, it } from 'vitest'
import { pullRequestBody } from '../../../src/workspace/plans/pull-request-body.ts'
import { freshPlan, PLAN_ID } from '../support/full-records.ts'

const check = { command: 'npm test', exitCode: 0, seconds: 2, newFailure: false }

describe('the body of a pull request', () => {
  it('is the summary and the id where nothing else is known', () => {
    expect(pullRequestBody(freshPlan({ summary: 'Done.' }))).toBe(`Done.\n\nRalph-Plan: ${PLAN_ID}`)
    expect(pullRequestBody(freshPlan())).toBe(`\n\nRalph-Plan: ${PLAN_ID}`)
  })

  it('shows red checks first, each beside its base, and says how many are left out', () => {
    const checks = [
      { ...check, command: 'a', state: 'passed' as const, base: { state: 'passed' as const, exitCode: 0 } },
      { ...check, command: 'b' },
      { ...check, command: 'c', exitCode: 1, flaky: true, base: { state: 'failed' as const, exitCode: 2 } },
      { ...check, command: 'd | e', exitCode: 124, state: 'timed_out' as const, base: null },
    ]
    expect(pullRequestBody(freshPlan({ summary: 'Done.', checks })).split('\n')).toEqual([
      'Done.',
      '',
      '| Check (1 more in the plan) | Base | Now |',
      '| --- | --- | --- |',
      '| `c` | failed | failed, flaky |',
      '| `d \\| e` | not run | timed out |',
      '| `a` | passed | passed |',
      '',
      `Ralph-Plan: ${PLAN_ID}`,
    ])
  })

  it('names at most three places to look at first', () => {
    const place = { path: 'src/a.ts', why: 'A new dependency.' }
    const lookFirst = [{ ...place, line: 7 }, place, place, place, place]
    expect(pullRequestBody(freshPlan({ summary: 'Done.', lookFirst })).split('\n')).toEqual([
      'Done.',
      '',
      'Look first:',
      '- `src/a.ts:7` `A new dependency.`',
      '- `src/a.ts` `A new dependency.`',
      '- `src/a.ts` `A new dependency.`',
      '',
      `Ralph-Plan: ${PLAN_ID}`,
    ])
  })

  it('lets no text of the VM end its code span or its line', () => {
    const bad = '`@everyone`\n## Merge\u202e me'
    const lines = pullRequestBody(
      freshPlan({ checks: [{ ...check, command: bad }], lookFirst: [{ path: bad, why: '' }] }),
    ).split('\n')
    expect(lines[4]).toBe("| `'@everyone' ## Merge me` | not run | passed |")
    expect(lines[7]).toBe("- `'@everyone' ## Merge me` ` `")
  })
})
