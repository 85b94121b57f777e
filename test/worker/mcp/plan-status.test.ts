// plan_status against a played object: its answer, its waiting, and what it keeps from a hostile VM.
import { describe, expect, it } from 'vitest'
import { jsonBytes } from '../../../src/mcp/kit/answer-size.ts'
import {
  AT_MS,
  callTool,
  completedRow,
  HOSTILE,
  hostileRow,
  MAX_RESULT_BYTES,
  PLAN_ID,
  planRow,
  playContext,
} from '../support/mcp-fakes.ts'

/** A clock that only moves when told to. */
function playClock(): { now: () => number; pass: (ms: number) => void } {
  let nowMs = AT_MS
  return { now: () => nowMs, pass: (ms) => void (nowMs += ms) }
}

describe('plan_status', () => {
  it('answers a finished plan with its events', async () => {
    const played = playContext()
    played.planRow = completedRow()
    expect(await callTool(played, 'plan_status', { plan_id: PLAN_ID })).toMatchInlineSnapshot(`
      {
        "cursor": 1,
        "events": [
          {
            "at": "2026-11-23T04:00:00.000Z",
            "data": {
              "attempt": 1,
            },
            "seq": 1,
            "text": "Accepted.",
            "type": "queued",
          },
        ],
        "next_step": "Review branch agent/0a1b2c3d-4e5f-8111-9222-333344445555: workspace_sync returns the commands that merge it; plan_message asks for changes. It is not verified: no check ran the code (review it by hand, and name checks with workspace_update). Read outcome_reasons and the diff with care.",
        "plan": {
          "attempt": 1,
          "base": "main",
          "branch": "agent/0a1b2c3d-4e5f-8111-9222-333344445555",
          "budget_usd": 10,
          "checks": [],
          "commits": [
            {
              "sha": "cccccccccccccccccccccccccccccccccccccccc",
              "subject": "fix: typo",
            },
          ],
          "created_at": "2026-11-23T04:00:00.000Z",
          "diff": {
            "additions": 1,
            "deletions": 1,
            "files": 1,
          },
          "finished_at": "2026-11-23T04:01:01.000Z",
          "head": "cccccccccccccccccccccccccccccccccccccccc",
          "id": "0a1b2c3d-4e5f-8111-9222-333344445555",
          "last_activity_at": "2026-11-23T04:01:00.000Z",
          "look_first": [],
          "merge_status": "open",
          "model": "claude-opus-5-5",
          "outcome": "unverified",
          "outcome_reasons": [
            "no_checks",
          ],
          "plan_chars": 12,
          "proof": "none",
          "pushed_head": "cccccccccccccccccccccccccccccccccccccccc",
          "spent_usd": 0.25,
          "started_at": "2026-11-23T04:00:01.000Z",
          "status": "completed",
          "summary": "Fixed it.",
          "title": "Fix the typo",
          "tokens": {
            "cache_read": 50,
            "cache_write": 20,
            "input": 1000,
            "output": 200,
          },
          "workspace": "site",
        },
      }
    `)
  })

  it('takes an id in capitals and refuses one that cannot be ours', async () => {
    const played = playContext()
    await callTool(played, 'plan_status', { plan_id: PLAN_ID.toUpperCase() })
    expect(played.calls[0]?.[1]).toBe(PLAN_ID)
    await expect(callTool(played, 'plan_status', { plan_id: crypto.randomUUID() })).rejects.toThrow(
      'There is no plan',
    )
    await expect(callTool(played, 'plan_status', { plan_id: 'latest' })).rejects.toThrow('There is no plan')
  })

  it.each([
    [undefined, 'The agent works on the plan'],
    [59_999, 'The agent works on the plan'],
    [60_000, 'The VM was not heard for 1 min'],
    [7_199_999, 'The VM was not heard for 119 min'],
  ])('says at once when the VM of a running plan is silent (%s ms)', async (vmUnheardMs, words) => {
    const plan = planRow({ status: 'running', phase: 'working' })
    const silent = vmUnheardMs === undefined ? {} : { vmUnheardMs }
    const played = playContext({
      stub: { planStatus: async () => ({ plan, events: [], cursor: 0, ...silent }) },
    })
    const { next_step } = await callTool(played, 'plan_status', { plan_id: PLAN_ID })
    expect(next_step).toContain(words)
  })

  it('asks the object once for the whole wait when the client wants no progress', async () => {
    const played = playContext()
    await callTool(played, 'plan_status', { plan_id: PLAN_ID, wait_seconds: 45, after: 3, limit: 7 })
    expect(played.calls).toEqual([['planStatus', PLAN_ID, { waitMs: 45_000, after: 3, limit: 7 }]])
  })

  it('shows signs of life while it waits, and stops at the first change', async () => {
    const told: unknown[] = []
    const slices: number[] = []
    const clock = playClock()
    const played = playContext({
      context: { now: clock.now },
      stub: {
        planStatus: async (_planId, { waitMs }) => {
          slices.push(waitMs)
          clock.pass(waitMs)
          const phase = slices.length < 3 ? 'working' : 'pushing'
          return { plan: planRow({ status: 'running', phase }), events: [], cursor: 0 }
        },
      },
    })
    const progress = async (step: unknown): Promise<void> => void told.push(step)
    const answer = await callTool(played, 'plan_status', { plan_id: PLAN_ID, wait_seconds: 45 }, { progress })
    const message = `Plan ${PLAN_ID} is running (working), $0.00 of $10.00 spent, merge none.`
    expect(slices).toEqual([0, 10_000, 10_000])
    expect(told).toEqual([
      { progress: 0, total: 45, message },
      { progress: 10, total: 45, message },
    ])
    expect(answer['plan'].phase).toBe('pushing')
  })

  it('tells of an event as soon as the object does, though it ends no wait', async () => {
    const told: unknown[] = []
    const clock = playClock()
    const asked: unknown[] = []
    const played = playContext({
      context: { now: clock.now },
      stub: {
        planStatus: async (_planId, options) => {
          asked.push(options.orEvent)
          // Events after 400 ms and after 900 ms, then nothing.
          clock.pass(
            options.waitMs === 0 ? 0 : Math.min(options.waitMs, [0, 400, 900][asked.length - 1] ?? 45_000),
          )
          return { plan: planRow({ status: 'running', spentUsd: asked.length }), events: [], cursor: 0 }
        },
      },
    })
    await callTool(
      played,
      'plan_status',
      { plan_id: PLAN_ID, wait_seconds: 10 },
      { progress: async (step) => void told.push([step.progress, step.message.match(/\$\d/)?.[0]]) },
    )
    expect(asked).toEqual([undefined, true, true, true])
    expect(told).toEqual([
      [0, '$1'],
      [0.4, '$2'],
      [1.3, '$3'],
    ])
  })

  it('answers at once when its client leaves in the middle of the wait', async () => {
    const leaving = new AbortController()
    let asked = 0
    const played = playContext({
      stub: {
        planStatus: async () => {
          asked += 1
          if (asked > 1) {
            leaving.abort()
            await new Promise(() => {})
          }
          return { plan: planRow({ status: 'running' }), events: [], cursor: 0 }
        },
      },
    })
    const answer = await callTool(
      played,
      'plan_status',
      { plan_id: PLAN_ID, wait_seconds: 45 },
      { signal: leaving.signal, progress: async () => {} },
    )
    expect(answer['plan'].status).toBe('running')
    expect(asked).toBe(2)
  })

  it.each([
    ['no longer than asked', { status: 'running' }, undefined, [0, 10_000, 10_000, 5_000]],
    ['not at all once the plan is merged', { status: 'completed', mergeStatus: 'merged' }, undefined, [0]],
    ['not for a client that left', { status: 'running' }, AbortSignal.abort(), [0]],
  ] as const)('waits %s', async (_what, row, signal, expected) => {
    const slices: number[] = []
    const clock = playClock()
    const played = playContext({
      context: { now: clock.now },
      stub: {
        planStatus: async (_planId, { waitMs }) => {
          slices.push(waitMs)
          clock.pass(waitMs)
          return { plan: planRow(row), events: [], cursor: 0 }
        },
      },
    })
    await callTool(
      played,
      'plan_status',
      { plan_id: PLAN_ID, wait_seconds: 25 },
      { progress: async () => {}, ...(signal === undefined ? {} : { signal }) },
    )
    expect(slices).toEqual(expected)
  })

  it('shows each of 200 long events exactly once over its pages, below 10,000 tokens each', async () => {
    const played = playContext()
    played.planRow = hostileRow()
    played.events = Array.from({ length: 200 }, (_, index) => ({
      seq: index + 1,
      atMs: AT_MS,
      type: 'tool',
      text: '漢'.repeat(2_000),
      data: { output: 'y'.repeat(900) },
    }))
    const seen: number[] = []
    for (let after = 0, more = true; more;) {
      const answer = await callTool(played, 'plan_status', { plan_id: PLAN_ID, after, limit: 200 })
      expect(jsonBytes(answer)).toBeLessThan(MAX_RESULT_BYTES)
      seen.push(...answer['events'].map((event: { seq: number }) => event.seq))
      more = answer['events'].length > 0
      after = answer['cursor']
    }
    expect(seen).toEqual(Array.from({ length: 200 }, (_, index) => index + 1))
  })

  it('shows no control or bidi character of a hostile VM, and no long data', async () => {
    const played = playContext()
    played.planRow = hostileRow()
    played.events = [
      { seq: 1, atMs: AT_MS, type: 'tool', text: `a${HOSTILE}b`, data: { deep: [{ text: HOSTILE }], n: 1 } },
      { seq: 2, atMs: AT_MS, type: 'tool', text: 'x', data: { big: 'x'.repeat(5_000) } },
    ]
    const answer = await callTool(played, 'plan_status', { plan_id: PLAN_ID })
    const texts = JSON.stringify(answer).replaceAll('\\n', '')
    expect(texts).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]|\\u00|\\r|\\t/u)
    expect(answer['events'][0].data).toEqual({ deep: [{ text: 'evil\n' }], n: 1 })
    expect(answer['events'][1]).not.toHaveProperty('data')
  })
})
