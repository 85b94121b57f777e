// A Worker with the real gateway and a small object in place of the real one, so that real git can be tried against the real
// streams of workerd while a test decides what is granted. Run by test/real/gateway/gateway-git.test.ts.
import { DurableObject } from 'cloudflare:workers'
import { Hono } from 'hono'
import type { GatewayRpc } from '../../../src/gateway/frame/context.ts'
import { gatewayRoutes } from '../../../src/gateway/routes.ts'
import { workspaceKey } from '../../../src/lib/ids.ts'
import type { Authorization, Intent, Settlement } from '../../../src/workspace/contract.ts'

export interface FakeState {
  gitRemote: string
  mayPush: boolean
  ownRefs: string[]
  /** Last value this plan pushed, by ref. */
  heads: Record<string, string>
  settled: Settlement[]
  intents: Intent[]
}

const ZERO = /^0+$/

// Outside the object, because workerd drops an object that gets no call for ten seconds, and on a busy machine one commit takes longer.
const state: FakeState = { gitRemote: '', mayPush: true, ownRefs: [], heads: {}, settled: [], intents: [] }

export class Workspace extends DurableObject<Env> implements GatewayRpc {
  #live = new Map<string, (why: 'revoked' | 'over') => void>()

  set(change: Partial<FakeState>): void {
    Object.assign(state, change)
  }

  get(): FakeState {
    return state
  }

  revokeAll(): void {
    for (const end of this.#live.values()) end('revoked')
  }

  async authorize(_claims: unknown, intent: Intent): Promise<Authorization> {
    state.intents.push(intent)
    const { gitRemote, mayPush, ownRefs, heads } = state
    if (!mayPush && intent.kind !== 'git_read') return { ok: false, reason: 'plan_cancelled' }
    if (intent.kind === 'git_push')
      for (const { ref, oldId, newId } of intent.commands) {
        const refuse = (reason: 'not_your_ref' | 'delete_refused' | 'ref_moved', text: string) => ({
          ok: false as const,
          reason,
          refs: [{ ref, text }],
        })
        if (!ownRefs.includes(ref)) return refuse('not_your_ref', 'only agent/p1 may be pushed')
        if (ZERO.test(newId)) return refuse('delete_refused', 'a plan may not delete its branch')
        if (oldId !== (heads[ref] ?? '0'.repeat(oldId.length))) return refuse('ref_moved', 'it was moved')
      }
    return { ok: true, leaseId: crypto.randomUUID(), gitRemote, deadlineMs: Date.now() + 60_000, model: '' }
  }

  async settle(leaseId: string, settlement: Settlement): Promise<void> {
    this.#live.get(leaseId)?.('over')
    state.settled.push(settlement)
    if (settlement.kind === 'pushed')
      for (const { ref, newId } of settlement.updated) state.heads[ref] = newId
  }

  untilRevoked(leaseId: string): Promise<'revoked' | 'over'> {
    const { promise, resolve } = Promise.withResolvers<'revoked' | 'over'>()
    this.#live.set(leaseId, resolve)
    return promise
  }

  async leaseLives(): Promise<boolean> {
    return true
  }

  async redeemTicket(): Promise<string | null> {
    return null
  }

  async knowsVm(): Promise<boolean> {
    return true
  }

  async storeDiff(): Promise<'unknown_plan'> {
    return 'unknown_plan'
  }

  async vmSync(): Promise<{ ok: false; reason: 'vm_replaced' }> {
    return { ok: false, reason: 'vm_replaced' }
  }
}

interface FakeEnv extends Omit<Env, 'WORKSPACE'> {
  WORKSPACE: DurableObjectNamespace<Workspace>
}

const control = new Hono<{ Bindings: FakeEnv }>()
  .post('/set', async (c) => {
    const stub = c.env.WORKSPACE.getByName(await workspaceKey('demo'))
    await stub.set(await c.req.json<Partial<FakeState>>())
    return c.body(null, 204)
  })
  .post('/revoke', async (c) => {
    await c.env.WORKSPACE.getByName(await workspaceKey('demo')).revokeAll()
    return c.body(null, 204)
  })
  .get('/state', async (c) => c.json(await c.env.WORKSPACE.getByName(await workspaceKey('demo')).get()))

export default new Hono().route('/control', control).route('/vm', gatewayRoutes)
