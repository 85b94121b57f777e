// What the runtime says about work that has ended is true: a message starts a plan again and says so, and no step leads to a branch
// that is gone.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { planNextStep } from '../../../src/mcp/kit/next-step.ts'
import type { PlanRecord } from '../../../src/workspace/records/records.ts'
import { callTool, PLAN_ID, planRow, playContext } from '../support/mcp-fakes.ts'
import { endedPlan } from '../support/ended-plan.ts'
import { endOutside, playOutside } from '../support/outside.ts'
import type { Outside } from '../support/outside.ts'
import { HEAD } from '../support/ready.ts'

let outside: Outside
beforeEach(() => {
  outside = playOutside()
})
afterEach(endOutside)

const withPlan = (name: string, fields: Partial<PlanRecord>) => endedPlan(name, outside, fields)

describe('a message', () => {
  it.each(['cancelled', 'completed', 'failed'] as const)('to a %s plan starts it again', async (status) => {
    const { stub, plan } = await withPlan(`again-${status}`, { status })
    expect(await stub.message(plan.id, 'Also the footer')).toMatchObject({
      status: 'queued',
      attempt: 2,
      startsAgain: true,
    })
    expect((await stub.message(plan.id, 'And the header')).startsAgain).toBeUndefined()
  })

  it('says that the plan starts again, as which attempt, and what it may spend', async () => {
    const told = async (spentUsd: number) => {
      const row = { ...planRow({ attempt: 2, budgetUsd: 10, spentUsd }), startsAgain: true as const }
      const played = playContext({ stub: { message: async () => row } })
      return (await callTool(played, 'plan_message', { plan_id: PLAN_ID, message: 'x' }))['next_step']
    }
    expect(await told(2.5)).toContain(
      'This plan was over. The message starts it again, as attempt 2 on the same branch. It may spend $7.50 more; plan_cancel stops it.',
    )
    expect(await told(10)).toContain('has no budget left')
    expect(await told(2.5)).not.toContain('NaN')
    const running = await callTool(playContext(), 'plan_message', { plan_id: PLAN_ID, message: 'x' })
    expect(running['next_step']).not.toContain('was over')
  })
})

describe('base', () => {
  it.each(['merged', 'unknown'] as const)(
    "that names a plan whose branch is gone (%s) starts from the workspace's branch and says so",
    async (mergeStatus) => {
      const name = `base-${mergeStatus}`
      const { stub, plan } = await withPlan(name, { status: 'completed', mergeStatus, pushedHead: HEAD })
      const { plan: next } = await stub.submit(name, { plan: 'y', base: plan.id })
      expect(next).toMatchObject({
        base: 'main',
        statusDetail: expect.stringMatching(/^The branch of plan .* this plan starts from main\.$/),
      })
    },
  )

  it('that names a plan with an open branch starts from that branch', async () => {
    const done = { status: 'completed', mergeStatus: 'open', pushedHead: HEAD } as const
    const { stub, plan } = await withPlan('base-open', done)
    const { plan: next } = await stub.submit('base-open', { plan: 'y', base: plan.id })
    expect(next).toMatchObject({ base: plan.branch, statusDetail: null })
  })
})

describe('the next step of finished work', () => {
  it.each(['merged', 'closed', 'unknown'] as const)('offers no merge of what is %s', async (mergeStatus) => {
    const row = planRow({ status: 'completed', mergeStatus, pushedHead: HEAD })
    expect(planNextStep(row)).not.toContain('workspace_sync')
    const totals = { files: 1, additions: 1, deletions: 0, omittedFiles: 0 }
    const file = { path: 'a', status: 'modified' as const, hunks: [] }
    const diff = { head: HEAD, base: null, totals, files: [file], nextPage: null }
    const about = { status: row.status, mergeStatus, branch: row.branch, base: row.base, pushedHead: HEAD }
    const played = playContext({ stub: { planDiff: async () => ({ ...about, diff }) } })
    const { next_step: step } = await callTool(played, 'plan_diff', { plan_id: PLAN_ID })
    expect(step).toContain('The diff is complete.')
    expect(step).not.toContain('workspace_sync')
  })
})
