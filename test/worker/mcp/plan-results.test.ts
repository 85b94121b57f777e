// What a VM says its proof found, from its sync to the tools, the export and D1: of an older agent, of this version's, and of a
// hostile one.
import { env, exports } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { createToolContext } from '../../../src/mcp/kit/context.ts'
import { fullText } from '../../../src/mcp/kit/define-tool.ts'
import { planList } from '../../../src/mcp/tools/plan-list.ts'
import { planStatus } from '../../../src/mcp/tools/plan-status.ts'
import { ObservedPlan } from '../../../src/shared/protocol.ts'
import { BASE_URL, BEARER } from '../support/mcp-wire.ts'
import { endOutside, playOutside } from '../support/outside.ts'
import type { Outside } from '../support/outside.ts'
import { completed, ready, settle, work } from '../support/ready.ts'

let outside: Outside
beforeEach(() => {
  outside = playOutside()
})
afterEach(endOutside)

const call = { signal: new AbortController().signal }
const CHECK = { command: 'npm test', exitCode: 1, seconds: 2, newFailure: true }
const TESTS = {
  passed: 12,
  failed: 1,
  skipped: 2,
  newlyPassing: ['adds two numbers'],
  newlyFailing: ['keeps the port'],
  missing: ['closes the file'],
  changed: [{ path: 'port.test.js', why: 'The plan changes the port.' }],
}
const PLACES = [
  { path: 'src/port.ts', line: 3, why: 'The largest change without a test.' },
  { path: 'package.json', why: 'A new dependency.' },
]

/** Submits a plan and lets the VM end it so. The end passes through JSON and the schema, as at POST /vm/sync. */
async function ended(name: string, end: object) {
  const { stub, vm } = await ready(name, outside)
  const { plan } = await stub.submit(name, { plan: 'Change the port' })
  await settle(name)
  await vm.sync()
  const sent = { id: plan.id, attempt: 1, status: 'ended', activity: 1, messagesTaken: 0, events: [], end }
  await vm.sync({ plans: [ObservedPlan.parse(JSON.parse(JSON.stringify(sent)))] })
  await settle(name)
  return plan.id
}

async function seen(id: string) {
  const context = createToolContext(env, { scopes: ['read'] })
  const answer = await planStatus.run({ plan_id: id }, context, call)
  const { plan } = z.object({ plan: z.record(z.string(), z.unknown()) }).parse(answer.structured)
  const { structured: list } = await planList.run({}, context, call)
  const { plans } = z.object({ plans: z.array(z.record(z.string(), z.unknown())) }).parse(list)
  const response = await exports.default.fetch(
    new Request(`${BASE_URL}/plans/${id}/export`, { headers: { authorization: BEARER } }),
  )
  const { plan: facts, seen_by } = z
    .object({ plan: z.record(z.string(), z.unknown()), seen_by: z.record(z.string(), z.string()) })
    .parse(await response.json())
  return { plan, listed: plans.find((one) => one['id'] === id), facts, seen_by, text: fullText(answer) }
}

describe('what a proof found', { timeout: 30_000 }, () => {
  it('is shown by plan_status, the list, the export and in words', async () => {
    const checks = [
      { ...CHECK, state: 'timed_out', exitCode: 124, base: { state: 'passed', exitCode: 0 }, flaky: true },
      { ...CHECK, command: 'npm run lint', exitCode: 0, newFailure: false, state: 'passed', base: null },
    ]
    const reasons = ['check_timed_out', 'tests_missing']
    const tests = { ...TESTS, leftOut: { newlyPassing: 7, newlyFailing: 0, missing: 0, changed: 0 } }
    const id = await ended('found', {
      ...completed,
      reasons,
      tests,
      lookFirst: PLACES,
      work: { ...work, checks },
    })
    const { plan, listed, facts, seen_by, text } = await seen(id)
    const shown = {
      passed: 12,
      failed: 1,
      skipped: 2,
      newly_passing: ['adds two numbers'],
      newly_failing: ['keeps the port'],
      missing: ['closes the file'],
      changed: [{ path: 'port.test.js', why: 'The plan changes the port.' }],
      left_out: { newly_passing: 7, newly_failing: 0, missing: 0, changed: 0 },
    }
    const shownChecks = [
      {
        command: 'npm test',
        state: 'timed_out',
        exit_code: 124,
        seconds: 2,
        base: { state: 'passed', exit_code: 0 },
        flaky: true,
        new_failure: true,
      },
      {
        command: 'npm run lint',
        state: 'passed',
        exit_code: 0,
        seconds: 2,
        base: null,
        flaky: false,
        new_failure: false,
      },
    ]
    expect(plan).toMatchObject({ outcome_reasons: reasons, checks: shownChecks, look_first: PLACES })
    expect(plan['tests']).toEqual(shown)
    expect(facts).toMatchObject({ tests: shown, look_first: PLACES, checks: shownChecks })
    expect([seen_by['tests'], seen_by['look_first']]).toEqual(['vm', 'vm'])
    expect(listed).toMatchObject({
      look_first: PLACES,
      tests: {
        passed: 12,
        newly_passing: [],
        left_out: { newly_passing: 8, newly_failing: 1, missing: 1, changed: 1 },
      },
    })
    expect(text).toContain(`## Look first
- src/port.ts:3: The largest change without a test.
- package.json: A new dependency.

## Tests
12 passed, 1 failed, 2 skipped.

Newly failing (1):
- keeps the port

Missing: they passed at the base, and did not run or were skipped (1):
- closes the file

Newly passing (8):
- adds two numbers
- and 7 more, left out here

Changed, and counted in the work's version (1):
- port.test.js: The plan changes the port.

## Checks
- timed_out (exit 124) in 2 s; at the base passed (exit 0); new failure; flaky: npm test
- passed (exit 0) in 2 s: npm run lint
`)
    const row = await env.DB.prepare('SELECT snapshot FROM plans WHERE id = ?').bind(id).first('snapshot')
    expect(JSON.parse(String(row))).toMatchObject({ tests, lookFirst: PLACES })
  })

  it('is absent with an older agent, whose checks get their state from the exit code', async () => {
    const checks = [CHECK, { ...CHECK, exitCode: 0, newFailure: false }]
    const id = await ended('older', { ...completed, reasons: ['check_failed'], work: { ...work, checks } })
    const { plan, facts, text } = await seen(id)
    expect(plan).not.toHaveProperty('tests')
    expect(plan).toMatchObject({
      look_first: [],
      checks: [
        { state: 'failed', base: null, flaky: false, new_failure: true },
        { state: 'passed', base: null, flaky: false, new_failure: false },
      ],
    })
    expect(facts).toMatchObject({ tests: null, look_first: [], checks: plan['checks'] })
    expect(text).not.toMatch(/## (?:Tests|Look first)/)
  })

  it('is not expected of a row that an older version wrote to D1', async () => {
    const id = await ended('row', completed)
    await env.DB.prepare(
      "UPDATE plans SET snapshot = json_remove(snapshot, '$.tests', '$.lookFirst') WHERE id = ?",
    )
      .bind(id)
      .run()
    const { listed } = await seen(id)
    expect(listed).toMatchObject({ id, look_first: [] })
    expect(listed).not.toHaveProperty('tests')
  })
})
