// A plan's model must have a price: another one is refused before a plan is stored, so that no plan is paused for ever.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { pricedModels } from '../../../src/lib/prices.ts'
import { endedPlan } from '../support/ended-plan.ts'
import { endOutside, playOutside, refusal } from '../support/outside.ts'
import type { Outside } from '../support/outside.ts'
import { ready } from '../support/ready.ts'

let outside: Outside
beforeEach(() => {
  outside = playOutside()
})
afterEach(endOutside)

/** A plan as an older version accepted it: cancelled, with a model that has no price. */
const withOldModel = (name: string) => endedPlan(name, outside, { model: 'gpt-5' })

describe('a model without a price', () => {
  it('is refused at submit with the list of those that have one, and nothing is stored', async () => {
    const { stub } = await ready('unpriced', outside)
    const words = await refusal('unpriced', (workspace) =>
      workspace.submit('unpriced', { plan: 'x', model: 'gpt-5' }),
    )
    expect(words).toContain('model is "gpt-5", which has no price')
    for (const model of pricedModels()) expect(words).toContain(model)
    expect(await stub.snapshot('unpriced')).toMatchObject({ queuedPlans: 0, activePlans: 0 })
    const { plan } = await stub.submit('unpriced', { plan: 'x', model: 'claude-sonnet-5-5-20260922' })
    expect(plan.model).toBe('claude-sonnet-5-5-20260922')
  })

  it('is refused at resume, as the one asked for and as the one the plan has', async () => {
    const {
      stub,
      plan: { id },
    } = await withOldModel('old-model')
    expect(await refusal('old-model', (workspace) => workspace.resume(id, undefined))).toContain(
      `the model of plan ${id} is "gpt-5"`,
    )
    expect(await refusal('old-model', (workspace) => workspace.resume(id, undefined, 'gpt-6'))).toContain(
      'model is "gpt-6"',
    )
    expect(await stub.resume(id, undefined, 'claude-sonnet-5-5')).toMatchObject({
      status: 'queued',
      attempt: 2,
      model: 'claude-sonnet-5-5',
    })
  })

  it('is not started again by a message, which is not kept', async () => {
    const {
      stub,
      plan: { id },
    } = await withOldModel('old-message')
    expect(await refusal('old-message', (workspace) => workspace.message(id, 'Go on'))).toContain(
      'Call plan_resume with model',
    )
    const { plan, events } = await stub.planStatus(id, { waitMs: 0, after: 0, limit: 50 })
    expect(plan.status).toBe('cancelled')
    expect(events.map(({ type }) => type)).not.toContain('message')
  })
})
