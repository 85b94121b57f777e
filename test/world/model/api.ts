// The HTTP side of the model stand-in: authorization, routes and the form of errors. server.ts calls it for every request.
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { z } from 'zod'
import { countTokens } from './cache.ts'
import type { ModelCall } from './calls.ts'
import { findModel, models, toModelAnswer } from './models.ts'
import { toErrorAnswer } from './request.ts'
import type { Problem } from './request.ts'
import { takeTurn } from './turn.ts'
import type { World } from './turn.ts'

const MAX_BODY_BYTES = 32_000_000

export type ApiOptions = { apiKey: string; log?: (line: string) => void }

export async function answerRequest(
  world: World,
  options: ApiOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const startedMs = performance.now()
  const path = new URL(request.url ?? '/', 'http://model').pathname
  const requestId = `req_${randomUUID().replaceAll('-', '').slice(0, 24)}`
  response.setHeader('request-id', requestId)
  const gone = new AbortController()
  response.on('close', () => gone.abort())
  const call = emptyCall(path, String(request.headers['anthropic-beta'] ?? ''))
  if (path.startsWith('/v1/messages')) world.log.add(call)
  const problem =
    findBadHeader(request, options.apiKey) ?? (await route(world, request, response, call, gone.signal))
  call.durationMs = Math.round(performance.now() - startedMs)
  if (problem !== null) {
    Object.assign(call, { status: problem.status, error: problem.message })
    if (problem.offence) world.log.offend(`${call.plan ?? '-'}: ${problem.message}`)
    if (problem.retryAfterS !== undefined) response.setHeader('retry-after', problem.retryAfterS)
    sendJson(response, problem.status, toErrorAnswer(problem, requestId))
  }
  options.log?.(
    `model ${request.method} ${path} ${call.status} plan=${call.plan ?? '-'} place=${call.place ?? '-'}`,
  )
}

function findBadHeader(request: IncomingMessage, apiKey: string): Problem | null {
  const bearer = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1]
  const key = bearer ?? request.headers['x-api-key']
  if (key !== apiKey) {
    const message =
      key === undefined ? 'Authorization: a bearer key is required' : 'invalid bearer token or x-api-key'
    return { status: 401, message, offence: false }
  }
  return request.headers['anthropic-version'] === undefined
    ? { status: 400, message: 'anthropic-version: header is required', offence: true }
    : null
}

async function route(
  world: World,
  request: IncomingMessage,
  response: ServerResponse,
  call: ModelCall,
  signal: AbortSignal,
): Promise<Problem | null> {
  const notFound = { status: 404, message: `${request.method} ${call.path} not found`, offence: true }
  if (request.method === 'GET') {
    if (call.path === '/v1/models') return sendJson(response, 200, toModelList())
    const id = /^\/v1\/models\/([^/]+)$/.exec(call.path)?.[1]
    if (id === undefined) return notFound
    const model = findModel(decodeURIComponent(id))
    // Asking for an unknown model breaks no rule.
    if (model === undefined) return { status: 404, message: `model: ${id}`, offence: false }
    return sendJson(response, 200, toModelAnswer(model))
  }
  if (request.method !== 'POST' || !['/v1/messages', '/v1/messages/count_tokens'].includes(call.path))
    return notFound
  const text = await readBody(request)
  if (text === null) return { status: 413, message: 'Request exceeds the maximum size', offence: true }
  const body = parseJson(text)
  if (body === undefined) return { status: 400, message: 'The request body is not valid JSON', offence: true }
  call.body = body
  if (call.path === '/v1/messages') return takeTurn(world, { body, call, response, signal })
  call.about = 'count_tokens'
  return countRequest(response, body, call)
}

const Countable = z.looseObject({
  model: z.string(),
  messages: z.array(z.unknown()).min(1),
  system: z.unknown().optional(),
  tools: z.unknown().optional(),
})

function countRequest(response: ServerResponse, body: unknown, call: ModelCall): Problem | null {
  const parsed = Countable.safeParse(body)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    return { status: 400, message: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`, offence: true }
  }
  const { model, messages, system, tools } = parsed.data
  Object.assign(call, { model, messages: messages.length })
  if (findModel(model) === undefined) return { status: 404, message: `model: ${model}`, offence: true }
  const tokens = countTokens([tools, system, messages])
  call.status = 200
  return sendJson(response, 200, { input_tokens: tokens, context_management: null })
}

function toModelList(): Record<string, unknown> {
  const ids = { first_id: models[0]?.id ?? null, last_id: models.at(-1)?.id ?? null }
  return { data: models.map(toModelAnswer), has_more: false, next_page: null, ...ids }
}

function sendJson(response: ServerResponse, status: number, body: Record<string, unknown>): null {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  return null
}

async function readBody(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request) {
    const buffer = Buffer.from(chunk)
    bytes += buffer.length
    if (bytes > MAX_BODY_BYTES) return null
    chunks.push(buffer)
  }
  return Buffer.concat(chunks).toString()
}

/** Returns undefined when the text is not JSON; JSON itself has no such value. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function emptyCall(path: string, betas: string): ModelCall {
  return {
    at: new Date().toISOString(),
    path,
    plan: null,
    planSha256: null,
    about: 'other',
    place: null,
    model: null,
    betas,
    status: null,
    error: null,
    stream: false,
    messages: 0,
    tools: [],
    stopReason: null,
    ended: null,
    usage: null,
    usd: 0,
    durationMs: 0,
  }
}
