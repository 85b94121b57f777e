// Checks a model call before it costs anything: what it asks for, by the allow-list of model-schema.ts, and what it may cost.
// Pure: bytes and headers in, a decision out. The bytes themselves are forwarded as they came.
import type { z } from 'zod'
import { keyProblem } from './json-keys.ts'
import { ALLOWED_BETAS, API_VERSIONS, CountBody, DROPPED_BETAS, MessagesBody } from './model-schema.ts'
import { worstCaseUsd } from '../../lib/prices.ts'
import { decodeUtf8, parseJson } from '../../shared/json.ts'

export type CheckedModelRequest =
  | {
      ok: true
      model: string
      stream: boolean
      /** The most an answer to this body can cost, in dollars. */
      worstCaseUsd: number
      maxTokens: number
      /** The dollars a compaction may add to the cost of the message itself. */
      compactionUsd: number
      version: string
      betas: string[]
    }
  /** `message` names the field. `code` is set for threads: the SDK then continues without them. */
  | { ok: false; message: string; code?: 'thread_unsupported_request' }

export interface CheckInput {
  kind: 'messages' | 'count_tokens'
  body: Uint8Array
  /** The anthropic-version and anthropic-beta headers as they came. */
  version: string | null
  beta: string | null
}

export function checkModelRequest({ kind, body, version, beta }: CheckInput): CheckedModelRequest {
  const text = decodeUtf8(body)
  const parsed = text === null ? undefined : parseJson(text)
  if (text === null || parsed === undefined) return refuse('The body is not JSON in UTF-8.')
  const keys = keyProblem(text)
  if (keys?.kind === 'depth') return refuse('The body is nested too deeply.')
  if (keys !== null) return refuse(`The field "${show(keys.key)}" occurs twice in one object.`)
  if (isThreaded(parsed))
    return {
      ok: false,
      message: 'thread: message threads are not offered here.',
      code: 'thread_unsupported_request',
    }

  const headers = checkHeaders(version, beta)
  if (typeof headers === 'string') return refuse(headers)
  if (kind === 'count_tokens') {
    const counted = CountBody.safeParse(parsed)
    if (!counted.success) return refuse(explain(counted.error.issues))
    const free = { stream: false, worstCaseUsd: 0, maxTokens: 0, compactionUsd: 0 }
    return { ok: true, ...headers, model: counted.data.model, ...free }
  }
  const judged = MessagesBody.safeParse(parsed)
  if (!judged.success) return refuse(explain(judged.error.issues))
  const { model, stream, max_tokens: maxTokens, compaction } = judged.data
  const compacts = compaction !== undefined && compaction !== null
  const images = countImages(judged.data.messages)
  const usd = worstCaseUsd({ model, bodyBytes: body.byteLength, images, maxTokens, compacts })
  const costs = { worstCaseUsd: usd, maxTokens, compactionUsd: compacts ? usd / 2 : 0 }
  return { ok: true, ...headers, model, stream: stream === true, ...costs }
}

/** Counts images beside the bytes, because a few bytes of an image may be thousands of tokens. */
function countImages(messages: z.infer<typeof MessagesBody>['messages']): number {
  const blocks = messages.flatMap(({ content }) => (typeof content === 'string' ? [] : content))
  const inside = blocks.flatMap((block) =>
    block.type === 'tool_result' && Array.isArray(block.content) ? block.content : [block],
  )
  return inside.filter(({ type }) => type === 'image').length
}

function refuse(message: string): CheckedModelRequest {
  return { ok: false, message }
}

/** True when the body has a thread. Null counts too, though the API reads it as "without a thread": unknown fields are refused. */
function isThreaded(parsed: unknown): boolean {
  return typeof parsed === 'object' && parsed !== null && Object.hasOwn(parsed, 'thread')
}

/** Returns the headers that go upstream, or why the call is refused. */
export function checkHeaders(
  version: string | null,
  beta: string | null,
): { version: string; betas: string[] } | string {
  const named = version ?? '2023-06-01'
  if (!API_VERSIONS.has(named)) return `anthropic-version: "${show(named)}" is not known here.`
  const asked = (beta ?? '')
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '' && !DROPPED_BETAS.has(one))
  const unknown = asked.find((one) => !ALLOWED_BETAS.has(one))
  return unknown === undefined
    ? { version: named, betas: asked }
    : `anthropic-beta: "${show(unknown)}" is not offered here.`
}

type Issue = z.core.$ZodIssue

/** Returns one sentence that names the field. In a union, the branch that got furthest is reported. */
function explain(issues: readonly Issue[]): string {
  const issue = issues[0]
  if (issue === undefined) return 'The body is not a request of the Messages API.'
  const { path, text } = deepest(issue, [])
  const field = path.length === 0 ? 'The body' : path.map(String).map(show).join('.')
  return `${field}: ${text}.`
}

function deepest(issue: Issue, above: PropertyKey[]): { path: PropertyKey[]; text: string } {
  const path = [...above, ...issue.path]
  if (issue.code === 'invalid_union') {
    const branches = issue.errors.flatMap((branch) => branch.slice(0, 1).map((one) => deepest(one, path)))
    const furthest = branches.toSorted((a, b) => b.path.length - a.path.length)[0]
    if (furthest !== undefined && furthest.path.length > path.length) return furthest
    return { path, text: 'this type is not offered here' }
  }
  if (issue.code === 'unrecognized_keys')
    return { path: [...path, issue.keys[0] ?? ''], text: 'this field is not offered here' }
  if (issue.code === 'invalid_value') return { path, text: 'this value is not offered here' }
  // Our own check (the model's name) has a readable text; zod's other messages name types, never values.
  return { path, text: issue.message.replace(/\.$/, '') }
}

/** Makes a foreign name safe inside a sentence. */
const show = (name: string): string => name.replaceAll(/[^A-Za-z0-9_.-]/g, '?').slice(0, 60)
