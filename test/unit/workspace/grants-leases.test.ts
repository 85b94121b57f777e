// What a right granted looks like, how a refusal names its refs, and how long an open lease lives: whole answers are compared.
import { describe, expect, it } from 'vitest'
import { grant, mayContinue, PUSH_AFTER_PAUSE_MS } from '../../../src/workspace/leases/grants.ts'
import type { GrantInput } from '../../../src/workspace/leases/grants.ts'
import type { LeaseRecord, PlanRecord, WorkspaceRecord } from '../../../src/workspace/records/records.ts'
import type { Intent } from '../../../src/workspace/contract.ts'
import { fullPlan, HEAD, lease, PLAN_ID, readyWorkspace } from '../support/full-records.ts'

const ZERO = '0'.repeat(40)
const NEW = 'e'.repeat(40)
const NOW = 1_000_000
const MINUTE = 60_000
const BRANCH = `refs/heads/agent/${PLAN_ID}`
const CHECKPOINT = `refs/agent/${PLAN_ID}`
const plan = fullPlan({ status: 'running' })
const claims = { kind: 'plan' as const, workspace: 'w', plan: PLAN_ID, attempt: 3, expiresAtMs: 9 }
const vmClaims = { kind: 'vm' as const, workspace: 'w', generation: 1 }

const ask = (over: Partial<GrantInput>) =>
  grant({
    workspace: readyWorkspace(),
    plan,
    claims,
    intent: { kind: 'git_read' },
    openLeases: [],
    nowMs: NOW,
    ...over,
  })
const push = (...commands: { oldId: string; newId: string; ref: string }[]): Intent => ({
  kind: 'git_push',
  commands,
})
const granted = (over: Partial<LeaseRecord>) => {
  const { id: _, ...rest } = lease({ worstCaseUsd: 0, ...over })
  return { ok: true, lease: rest }
}

describe('a lease', () => {
  const command = { oldId: HEAD, newId: NEW, ref: BRANCH }
  it.each<[string, Partial<GrantInput>, Partial<LeaseRecord>]>([
    ['to read lasts 30 minutes', {}, { kind: 'git_read', deadlineMs: NOW + 30 * MINUTE }],
    [
      'to ask what may be pushed is one to read',
      { intent: { kind: 'git_push_discover' } },
      { kind: 'git_read', deadlineMs: NOW + 30 * MINUTE },
    ],
    [
      'to push lasts 15 minutes and names what is pushed',
      { intent: push(command) },
      { kind: 'git_push', deadlineMs: NOW + 15 * MINUTE, commands: [command] },
    ],
    [
      'to a model call lasts 30 minutes and holds what it may cost',
      { intent: { kind: 'model', worstCaseUsd: 2 } },
      { kind: 'model', deadlineMs: NOW + 30 * MINUTE, worstCaseUsd: 2 },
    ],
    [
      'of a machine is of no plan, and of its generation',
      { claims: vmClaims, plan: null },
      { kind: 'git_read', plan: '', attempt: 1, deadlineMs: NOW + 30 * MINUTE },
    ],
  ])('%s', (_, over, expected) => {
    expect(ask(over)).toEqual(granted(expected))
  })
  it('is not needed for what costs nothing', () => {
    expect(ask({ intent: { kind: 'model_free' } })).toEqual({ ok: true, lease: null })
  })
})

describe('a refused push', () => {
  const moved = (ref: string, back: string) => ({
    ref,
    text: `the branch was moved by someone else and is not overwritten; set it back to ${back} to let the plan push`,
  })
  it.each<[string, PlanRecord, Intent, unknown]>([
    [
      'names every ref that is wrong, and the reason of the first',
      plan,
      push(
        { oldId: ZERO, newId: NEW, ref: 'refs/heads/main' },
        { oldId: HEAD, newId: ZERO, ref: BRANCH },
        { oldId: HEAD, newId: NEW, ref: BRANCH },
      ),
      {
        ok: false,
        reason: 'not_your_ref',
        refs: [
          { ref: 'refs/heads/main', text: `this plan may only push to agent/${PLAN_ID}` },
          { ref: BRANCH, text: 'a plan may not delete its branch' },
        ],
      },
    ],
    [
      'says where its branch has to be',
      plan,
      push({ oldId: NEW, newId: NEW, ref: BRANCH }),
      { ok: false, reason: 'ref_moved', refs: [moved(BRANCH, HEAD.slice(0, 12))] },
    ],
    [
      'says that its branch must not be there',
      { ...plan, pushedHead: null },
      push({ oldId: NEW, newId: NEW, ref: BRANCH }),
      { ok: false, reason: 'ref_moved', refs: [moved(BRANCH, 'nothing')] },
    ],
    [
      'goes by the checkpoint for the checkpoint ref',
      { ...plan, checkpointHead: 'f'.repeat(40) },
      push({ oldId: HEAD, newId: NEW, ref: CHECKPOINT }),
      { ok: false, reason: 'ref_moved', refs: [moved(CHECKPOINT, 'f'.repeat(12))] },
    ],
    [
      'is one whose old value only begins or ends with zeros',
      { ...plan, pushedHead: null },
      push({ oldId: `${'0'.repeat(39)}1`, newId: NEW, ref: BRANCH }),
      { ok: false, reason: 'ref_moved', refs: [moved(BRANCH, 'nothing')] },
    ],
    [
      'is not one whose new value only ends with zeros',
      plan,
      push({ oldId: HEAD, newId: `1${'0'.repeat(39)}`, ref: BRANCH }),
      granted({
        kind: 'git_push',
        deadlineMs: NOW + 15 * MINUTE,
        commands: [{ oldId: HEAD, newId: `1${'0'.repeat(39)}`, ref: BRANCH }],
      }),
    ],
    [
      'is one whose old value only ends with zeros where nothing was pushed',
      { ...plan, pushedHead: null },
      push({ oldId: `1${'0'.repeat(39)}`, newId: NEW, ref: BRANCH }),
      { ok: false, reason: 'ref_moved', refs: [moved(BRANCH, 'nothing')] },
    ],
    [
      'is not one whose new value only begins with zeros',
      plan,
      push({ oldId: HEAD, newId: `${'0'.repeat(39)}1`, ref: BRANCH }),
      granted({
        kind: 'git_push',
        deadlineMs: NOW + 15 * MINUTE,
        commands: [{ oldId: HEAD, newId: `${'0'.repeat(39)}1`, ref: BRANCH }],
      }),
    ],
  ])('%s', (_, of, intent, expected) => {
    expect(ask({ plan: of, intent })).toEqual(expected)
  })
})

describe('a paused plan', () => {
  const paused = (over: Partial<PlanRecord>) =>
    fullPlan({ status: 'paused', pausedAtMs: NOW, pausedReason: 'question', ...over })
  it('may read and push what was done for 10 minutes, not longer', () => {
    expect(PUSH_AFTER_PAUSE_MS).toBe(10 * MINUTE)
    const at = (nowMs: number) => ask({ plan: paused({}), nowMs }).ok
    expect([at(NOW + 10 * MINUTE - 1), at(NOW + 10 * MINUTE)]).toEqual([true, false])
  })
  it('without a moment of its pause was paused long ago', () => {
    expect(ask({ plan: paused({ pausedAtMs: null }), nowMs: 10 * MINUTE })).toMatchObject({
      reason: 'plan_paused',
    })
    expect(ask({ plan: paused({ pausedAtMs: null }), nowMs: 10 * MINUTE - 1 }).ok).toBe(true)
  })
  it.each([
    ['budget', 'budget_exceeded'],
    ['monthly_budget', 'monthly_budget_exceeded'],
    ['question', 'plan_paused'],
  ] as const)('for %s is refused the model, free calls too, with %s', (pausedReason, reason) => {
    for (const intent of [{ kind: 'model', worstCaseUsd: 0 } as const, { kind: 'model_free' } as const])
      expect(ask({ plan: paused({ pausedReason }), intent })).toEqual({ ok: false, reason })
  })
})

it('only open calls of the model count against the budget', () => {
  const openLeases = [
    lease({ kind: 'git_push', worstCaseUsd: 100 }),
    lease({ worstCaseUsd: 2 }),
    lease({ worstCaseUsd: 3 }),
  ]
  const intent = { kind: 'model', worstCaseUsd: 1 } as const
  expect(ask({ plan: { ...plan, spentUsd: 4.5 }, intent, openLeases }).ok).toBe(true)
  expect(ask({ plan: { ...plan, spentUsd: 5 }, intent, openLeases })).toEqual({
    ok: false,
    reason: 'budget_exceeded',
  })
})

describe('an open stream', () => {
  const open = lease({ deadlineMs: NOW + 1 })
  const machine = lease({ plan: '', attempt: 1, kind: 'git_read', deadlineMs: NOW + 1 })
  const paused = (pausedReason: PlanRecord['pausedReason'], pausedAtMs = NOW) =>
    fullPlan({ status: 'paused', pausedReason, pausedAtMs })
  const removed = readyWorkspace({ status: 'removed' })
  it.each<[string, boolean, LeaseRecord, PlanRecord | null, WorkspaceRecord?]>([
    ['runs on until its deadline', true, open, plan],
    ['ends at its deadline', false, { ...open, deadlineMs: NOW }, plan],
    ['ends when it is revoked', false, { ...open, state: 'revoked' }, plan],
    ['ends when its outcome is unknown', false, { ...open, state: 'unknown' }, plan],
    ['ends with the workspace', false, open, plan, removed],
    ['ends with its attempt', false, { ...open, attempt: 2 }, plan],
    ['ends with its plan', false, open, null],
    ['ends with a cancel', false, open, fullPlan({ status: 'cancelled' })],
    ['ends with a question', false, open, paused('question')],
    ['of the model goes on when the budget ran out meanwhile', true, open, paused('budget')],
    ["of the model goes on when the month's budget ran out", true, open, paused('monthly_budget')],
    ['of git goes on for 10 minutes after a pause', true, { ...open, kind: 'git_push' }, paused('question')],
    ['of git ends then', false, { ...open, kind: 'git_push' }, paused('budget', NOW - 10 * MINUTE)],
    ['of a machine needs no plan', true, machine, null],
    ['of an older machine ends', false, { ...machine, attempt: 0 }, plan],
  ])('%s', (_, expected, of, its, workspace = readyWorkspace()) => {
    expect(mayContinue(of, { workspace, plan: its, nowMs: NOW })).toBe(expected)
  })
})
