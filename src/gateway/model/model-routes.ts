// The model API for a plan: model-request.ts checks the call, the object's budget allows it, it goes on byte for byte with the
// real key, and model-stream.ts streams the answer. Refusals have the API's own error shape, so that its SDK raises typed errors.
import type { PlanClaims } from '../../auth/vm-token.ts'
import { SettingsError } from '../../lib/errors.ts'
import { readCapped } from '../../lib/http.ts'
import { BUDGET_USED_HEADER } from '../../shared/protocol.ts'
import type { DenyReason } from '../../workspace/contract.ts'
import { answer, modelError } from '../frame/answers.ts'
import type { GatewayContext, GatewayRpc, Handle, Handled } from '../frame/context.ts'
import { denial } from '../frame/denials.ts'
import { deadlineSignal, settleLease, watchModel } from '../frame/lease-watch.ts'
import { checkHeaders, checkModelRequest } from './model-request.ts'
import type { CheckedModelRequest } from './model-request.ts'
import { relayMessage } from './model-stream.ts'
import { askModel, isModelThere, modelRefusal, passedHeaders } from './upstream-model.ts'

const MAX_BODY_BYTES = 20_000_000
const MAX_FREE_ANSWER_BYTES = 2_000_000
const MODELS_PATH = /^\/vm\/model\/v1\/models(?:\/([A-Za-z0-9][A-Za-z0-9._-]{0,99}))?$/

export const handleModel: Handle<PlanClaims> = async (request, claims, context) => {
  if (context.settings.anthropicApiKey === '')
    throw new SettingsError('ANTHROPIC_API_KEY is not set: `npx wrangler secret put ANTHROPIC_API_KEY`.')
  const { pathname } = new URL(request.url)
  const route = `${request.method} ${pathname}`
  if (route === 'POST /vm/model/v1/messages') return messages(request, claims, context)
  if (route === 'POST /vm/model/v1/messages/count_tokens') return countTokens(request, claims, context)
  if (request.method === 'GET' && MODELS_PATH.test(pathname)) return models(request, claims, context)
  return refused(
    404,
    'not_found_error',
    'Only messages, count_tokens and models are offered here.',
    'no_route',
  )
}

async function messages(request: Request, claims: PlanClaims, context: GatewayContext): Promise<Handled> {
  const read = await checkBody('messages', request)
  if ('response' in read) return read
  const { body, judged } = read
  const rpc = await context.workspace(claims.workspace)
  const right = await rpc.authorize(claims, { kind: 'model', worstCaseUsd: judged.worstCaseUsd })
  if (!right.ok) return denied(right.reason)
  const { leaseId, deadlineMs } = right
  const watch = watchModel({ rpc, leaseId, deadlineMs, nowMs: context.nowMs })
  const { version, betas } = judged
  // An outage then costs one unanswered call, not one for each retry.
  if (right.probeFirst && !(await isModelThere(context, judged, watch.signal))) {
    watch.stop()
    await settleLease(rpc, leaseId, { kind: 'refused_upstream', detail: 'not sent' })
    return unreachable()
  }
  let response: Response
  try {
    // A client that hangs up does not end this call, because only the upstream's first event says what the call costs.
    const { signal } = watch
    response = await askModel(context, { path: '/v1/messages', method: 'POST', version, betas, body, signal })
  } catch {
    // It was cut before the upstream answered, so its cost is unknown and the object charges it in full.
    watch.stop()
    await settleLease(rpc, leaseId, { kind: 'unknown' })
    return watch.ended() === null ? unreachable() : denied('plan_not_running')
  }
  if (response.status !== 200) {
    const refusal = await modelRefusal(response)
    watch.stop()
    const detail = `model API ${response.status}`
    await settleLease(
      rpc,
      leaseId,
      refusal.mayHaveCost ? { kind: 'unknown' } : { kind: 'refused_upstream', detail },
    )
    return { response: refusal.answer, outcome: `upstream_${response.status}` }
  }
  const used = right.budgetUsed === undefined ? {} : { [BUDGET_USED_HEADER]: right.budgetUsed.toFixed(4) }
  const relayed = relayMessage({ response, judged, leaseId, rpc, watch, clientGone: request.signal })
  const type = judged.stream ? 'text/event-stream; charset=utf-8' : 'application/json'
  return {
    response: answer(200, type, relayed.readable, { ...passedHeaders(response), ...used }),
    outcome: 'passed',
    done: relayed.done,
  }
}

async function countTokens(request: Request, claims: PlanClaims, context: GatewayContext): Promise<Handled> {
  const read = await checkBody('count_tokens', request)
  if ('response' in read) return read
  const { body, judged } = read
  return free({ claims, context, path: '/v1/messages/count_tokens', method: 'POST', body, ...judged })
}

/** Returns the list of models and their limits; this costs nothing. */
async function models(request: Request, claims: PlanClaims, context: GatewayContext): Promise<Handled> {
  const url = new URL(request.url)
  const id = MODELS_PATH.exec(url.pathname)?.[1]
  const judged = checkHeaders(request.headers.get('anthropic-version'), request.headers.get('anthropic-beta'))
  if (typeof judged === 'string') return refused(400, 'invalid_request_error', judged, 'request_refused')
  const query = new URLSearchParams()
  for (const name of ['limit', 'after_id', 'before_id']) {
    const value = url.searchParams.get(name)
    if (value !== null && /^[A-Za-z0-9._-]{1,100}$/.test(value)) query.set(name, value)
  }
  const path = `/v1/models${id === undefined ? '' : `/${encodeURIComponent(id)}`}`
  const suffix = query.size === 0 ? '' : `?${query.toString()}`
  return free({ claims, context, path: `${path}${suffix}`, method: 'GET', ...judged })
}

interface FreeInput {
  claims: PlanClaims
  context: GatewayContext
  path: string
  method: 'GET' | 'POST'
  body?: Uint8Array<ArrayBuffer>
  version: string
  betas: string[]
}

async function free({ claims, context, path, method, body, version, betas }: FreeInput): Promise<Handled> {
  const rpc: GatewayRpc = await context.workspace(claims.workspace)
  const right = await rpc.authorize(claims, { kind: 'model_free' })
  if (!right.ok) return denied(right.reason)
  const signal = deadlineSignal(context, Math.min(right.deadlineMs, context.nowMs() + FREE_TIMEOUT_MS))
  let response: Response
  try {
    const sent = body === undefined ? {} : { body }
    response = await askModel(context, { path, method, version, betas, signal, ...sent })
  } catch {
    return unreachable()
  } finally {
    context.waitUntil(settleLease(rpc, right.leaseId, { kind: 'read' }))
  }
  if (response.status !== 200)
    return { response: (await modelRefusal(response)).answer, outcome: `upstream_${response.status}` }
  const bytes = await readCapped(response.body, MAX_FREE_ANSWER_BYTES)
  if (bytes === null) return refused(502, 'api_error', 'The model API answered too much.', 'too_long')
  return { response: answer(200, 'application/json', bytes, passedHeaders(response)), outcome: 'free' }
}

const FREE_TIMEOUT_MS = 30_000

type Judged = Extract<CheckedModelRequest, { ok: true }>

async function checkBody(
  kind: 'messages' | 'count_tokens',
  request: Request,
): Promise<{ body: Uint8Array<ArrayBuffer>; judged: Judged } | Handled> {
  if ((request.headers.get('content-encoding') ?? 'identity') !== 'identity')
    return refused(415, 'invalid_request_error', 'The body may not be compressed.', 'encoding')
  const body = await readCapped(request.body, MAX_BODY_BYTES)
  if (body === null)
    return refused(
      413,
      'request_too_large',
      `A request may have at most ${MAX_BODY_BYTES} bytes.`,
      'too_large',
    )
  const judged = checkModelRequest({
    kind,
    body,
    version: request.headers.get('anthropic-version'),
    beta: request.headers.get('anthropic-beta'),
  })
  if (judged.ok) return { body, judged }
  const details = judged.code === undefined ? {} : { details: { error_code: judged.code } }
  return {
    response: modelError({
      status: 400,
      type: 'invalid_request_error',
      message: judged.message,
      ...details,
    }),
    outcome: judged.code ?? 'request_refused',
  }
}

/** Never retried, because asking again does not bring the right back. */
function denied(reason: DenyReason): Handled {
  const { status, type, message } = denial(reason)
  return {
    response: modelError({ status, type, message, headers: { 'x-should-retry': 'false' } }),
    outcome: reason,
  }
}

function unreachable(): Handled {
  return refused(502, 'api_error', 'The model API could not be reached. Try again.', 'unreachable')
}

function refused(status: number, type: string, message: string, outcome: string): Handled {
  return { response: modelError({ status, type, message }), outcome }
}
