// The tools of plans against a played object: what the model gets, word for word, and what the object was asked.
import { describe, expect, it } from 'vitest'
import { UserError } from '../../../src/lib/errors.ts'
import { jsonBytes } from '../../../src/mcp/kit/answer-size.ts'
import type { PlanSnapshot } from '../../../src/workspace/contract.ts'
import {
  callTool,
  hostileRow,
  MAX_RESULT_BYTES,
  PLAN_ID,
  planRow,
  playContext,
} from '../support/mcp-fakes.ts'

describe('plan_submit', () => {
  it('answers the plan in the documented shape, optional fields absent', async () => {
    expect(await callTool(playContext(), 'plan_submit', { workspace_id: 'site', plan: 'Fix the typo' }))
      .toMatchInlineSnapshot(`
      {
        "next_step": "The plan waits for its turn. There is nothing to do: stop here, or follow it with plan_status (wait_seconds 45).",
        "plan": {
          "attempt": 1,
          "base": "main",
          "branch": "agent/0a1b2c3d-4e5f-8111-9222-333344445555",
          "budget_usd": 10,
          "checks": [],
          "commits": [],
          "created_at": "2026-11-23T04:00:00.000Z",
          "diff": {
            "additions": 0,
            "deletions": 0,
            "files": 0,
          },
          "id": "0a1b2c3d-4e5f-8111-9222-333344445555",
          "look_first": [],
          "merge_status": "none",
          "model": "claude-opus-5-5",
          "outcome_reasons": [],
          "plan_chars": 12,
          "spent_usd": 0,
          "status": "queued",
          "title": "Fix the typo",
          "tokens": {
            "cache_read": 0,
            "cache_write": 0,
            "input": 0,
            "output": 0,
          },
          "workspace": "site",
        },
      }
    `)
  })

  it('hands the text on unit for unit, and every argument under its own name', async () => {
    const played = playContext()
    const plan = 'Grüße 🙂 `$(id)` "\'" \u202e\r\n\t'.repeat(5_000).slice(0, 100_000).toWellFormed()
    await callTool(played, 'plan_submit', {
      workspace_id: 'site',
      plan,
      branch_name: 'fix/typo',
      base: 'main',
      budget_usd: 2.5,
      model: 'claude-x',
      effort: 'low',
      checks: [],
      on_question: 'assume',
      open_pr: false,
      idempotency_key: 'k',
    })
    expect(played.calls).toEqual([
      [
        'submit',
        'site',
        {
          plan,
          branchName: 'fix/typo',
          base: 'main',
          budgetUsd: 2.5,
          model: 'claude-x',
          effort: 'low',
          checks: [],
          onQuestion: 'assume',
          openPr: false,
          idempotencyKey: 'k',
        },
      ],
    ])
  })

  it('says so when it answers an earlier plan', async () => {
    const played = playContext({ stub: { submit: async () => ({ plan: planRow(), deduplicated: true }) } })
    expect(await callTool(played, 'plan_submit', { workspace_id: 'site', plan: 'x' })).toMatchObject({
      deduplicated: true,
      next_step: expect.stringContaining('submitted before'),
    })
  })

  it.each([
    ['an empty plan', { plan: '' }, 'plan must not be empty'],
    ['100,001 units', { plan: 'x'.repeat(100_001) }, 'plan is longer than 100000 characters'],
    ['50,001 emoji', { plan: '🙂'.repeat(50_001) }, 'plan is longer than 100000 characters'],
    ['NUL', { plan: 'a\0b' }, 'plan holds a NUL character'],
    ['half a surrogate pair', { plan: 'a\ud83d' }, 'plan holds half a surrogate pair'],
    ['a branch_name with a space', { plan: 'x', branch_name: 'a b' }, 'branch_name may hold only letters'],
    ['a base that climbs', { plan: 'x', base: '../../etc' }, 'base has ".." in it'],
    ['a budget of nothing', { plan: 'x', budget_usd: 0 }, 'budget_usd must be above 0'],
    ['an unknown effort', { plan: 'x', effort: 'huge' }, 'effort must be one of '],
    [
      'a git token',
      { plan: 'use glpat-R8s3kQ2vT9xZ4mN7pL1w' },
      'plan holds something shaped like a GitLab token',
    ],
  ])('refuses %s before any object is asked', async (_what, bad, message) => {
    const played = playContext()
    await expect(callTool(played, 'plan_submit', { workspace_id: 'site', ...bad })).rejects.toThrow(message)
    expect(played.calls).toEqual([])
  })
})

describe('plan_list', () => {
  it('answers plans with their long texts cut, and a cursor when there are more', async () => {
    const played = playContext({
      context: { listPlans: async () => ({ plans: Array.from({ length: 20 }, hostileRow), more: true }) },
    })
    const answer = await callTool(played, 'plan_list', { workspace_id: 'site' })
    expect(jsonBytes(answer)).toBeLessThan(MAX_RESULT_BYTES)
    expect(answer['plans'].length).toBeGreaterThan(3)
    expect(answer).toMatchObject({
      cursor: expect.any(String),
      next_step: 'Call plan_list again with this cursor for older ones.',
    })
    expect(answer['plans'][0].summary.length).toBeLessThanOrEqual(300)
  })

  it('passes the filter on and refuses an unknown workspace or status', async () => {
    const asked: unknown[] = []
    const played = playContext({
      context: {
        listPlans: async (input) => {
          asked.push(input)
          return { plans: [], more: false }
        },
      },
    })
    await callTool(played, 'plan_list', { workspace_id: 'site', status: 'running', cursor: 'abc', limit: 5 })
    expect(asked).toEqual([{ workspace: 'site', status: 'running', cursor: 'abc', limit: 5 }])
    await expect(callTool(played, 'plan_list', { workspace_id: 'other' })).rejects.toThrow(
      'no workspace "other"',
    )
    await expect(callTool(played, 'plan_list', { status: 'done' })).rejects.toThrow('status must be one of ')
  })
})

describe('plan_message, plan_cancel and plan_resume', () => {
  it('reach the object of the plan and answer the plan', async () => {
    const played = playContext()
    expect(
      (await callTool(played, 'plan_message', { plan_id: PLAN_ID, message: 'Use tabs' }))['plan'].id,
    ).toBe(PLAN_ID)
    expect((await callTool(played, 'plan_cancel', { plan_id: PLAN_ID }))['plan'].status).toBe('cancelled')
    expect(
      (await callTool(played, 'plan_resume', { plan_id: PLAN_ID, budget_usd: 20 }))['plan'].attempt,
    ).toBe(2)
    await callTool(played, 'plan_resume', { plan_id: PLAN_ID })
    expect(played.calls).toEqual([
      ['message', PLAN_ID, 'Use tabs'],
      ['cancel', PLAN_ID],
      ['resume', PLAN_ID, 20],
      ['resume', PLAN_ID, undefined],
    ])
  })

  it('give the reason of a pause its own next step', async () => {
    const played = playContext()
    const step = async (row: Partial<PlanSnapshot>) => {
      played.planRow = planRow(row)
      return (await callTool(played, 'plan_status', { plan_id: PLAN_ID }))['next_step']
    }
    expect(await step({ status: 'paused', pausedReason: 'question' })).toContain('plan_message')
    expect(await step({ status: 'paused', pausedReason: 'budget' })).toContain(
      'plan_resume with a budget_usd',
    )
    expect(await step({ status: 'paused', pausedReason: 'credential_missing' })).toContain('GIT_CREDENTIALS')
    expect(await step({ status: 'completed', mergeStatus: 'merged' })).toContain('merged')
    expect(await step({ status: 'completed' })).toContain('Nothing was pushed')
  })
})

// As the runtime throws it when an object is replaced.
const flaky = (fields: object) =>
  Object.assign(new Error('Durable Object reset because its code was updated.'), fields)

describe('a call that fails inside the object', () => {
  it('is made again once when the runtime says so and the tool may run twice', async () => {
    let asked = 0
    const played = playContext({
      stub: {
        cancel: async () => {
          asked += 1
          if (asked === 1) throw flaky({ retryable: true })
          return planRow({ status: 'cancelled' })
        },
      },
    })
    expect((await callTool(played, 'plan_cancel', { plan_id: PLAN_ID }))['plan'].status).toBe('cancelled')
  })

  it.each([
    ['of a tool that may not run twice', 'plan_message', { retryable: true }],
    ['of an overloaded object', 'plan_cancel', { retryable: true, overloaded: true }],
    ['that is not marked', 'plan_cancel', {}],
  ])('is not made again %s', async (_what, name, fields) => {
    const fail = async () => {
      throw flaky(fields)
    }
    const played = playContext({ stub: { message: fail, cancel: fail } })
    await expect(
      callTool(played, name, { plan_id: PLAN_ID, ...(name === 'plan_message' ? { message: 'x' } : {}) }),
    ).rejects.toThrow('reset')
    expect(played.calls).toHaveLength(1)
  })

  it('passes a refusal of the object on with its own words', async () => {
    const played = playContext({
      stub: {
        resume: async () => {
          throw new UserError('Plan x was merged: it is over.', 'merged', 409)
        },
      },
    })
    await expect(callTool(played, 'plan_resume', { plan_id: PLAN_ID })).rejects.toThrow('it is over')
  })
})
