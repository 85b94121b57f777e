import { describe, expect, it } from 'vitest'
import { grant } from '../../../src/workspace/leases/grants.ts'
import type { GrantInput } from '../../../src/workspace/leases/grants.ts'
import type { LeaseRecord } from '../../../src/workspace/records/records.ts'
import type { Intent } from '../../../src/workspace/contract.ts'
import { freshPlan, PLAN_ID as ID, readyWorkspace } from '../support/full-records.ts'

const ZERO = '0'.repeat(40)
const [A, B] = ['a'.repeat(40), 'b'.repeat(40)]

const workspace = readyWorkspace()
const running = freshPlan({ status: 'running' })
const claims = { kind: 'plan' as const, workspace: 'w', plan: ID, attempt: 1, expiresAtMs: 9 }
const push = (ref: string, oldId = ZERO, newId = A): Intent => ({
  kind: 'git_push',
  commands: [{ oldId, newId, ref }],
})
const ask = (over: Partial<GrantInput>) => {
  const answer = grant({
    workspace,
    plan: running,
    claims,
    intent: { kind: 'git_read' },
    openLeases: [],
    nowMs: 1_000_000,
    ...over,
  })
  return answer.ok ? 'ok' : answer.reason
}

describe('a push', () => {
  const pushed = { ...running, pushedHead: A, checkpointHead: B }
  it.each([
    ['its own branch, first', running, push(`refs/heads/agent/${ID}`), 'ok'],
    ['its own checkpoint ref', running, push(`refs/agent/${ID}`), 'ok'],
    ['its own branch from its last head', pushed, push(`refs/heads/agent/${ID}`, A, B), 'ok'],
    ['main', running, push('refs/heads/main'), 'not_your_ref'],
    [
      "another plan's branch",
      running,
      push('refs/heads/agent/00000000-0000-8000-8000-000000000001'),
      'not_your_ref',
    ],
    ['a longer name', running, push(`refs/heads/agent/${ID}/x`), 'not_your_ref'],
    ['a tag', running, push('refs/tags/v1'), 'not_your_ref'],
    ['a delete of its branch', pushed, push(`refs/heads/agent/${ID}`, A, ZERO), 'delete_refused'],
    ["a person's commit on its branch", pushed, push(`refs/heads/agent/${ID}`, B, A), 'ref_moved'],
    ['a branch somebody made before', running, push(`refs/heads/agent/${ID}`, B, A), 'ref_moved'],
    ['a create over what it pushed', pushed, push(`refs/heads/agent/${ID}`, ZERO, B), 'ref_moved'],
  ] as const)('of %s', (_, plan, intent, expected) => {
    expect(ask({ plan, intent })).toBe(expected)
  })
  it('with one foreign ref among its own is refused whole', () => {
    const both: Intent = {
      kind: 'git_push',
      commands: [
        { oldId: ZERO, newId: A, ref: `refs/heads/agent/${ID}` },
        { oldId: ZERO, newId: A, ref: 'refs/heads/main' },
      ],
    }
    expect(ask({ intent: both })).toBe('not_your_ref')
  })
})

describe('life', () => {
  const states = [
    [{ status: 'queued' as const }, 'plan_not_running', 'plan_not_running'],
    [{ status: 'cancelled' as const }, 'plan_cancelled', 'plan_cancelled'],
    [{ status: 'completed' as const }, 'plan_over', 'plan_over'],
    [{ status: 'failed' as const }, 'plan_over', 'plan_over'],
    [{ attempt: 2 }, 'attempt_superseded', 'attempt_superseded'],
    [
      { status: 'paused' as const, pausedAtMs: 900_000, pausedReason: 'budget' as const },
      'ok',
      'budget_exceeded',
    ],
    [
      { status: 'paused' as const, pausedAtMs: 900_000, pausedReason: 'question' as const },
      'ok',
      'plan_paused',
    ],
    [{ status: 'paused' as const, pausedAtMs: 400_000 }, 'plan_paused', 'plan_paused'],
  ] as const
  it.each(states)('of a plan %j decides push and model', (over, forPush, forModel) => {
    const plan = { ...running, ...over }
    expect(ask({ plan, intent: push(`refs/heads/agent/${ID}`) })).toBe(forPush)
    expect(ask({ plan, intent: { kind: 'model', worstCaseUsd: 1 } })).toBe(forModel)
  })
  it('ends with the workspace', () => {
    expect(ask({ workspace: { ...workspace, status: 'removed' } })).toBe('workspace_removed')
  })
  it('of an unknown plan is none', () => {
    expect(ask({ plan: null })).toBe('unknown_plan')
  })
})

describe('the budget', () => {
  const lease = (worstCaseUsd: number): LeaseRecord => ({
    id: 'l',
    plan: ID,
    attempt: 1,
    kind: 'model',
    state: 'open',
    deadlineMs: 9e9,
    worstCaseUsd,
    commands: [],
  })
  it('admits calls while spent plus open calls stay below it, so that one call at most crosses it', () => {
    const plan = { ...running, spentUsd: 9.5 }
    const intent: Intent = { kind: 'model', worstCaseUsd: 5 }
    expect(ask({ plan, intent })).toBe('ok')
    expect(ask({ plan, intent, openLeases: [lease(0.5)] })).toBe('budget_exceeded')
    expect(ask({ plan: { ...running, spentUsd: 10 }, intent })).toBe('budget_exceeded')
  })
})

describe('a VM key', () => {
  const vm = { kind: 'vm' as const, workspace: 'w', generation: 1 }
  it('reads, and does nothing else', () => {
    expect(ask({ claims: vm, plan: null })).toBe('ok')
    expect(ask({ claims: vm, plan: null, intent: push(`refs/heads/agent/${ID}`) })).toBe('not_your_ref')
    expect(ask({ claims: vm, plan: null, intent: { kind: 'model', worstCaseUsd: 0 } })).toBe('not_your_ref')
  })
  it('of an older machine is void', () => {
    expect(ask({ claims: { ...vm, generation: 0 }, plan: null })).toBe('vm_replaced')
  })
})
