import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { keyProblem } from '../../../src/gateway/model/json-keys.ts'
import { checkModelRequest } from '../../../src/gateway/model/model-request.ts'

const user = { role: 'user', content: 'hi' }
const OK = { model: 'claude-opus-5-5', max_tokens: 1_000, messages: [user] }

function judge(
  body: unknown,
  headers: { version?: string; beta?: string } = {},
  kind: 'messages' | 'count_tokens' = 'messages',
) {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return checkModelRequest({
    kind,
    body: new TextEncoder().encode(text),
    version: headers.version ?? '2026-10-21',
    beta: headers.beta ?? null,
  })
}
const withBlock = (block: object) => ({ ...OK, messages: [{ role: 'user', content: [block] }] })
const tool = {
  name: 'bash',
  description: 'runs',
  input_schema: { type: 'object', additionalProperties: false },
}

describe('checkModelRequest takes', () => {
  const cache = { type: 'ephemeral', ttl: '1h' }
  it.each<[string, object]>([
    ['the least', OK],
    [
      'a system of blocks, caching and effort',
      {
        ...OK,
        system: [{ type: 'text', text: 's', cache_control: cache }],
        cache_control: cache,
        thinking: { type: 'adaptive', display: 'updates' },
        output_config: { effort: 'high', task_budget: { type: 'tokens', total: 20_000 } },
      },
    ],
    [
      'custom tools',
      {
        ...OK,
        tools: [tool, { ...tool, type: 'custom', strict: true, cache_control: cache }],
        tool_choice: { type: 'auto' },
      },
    ],
    [
      'an image in a tool result',
      withBlock({
        type: 'tool_result',
        tool_use_id: 't',
        is_error: false,
        content: [
          { type: 'text', text: 'x' },
          { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AA==' } },
        ],
      }),
    ],
    [
      'what the API said before',
      {
        ...OK,
        messages: [
          user,
          {
            role: 'assistant',
            content: [
              { type: 'thinking', thinking: '', signature: 's' },
              { type: 'redacted_thinking', data: 'd' },
              { type: 'text', text: 'x', citations: null },
              {
                type: 'tool_use',
                id: 'i',
                name: 'bash',
                input: { any: [{ thing: 1 }] },
                caller: { type: 'direct' },
              },
              { type: 'compaction', content: 'c', signature: null },
            ],
          },
        ],
      },
    ],
    [
      'structured output',
      { ...OK, output_config: { format: { type: 'json_schema', schema: { any: 'thing' } } } },
    ],
    [
      'a note of the system in mid-conversation',
      { ...OK, messages: [user, { role: 'system', content: 'note' }] },
    ],
  ])('%s', (_name, body) => {
    expect(judge(body)).toMatchObject({ ok: true, model: 'claude-opus-5-5' })
  })

  it('counts a stream, and doubles the worst case for a compaction', () => {
    const [plain, compacting] = [
      judge({ ...OK, stream: true }),
      judge({ ...OK, compaction: { type: 'summarize' } }),
    ]
    expect(plain).toMatchObject({ stream: true })
    if (!plain.ok || !compacting.ok) throw new Error('refused')
    expect(compacting.worstCaseUsd).toBeGreaterThan(plain.worstCaseUsd * 1.9)
  })

  it('a count of tokens, which has no max_tokens and costs nothing', () => {
    const { max_tokens: _, ...count } = OK
    expect(judge(count, {}, 'count_tokens')).toMatchObject({ ok: true, worstCaseUsd: 0 })
  })

  it('known betas, and leaves the one for threads out', () => {
    const judged = judge(OK, {
      beta: 'message-threads-2026-08-12, compact-2026-09-04,,task-budgets-2026-03-13',
    })
    expect(judged).toMatchObject({ betas: ['compact-2026-09-04', 'task-budgets-2026-03-13'] })
  })
})

describe('checkModelRequest refuses by name', () => {
  it.each<[string, unknown]>([
    ['speed', { ...OK, speed: 'fast' }],
    ['container', { ...OK, container: 'c' }],
    ['mcp_servers', { ...OK, mcp_servers: [] }],
    ['fallbacks', { ...OK, fallbacks: 'default' }],
    ['inference_geo', { ...OK, inference_geo: 'us' }],
    ['context_management', { ...OK, context_management: {} }],
    ['billing_policy', { ...OK, billing_policy: {} }],
    ['fallback_credit_token', { ...OK, fallback_credit_token: 'x' }],
    ['workspace_id', { ...OK, workspace_id: 'x' }],
    ['betas', { ...OK, betas: [] }],
    ['__proto__', JSON.stringify(OK).replace('{', '{"__proto__":{"speed":"fast"},')],
    ['service_tier', { ...OK, service_tier: 'auto' }],
    ['max_tokens', { ...OK, max_tokens: 128_001 }],
    ['max_tokens', { ...OK, max_tokens: -1 }],
    ['max_tokens', { ...OK, max_tokens: undefined }],
    ['model', { ...OK, model: 'claude-unknown' }],
    ['model', { ...OK, model: ['claude-opus-5-5'] }],
    ['messages', { ...OK, messages: [] }],
    ['messages.0.role', { ...OK, messages: [{ role: 'tool', content: 'x' }] }],
    ['messages.0.extra', { ...OK, messages: [{ ...user, extra: 1 }] }],
    ['messages.0.content.0.type', withBlock({ type: 'document', source: { type: 'url', url: 'x' } })],
    ['messages.0.content.0.type', withBlock({ type: 'server_tool_use', id: 'x' })],
    ['messages.0.content.0.type', withBlock({ type: 'container_upload', file_id: 'x' })],
    ['messages.0.content.0.source.type', withBlock({ type: 'image', source: { type: 'url', url: 'x' } })],
    [
      'messages.0.content.0.source.type',
      withBlock({ type: 'image', source: { type: 'file', file_id: 'x' } }),
    ],
    [
      'messages.0.content.0.content.0.type',
      withBlock({ type: 'tool_result', tool_use_id: 't', content: [{ type: 'document' }] }),
    ],
    [
      'messages.0.content.0.caller.type',
      withBlock({
        type: 'tool_use',
        id: 'i',
        name: 'n',
        input: {},
        caller: { type: 'code_execution_20250825' },
      }),
    ],
    ['tools.0.type', { ...OK, tools: [{ type: 'web_search_20260318', name: 'web_search' }] }],
    ['tools.0.type', { ...OK, tools: [{ type: 'bash_20250124', name: 'bash' }] }],
    ['tools.0.input_schema', { ...OK, tools: [{ name: 'x' }] }],
    [
      'tools.0.allowed_callers',
      { ...OK, tools: [{ ...tool, allowed_callers: ['code_execution_20260120'] }] },
    ],
    ['thinking.type', { ...OK, thinking: { type: 'between_tools' } }],
    ['cache_control.ttl', { ...OK, cache_control: { type: 'ephemeral', ttl: '30d' } }],
  ])('%s', (field, body) => {
    const judged = judge(body)
    expect(judged).toMatchObject({ ok: false })
    expect(judged.ok ? '' : judged.message).toMatch(new RegExp(`^${field.replaceAll('.', '\\.')}: `))
  })

  it.each([
    ['an unknown beta', { beta: 'files-api-2025-04-14' }, 'anthropic-beta: "files-api-2025-04-14"'],
    [
      'a known and an unknown beta',
      { beta: 'compact-2026-09-04,fast-mode-2026-02-01' },
      'fast-mode-2026-02-01',
    ],
    ['an unknown version', { version: '2030-01-01' }, 'anthropic-version'],
  ])('%s', (_name, headers, said) => {
    const judged = judge(OK, headers)
    expect(judged.ok ? '' : judged.message).toContain(said)
  })

  it.each([
    [
      'a repeated field',
      JSON.stringify(OK).replace('{', '{"model":"claude-haiku-5-5",'),
      '"model" occurs twice',
    ],
    [
      'a repeated field in disguise',
      JSON.stringify(OK).replace('{', '{"m\\u006fdel":"claude-haiku-5-5",'),
      '"model" occurs twice',
    ],
    [
      'a repeated field deep inside',
      JSON.stringify(OK).replace('"hi"', '"hi","content":[]'),
      '"content" occurs twice',
    ],
    ['no JSON', 'hello', 'not JSON'],
    ['a byte order mark', `\uFEFF${JSON.stringify(OK)}`, 'not JSON'],
    ['an array', '[]', 'The body'],
    ['null', 'null', 'The body'],
    ['300 levels', `${'['.repeat(300)}${']'.repeat(300)}`, 'nested too deeply'],
  ])('%s', (_name, body, said) => {
    const judged = judge(body)
    expect(judged.ok ? '' : judged.message).toContain(said)
  })

  it('bytes that are not UTF-8', () => {
    const body = Uint8Array.of(0x22, 0xff, 0x22)
    expect(checkModelRequest({ kind: 'messages', body, version: null, beta: null }).ok).toBe(false)
  })

  it('threads, with the code that makes the SDK go on without them', () => {
    expect(
      judge({ ...OK, thread: { type: 'create' } }, { beta: 'message-threads-2026-08-12' }),
    ).toMatchObject({
      ok: false,
      code: 'thread_unsupported_request',
    })
  })

  it('a name it repeats only after making it harmless', () => {
    const judged = judge({ ...OK, 'x\u202e<script>\n': 1 })
    expect(judged.ok ? '' : judged.message).toMatch(/^[\x20-\x7e]+$/)
  })
})

describe('keyProblem', () => {
  it('has nothing against any JSON that was written by a serializer', () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        expect(keyProblem(json)).toBeNull()
      }),
    )
  })

  it('finds a key that was written twice, wherever it stands', () => {
    fc.assert(
      fc.property(fc.string(), fc.json(), fc.json(), (key, one, other) => {
        const name = JSON.stringify(key)
        const json = `[{"a":[{${name} : ${one},\n${name}:${other}}]}]`
        expect(keyProblem(json)).toEqual({ kind: 'repeated', key })
      }),
    )
  })
})
