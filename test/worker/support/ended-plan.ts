// A plan that is over, with a record as the test wants it: as an older version or another moment would have left it.
import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { createCore } from '../../../src/workspace/core/core.ts'
import type { PlanRecord } from '../../../src/workspace/records/records.ts'
import { objectOf } from './outside.ts'
import type { Outside } from './outside.ts'
import { ready } from './ready.ts'

/** Submits a plan in a fresh workspace, cancels it, and lays the fields over its record. */
export async function endedPlan(name: string, outside: Outside, fields: Partial<PlanRecord>) {
  const { stub } = await ready(name, outside)
  const { plan } = await stub.submit(name, { plan: 'x' })
  await stub.cancel(plan.id)
  await runInDurableObject(await objectOf(name), (_, state) => {
    const { store } = createCore(state, env)
    const row = store.plan(plan.id)
    if (row !== null) store.savePlan({ ...row, ...fields })
  })
  return { stub, plan }
}
