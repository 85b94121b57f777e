// The real gateway before the real object, whose alarm rings only when a test says so: for what a change of a plan does to streams
// under way. Rows are written directly where no VM is at hand to bring them about. Run by test/real/gateway/gateway-cut.test.ts.
import { Hono } from 'hono'
import type { Context as HonoContext } from 'hono'
import { gatewayRoutes } from '../../../src/gateway/routes.ts'
import { workspaceKey } from '../../../src/lib/ids.ts'
import type { PlanRecord } from '../../../src/workspace/records/records.ts'
import { createStore } from '../../../src/workspace/store/store.ts'
import { Workspace as RealWorkspace } from '../../../src/workspace/workspace.ts'

export { Account } from '../../../src/account/account.ts'

export class Workspace extends RealWorkspace {
  override async alarm(): Promise<void> {}

  ring(): Promise<void> {
    return super.alarm()
  }

  /** A registered workspace whose VM needs nothing, with one running plan; answers which. */
  async seed(name: string, gitRemote: string): Promise<{ plan: string; branch: string }> {
    await this.register({ name, gitRemote })
    const { plan } = await this.submit(name, { plan: 'x', branchName: 'p' })
    const store = createStore(this.ctx.storage.sql)
    store.changeWorkspace((workspace) => {
      Object.assign(workspace, { status: 'ready', retryAtMs: Date.now() + 3_600_000 })
      Object.assign(workspace.vm, { step: 'ready', id: 'vm', adopted: true })
    })
    this.change(plan.id, { status: 'running', attemptStartedAtMs: Date.now() })
    return { plan: plan.id, branch: plan.branch }
  }

  change(planId: string, fields: Partial<PlanRecord>): void {
    const store = createStore(this.ctx.storage.sql)
    const plan = store.plan(planId)
    if (plan !== null) store.savePlan({ ...plan, ...fields })
  }

  plan(planId: string): PlanRecord | null {
    return createStore(this.ctx.storage.sql).plan(planId)
  }

  openLeases(): number {
    return createStore(this.ctx.storage.sql)
      .leases()
      .filter(({ state }) => state === 'open').length
  }
}

interface ObjectEnv extends Omit<Env, 'WORKSPACE'> {
  WORKSPACE: DurableObjectNamespace<Workspace>
}

type Context = HonoContext<{ Bindings: ObjectEnv }>

const stub = async (c: Context) => c.env.WORKSPACE.getByName(await workspaceKey(c.req.param('name') ?? ''))
const control = new Hono<{ Bindings: ObjectEnv }>()
  .post('/:name/seed', async (c) => {
    const object = await stub(c)
    return c.json(await object.seed(c.req.param('name'), await c.req.text()))
  })
  .post('/:name/change/:plan', async (c) => {
    const object = await stub(c)
    await object.change(c.req.param('plan'), await c.req.json<Partial<PlanRecord>>())
    return c.body(null, 204)
  })
  .post('/:name/cancel/:plan', async (c) => {
    const object = await stub(c)
    return c.json((await object.cancel(c.req.param('plan'))).status)
  })
  .post('/:name/resume/:plan', async (c) => {
    const object = await stub(c)
    return c.json((await object.resume(c.req.param('plan'), undefined)).status)
  })
  .post('/:name/remove', async (c) => {
    const object = await stub(c)
    return c.json((await object.remove(c.req.param('name'), false)).removed)
  })
  .post('/:name/ring', async (c) => {
    const object = await stub(c)
    await object.ring()
    return c.body(null, 204)
  })
  .get('/:name/plan/:plan', async (c) => {
    const object = await stub(c)
    return c.json(await object.plan(c.req.param('plan')))
  })
  .get('/:name/open-leases', async (c) => {
    const object = await stub(c)
    return c.json(await object.openLeases())
  })

export default new Hono().route('/control', control).route('/vm', gatewayRoutes)
