// The gateway's surroundings, scripted: an object that grants what a test says, and an upstream that is a function.
import { signVmToken } from '../../../src/auth/vm-token.ts'
import type { PlanClaims, TicketClaims, VmClaims, VmKeyClaims } from '../../../src/auth/vm-token.ts'
import type { GatewayContext, GatewayRpc } from '../../../src/gateway/frame/context.ts'
import { serve } from '../../../src/gateway/routes.ts'
import { readSettings } from '../../../src/lib/settings.ts'
import type { DiffUpload } from '../../../src/shared/protocol.ts'
import type { Authorization, DiffRefusal, Intent, Settlement } from '../../../src/workspace/contract.ts'
import { CANARIES } from '../setup/options.ts'

export const PLAN: PlanClaims = {
  kind: 'plan',
  workspace: 'demo',
  plan: '0123abcd-0123-8abc-8abc-0123456789ab',
  attempt: 1,
  expiresAtMs: Date.now() + 600_000,
}
export const VM: VmKeyClaims = { kind: 'vm', workspace: 'demo', generation: 3 }
export const TICKET: TicketClaims = {
  kind: 'ticket',
  workspace: 'demo',
  generation: 3,
  expiresAtMs: Date.now() + 600_000,
}

type Denied = Extract<Authorization, { ok: false }>['reason']

export function createFake() {
  const sent: Request[] = []
  const pending: Promise<unknown>[] = []
  const fake = {
    denied: null as Denied | null,
    probeFirst: false,
    /** What the stream watch told of the call's upper bound. */
    lowered: [] as number[],
    lives: true,
    intents: [] as Intent[],
    settled: [] as Settlement[],
    objectsTouched: [] as string[],
    vmKey: 'aer_vm_new' as string | null,
    knows: true,
    sync: { ok: false, reason: 'stale_nonce' } as Awaited<ReturnType<GatewayRpc['vmSync']>>,
    diffs: [] as DiffUpload[],
    diffRefusal: null as DiffRefusal | null,
    assets: {} as Record<string, string>,
    /** Every request that left for the outside, as it would arrive there. */
    sent,
    upstream: async (_request: Request): Promise<Response> => new Response('no upstream', { status: 500 }),
    settings: readSettings({
      ...CANARIES,
      PUBLIC_URL: 'https://runtime.test',
      ANTHROPIC_BASE_URL: 'https://model.test',
    }).settings,
    async call(path: string, claims: VmClaims | string | null, init: RequestInit = {}): Promise<Response> {
      const token =
        claims === null || typeof claims === 'string' ? claims : await signVmToken(CANARIES.TOKEN_KEY, claims)
      const headers = new Headers(init.headers)
      if (token !== null) headers.set('authorization', `Bearer ${token}`)
      return serve(new Request(`https://runtime.test${path}`, { ...init, headers }), context)
    },
    /** Waits for what runs on after the answer. */
    async idle(): Promise<void> {
      while (pending.length > 0) await pending.shift()
    },
  }
  const rpc: GatewayRpc = {
    async authorize(_claims, intent) {
      fake.intents.push(intent)
      if (fake.denied !== null) return { ok: false, reason: fake.denied }
      const deadlineMs = Date.now() + 60_000
      return {
        ok: true,
        leaseId: 'lease',
        gitRemote: 'https://git.test/o/r.git',
        deadlineMs,
        model: '',
        ...(fake.probeFirst ? { probeFirst: true } : {}),
        ...(intent.kind === 'model' ? { budgetUsed: 0.25 } : {}),
      }
    },
    settle: async (_leaseId, settlement) => void fake.settled.push(settlement),
    untilRevoked: () => new Promise(() => {}),
    async leaseLives(_leaseId, mostUsd) {
      if (mostUsd !== undefined) fake.lowered.push(mostUsd)
      return fake.lives
    },
    redeemTicket: async () => fake.vmKey,
    knowsVm: async () => fake.knows,
    vmSync: async () => fake.sync,
    async storeDiff(_claims, upload) {
      fake.diffs.push(upload)
      return fake.diffRefusal
    },
  }
  const context: GatewayContext = {
    settings: fake.settings,
    async workspace(name) {
      fake.objectsTouched.push(name)
      return rpc
    },
    async fetch(url, init) {
      const request = new Request(url, init)
      sent.push(request.clone())
      return fake.upstream(request)
    },
    async asset(name) {
      const text = fake.assets[name]
      return text === undefined ? new Response('', { status: 404 }) : new Response(text)
    },
    waitUntil: (work) => void pending.push(work),
    nowMs: () => Date.now(),
  }
  return fake
}
