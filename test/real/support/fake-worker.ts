// A small fake of the Worker for the agent: /vm/sync answers from a table of plans, /vm/git runs the real git http-backend,
// /vm/model goes to the scripted model. It keeps every request, so that tests can look at what really arrived.
import { createServer, request as httpRequest } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createHash, randomBytes } from 'node:crypto'
import { BUDGET_USED_HEADER, SyncRequest } from '../../../src/shared/protocol.ts'
import type { DesiredPlan, EventLine, ObservedPlan, SyncResponse } from '../../../src/shared/protocol.ts'
import { spentOn } from '../../../src/gateway/model/usage.ts'
import { createUsageReader, readMessageUsage } from '../../../src/shared/usage.ts'
import type { Spent } from '../../../src/gateway/model/usage.ts'
import { agentNamedNow, deliverAgent } from './agent-delivery.ts'
import type { AgentVersion } from './agent-delivery.ts'
import { serveGit } from './git-backend.ts'

export const VM_KEY = 'aer_vm_test-key-0123456789.signature'
export const MODEL_KEY = 'sk-ant-test-key'
export const WORKSPACE = 'sample'

export interface FakePlan {
  desired: DesiredPlan
  text: string
  observed: ObservedPlan | null
  events: EventLine[]
}

export interface FakeWorker {
  url: string
  plans: Map<string, FakePlan>
  syncs: SyncRequest[]
  modelBodies: string[]
  /** Bodies of the judge's requests, which come from the proof. */
  judgeBodies: string[]
  pushes: string[]
  /** Answers for the next syncs instead of the usual one; a number is a refusal with that status. */
  nextAnswers: ((usual: SyncResponse) => SyncResponse | number | Promise<number>)[]
  /** Returns a status to send instead of the answer, although the request is processed: a lost answer. */
  loseAnswer: ((request: SyncRequest) => number | null) | null
  /** Sees a request to the model first. Returns true when it has answered itself. */
  interceptModel: ((request: IncomingMessage, response: ServerResponse, body: string) => boolean) | null
  /** Sees a git request first. Returns true when it has answered itself. */
  interceptGit: ((path: string, response: ServerResponse) => boolean) | null
  /** Sees a push before git does and may delay it or kill processes. What it returns is called when git has answered. */
  onPush: (() => Promise<(() => void) | void>) | null
  /** Answers a question about a model, which costs nothing. */
  interceptModels: ((response: ServerResponse) => void) | null
  /** What the gateway's own usage reader counts for each answer. */
  spent: Spent[]
  /** The used share of the budget, sent as a header with each answer. */
  budgetUsed: number | null
  nonce: string
  agentSha256: string
  agentFile: Buffer | null
  /** Versions of the Worker that answer in turn, separately for syncs and downloads. Empty: agentSha256 and agentFile are used. */
  versions: AgentVersion[]
  /** Every download: the requested version and the answer's status. */
  agentFetches: { sha256: string; status: number }[]
  /** How long an idle supervisor waits until its next sync; null: until the doorbell rings. */
  idleSyncMs: number | null
  adopted: Map<string, string>
  submit(text: string, extra?: Partial<DesiredPlan>): FakePlan
  /** Marks a change: later answers carry a newer revision. */
  touch(): void
  close(): Promise<void>
}

export async function startFakeWorker(options: {
  repo: string
  modelUrl: string
  agentSha256: string
}): Promise<FakeWorker> {
  let revision = 1
  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      response.statusCode = 500
      response.end(String(error))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // A listening TCP server has an address with a port.
  const { port } = server.address() as AddressInfo
  const worker: FakeWorker = {
    url: `http://127.0.0.1:${port}`,
    plans: new Map(),
    syncs: [],
    modelBodies: [],
    judgeBodies: [],
    pushes: [],
    nextAnswers: [],
    loseAnswer: null,
    interceptModel: null,
    interceptModels: null,
    interceptGit: null,
    onPush: null,
    spent: [],
    budgetUsed: null,
    nonce: '',
    agentSha256: options.agentSha256,
    agentFile: null,
    versions: [],
    agentFetches: [],
    idleSyncMs: null,
    adopted: new Map(),
    touch: () => void revision++,
    submit(text, extra = {}) {
      const id = newPlanId()
      const desired: DesiredPlan = {
        id,
        attempt: 1,
        want: 'run',
        final: false,
        removeCheckout: false,
        title: text.split('\n')[0]?.slice(0, 120) ?? '',
        branch: `agent/${id}`,
        base: 'main',
        checks: [],
        model: 'claude-opus-5-5',
        effort: 'high',
        onQuestion: 'pause',
        budgetUsd: 10,
        textSha256: createHash('sha256').update(text).digest('hex'),
        planToken: `aer_plan_${id}.token-${randomBytes(8).toString('hex')}`,
        messages: [],
        ackedEvent: 0,
        ...extra,
      }
      const plan: FakePlan = { desired, text, observed: null, events: [] }
      worker.plans.set(id, plan)
      worker.touch()
      return plan
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return worker

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? '/', worker.url).pathname
    if (path === '/vm/sync') return answerSync(request, response)
    // Uploaded diffs for plan_diff are accepted and dropped.
    if (path === '/vm/diff') return void request.resume().once('end', () => response.end())
    if (path === '/vm/ralph.mjs') return deliverAgent(worker, request, response)
    if (path.startsWith(`/vm/git/${WORKSPACE}.git/`)) {
      if (!isKnown(request)) return refuse(response, 401, 'token_revoked')
      if (worker.interceptGit?.(request.url ?? '', response) === true) return
      if (path.endsWith('/git-receive-pack')) {
        worker.pushes.push(request.headers.authorization ?? '')
        const afterwards = await worker.onPush?.()
        if (afterwards !== undefined) response.once('finish', afterwards)
      }
      return serveGit({
        request,
        response,
        repo: options.repo,
        path: path.slice(`/vm/git/${WORKSPACE}.git`.length),
      })
    }
    if (path.startsWith('/vm/model/')) return forwardModel(request, response, path.slice('/vm/model'.length))
    response.statusCode = 404
    response.end()
  }

  function isKnown(request: IncomingMessage): boolean {
    const token = (request.headers.authorization ?? '').replace('Bearer ', '')
    return token === VM_KEY || [...worker.plans.values()].some((plan) => plan.desired.planToken === token)
  }

  async function answerSync(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = SyncRequest.parse(JSON.parse(await readBody(request)))
    if (request.headers.authorization !== `Bearer ${VM_KEY}`) return refuse(response, 401, 'unknown key')
    worker.syncs.push(body)
    if (body.nonce !== worker.nonce) return refuse(response, 409, 'stale_nonce')
    for (const observed of body.plans) observe(observed)
    const usual = answer(body)
    const given = worker.loseAnswer?.(body) ?? (await worker.nextAnswers.shift()?.(usual)) ?? usual
    if (typeof given === 'number') return refuse(response, given, 'as the test wants it')
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(given))
  }

  function observe(observed: ObservedPlan): void {
    const plan = worker.plans.get(observed.id)
    if (plan === undefined || observed.attempt !== plan.desired.attempt) return
    for (const event of observed.events) if (event.n > plan.desired.ackedEvent) plan.events.push(event)
    plan.desired.ackedEvent = Math.max(plan.desired.ackedEvent, ...observed.events.map(({ n }) => n))
    plan.observed = observed
  }

  function answer(body: SyncRequest): SyncResponse {
    const adopted = body.adopted.map(({ ref, text }) => {
      const id = worker.adopted.get(ref) ?? worker.submit(text).desired.id
      worker.adopted.set(ref, id)
      return { ref, id, title: text.slice(0, 120) }
    })
    const plans = [...worker.plans.values()]
    return {
      protocol: 1,
      revision,
      plans: plans.map(({ desired }) => desired),
      texts: plans
        .filter(({ desired }) => body.wantTexts.includes(desired.id))
        .map(({ desired, text }) => ({ id: desired.id, text })),
      adopted,
      agentSha256: agentNamedNow(worker),
      refreshMirror: false,
      nextSyncMs: plans.some(({ desired, observed }) => desired.want === 'run' && observed?.end === undefined)
        ? 200
        : worker.idleSyncMs,
    }
  }

  function countSpent(answered: IncomingMessage, body: string): void {
    if (answered.statusCode !== 200 || body === '') return
    const { model } = JSON.parse(body) as { model: string }
    const isStream = (answered.headers['content-type'] ?? '').includes('event-stream')
    const reader = createUsageReader()
    const chunks: Buffer[] = []
    answered.on('data', (chunk: Buffer) => (isStream ? reader.read(chunk) : void chunks.push(chunk)))
    answered.on('close', () => {
      const usage = isStream ? reader.result().usage : readMessageUsage(Buffer.concat(chunks))
      if (usage !== null) worker.spent.push(spentOn(model, usage))
    })
  }

  async function forwardModel(
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
  ): Promise<void> {
    const body = await readBody(request)
    if (!isKnown(request)) return refuse(response, 401, 'token_revoked')
    if (request.method === 'GET' && worker.interceptModels !== null) return worker.interceptModels(response)
    if (request.method === 'POST') {
      const isJudge = body.includes('"json_schema"') && !body.includes('"tools":')
      ;(isJudge ? worker.judgeBodies : worker.modelBodies).push(body)
      if (worker.interceptModel?.(request, response, body) === true) return
    }
    const upstream = httpRequest(
      `${options.modelUrl}${path}`,
      {
        method: request.method,
        headers: {
          'content-type': 'application/json',
          authorization: `Bearer ${MODEL_KEY}`,
          ...versionOf(request),
        },
      },
      (answered) => {
        const used = worker.budgetUsed === null ? {} : { [BUDGET_USED_HEADER]: worker.budgetUsed.toFixed(4) }
        response.writeHead(answered.statusCode ?? 502, { ...answered.headers, ...used })
        answered.on('error', () => response.destroy())
        countSpent(answered, body)
        answered.pipe(response)
      },
    )
    upstream.on('error', () => response.destroy())
    response.on('close', () => upstream.destroy())
    upstream.end(body)
  }
}

export function refuse(
  response: ServerResponse,
  status: number,
  type: string,
  message = `Refused: ${type}.`,
): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ type: 'error', error: { type, message } }))
}

function versionOf({ headers }: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      name.startsWith('anthropic-') && typeof value === 'string' ? [[name, value]] : [],
    ),
  )
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks).toString('utf8')
}

function newPlanId(): string {
  const hex = randomBytes(16).toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`
}
