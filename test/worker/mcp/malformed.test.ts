// Malformed traffic against the whole Worker, generated: never an answer of 500 or above, never a stack trace, a dump of zod
// or anything from inside, never a hang. At least 2,000 cases; the seed is printed, and MALFORMED_SEED repeats a run.
import { env, exports } from 'cloudflare:workers'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { TOOLS } from '../../../src/mcp/tools/index.ts'
import { BASE_URL, JSON_HEADERS } from '../support/mcp-wire.ts'
import { headers, message, method, naughty, params } from '../support/naughty.ts'
import { playOutside, workspaceStub } from '../support/outside.ts'
import { CANARIES } from '../setup/options.ts'

const HANG_MS = 15_000
const DUMP = /\\*"code\\*":\s*\\*"(?:invalid_(?:type|value|format|union)|too_(?:small|big)|unrecognized_keys)/
const INSIDE =
  /\bat .{0,200}\.(?:ts|js|mjs):\d+|node_modules|SQLITE|D1_ERROR|ZodError|TypeError|RangeError|Cannot read propert|Something failed inside|is not a function|Maximum call stack/

const seed = Number(Reflect.get(env, 'MALFORMED_SEED') ?? Date.now() % 2 ** 31)
let cases = 0
let quiet: { mockRestore: () => void } | undefined

beforeAll(async () => {
  playOutside()
  console.info(`malformed traffic: seed ${seed}`)
  quiet = vi.spyOn(console, 'log').mockImplementation(() => {})
  // A workspace and a plan that are there, so that what lies behind the checks of arguments is reached.
  const stub = await workspaceStub('fuzz')
  await stub.register({ name: 'fuzz', gitRemote: 'https://git.test/o/r.git' })
  const { plan } = await stub.submit('fuzz', { plan: 'x' })
  for (const args of Object.values(VALID)) if ('plan_id' in args) args['plan_id'] = plan.id
})
afterAll(() => {
  quiet?.mockRestore()
  console.info(`malformed traffic: ${cases} cases`)
})

/** Everything an answer must be, whatever was asked. */
async function holds(path: string, init: RequestInit): Promise<number> {
  cases += 1
  const request = new Request(`${BASE_URL}${path}`, {
    ...init,
    headers: { ...JSON_HEADERS, host: 'runtime.test', ...Object.fromEntries(new Headers(init.headers)) },
  })
  const answered = async () => {
    const response = await exports.default.fetch(request)
    // A listening stream has no end: its first words are enough.
    const streams = response.headers.get('content-type')?.startsWith('text/event-stream') ?? false
    return { status: response.status, text: streams ? await beginning(response) : await response.text() }
  }
  let timer: ReturnType<typeof setTimeout> | undefined
  const hangs = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('no answer')), HANG_MS)
  })
  const { status, text } = await Promise.race([answered(), hangs]).finally(() => clearTimeout(timer))
  expect(status).toBeGreaterThanOrEqual(200)
  expect(status).toBeLessThan(500)
  expect(text).not.toMatch(INSIDE)
  expect(text).not.toMatch(DUMP)
  for (const secret of Object.values(CANARIES)) expect(text).not.toContain(secret)
  return status
}

async function beginning(response: Response): Promise<string> {
  const reader = response.body?.getReader()
  if (reader === undefined) return ''
  const decoder = new TextDecoder()
  let text = ''
  for (;;) {
    const read = await Promise.race([
      reader.read(),
      // An open stream says nothing for long; what answers a call comes at once.
      new Promise<null>((resolve) => setTimeout(() => resolve(null), 300)),
    ])
    if (read === null || read.done) break
    text += decoder.decode(read.value, { stream: true })
    if (text.includes('\n\n')) break
  }
  await reader.cancel()
  return text
}

/** Values without a prototype have no String. */
const words = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))

const send = (body: BodyInit, more: Record<string, string> = {}) =>
  holds('/mcp', { method: 'POST', body, headers: more })
const run = (numRuns: number) => ({ seed, numRuns, verbose: 1 }) as const

/** A valid call of each tool; one or more of its fields is then spoiled. */
const VALID: Record<string, Record<string, unknown>> = {
  workspace_register: {
    name: 'fuzz',
    git_remote: 'https://git.test/o/r.git',
    branch: 'main',
    vm_id: 'vm-1',
    setup: 'true',
    checks: ['true'],
    max_parallel: 1,
    open_pr: false,
  },
  workspace_update: {
    workspace_id: 'fuzz',
    branch: 'main',
    setup: 'true',
    checks: ['true'],
    max_parallel: 1,
    open_pr: false,
    react_to_feedback: false,
    keep_branch: true,
  },
  workspace_list: { cursor: 'x' },
  workspace_sync: { workspace_id: 'fuzz', cursor: '0' },
  workspace_remove: { workspace_id: 'nobody', delete_vm: true },
  plan_submit: {
    workspace_id: 'fuzz',
    plan: 'x',
    branch_name: 'b',
    base: 'main',
    budget_usd: 1,
    model: 'claude-opus-5-5',
    effort: 'low',
    checks: ['true'],
    on_question: 'assume',
    open_pr: false,
    idempotency_key: 'k',
  },
  plan_status: { plan_id: '00000000-0000-8000-8000-000000000000', wait_seconds: 0, after: 0, limit: 1 },
  plan_list: { workspace_id: 'fuzz', status: 'queued', cursor: 'x', limit: 1 },
  plan_diff: { plan_id: '00000000-0000-8000-8000-000000000000', path: 'a', cursor: '000000000000.1' },
  plan_message: { plan_id: '00000000-0000-8000-8000-000000000000', message: 'm' },
  plan_cancel: { plan_id: '00000000-0000-8000-8000-000000000000' },
  plan_resume: { plan_id: '00000000-0000-8000-8000-000000000000', budget_usd: 1, model: 'claude-opus-5-5' },
}

/** The arguments of a tool with some fields spoiled, dropped or added. */
const spoiled = (args: Record<string, unknown>) =>
  fc
    .tuple(
      fc.subarray(Object.keys(args), { minLength: 1 }),
      fc.array(naughty, { minLength: 12, maxLength: 12 }),
      fc.option(fc.tuple(fc.string({ maxLength: 20 }), naughty)),
    )
    .map(([names, values, extra]) => {
      const changed = { ...args }
      for (const [index, name] of names.entries()) changed[name] = values[index]
      return extra === null ? changed : Object.assign(Object.create(null), changed, { [extra[0]]: extra[1] })
    })

const MODERN = '2026-07-28'
const modernMeta = {
  'io.modelcontextprotocol/protocolVersion': MODERN,
  'io.modelcontextprotocol/clientInfo': { name: 'fuzz', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': { extensions: { 'io.modelcontextprotocol/tasks': {} } },
}
const call = (name: string, args: unknown, isModern: boolean) =>
  send(
    JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name, arguments: args, ...(isModern ? { _meta: modernMeta } : {}) },
    }),
    isModern ? { 'mcp-protocol-version': MODERN, 'mcp-method': 'tools/call', 'mcp-name': name } : {},
  )

describe('malformed traffic', () => {
  it('names every field of every tool', () => {
    for (const { name, input } of TOOLS)
      expect(Object.keys(VALID[name] ?? {}).toSorted()).toEqual(Object.keys(input.shape).toSorted())
  })

  it.each(TOOLS.map(({ name }) => name))(
    'in any field of %s gets a refusal or an answer, in both eras',
    async (name) => {
      await fc.assert(
        fc.asyncProperty(spoiled(VALID[name] ?? {}), fc.boolean(), async (args, isModern) => {
          expect(await call(name, args, isModern)).toBe(200)
        }),
        run(70),
      )
    },
    120_000,
  )

  it('as JSON-RPC of any shape gets an answer below 500', async () => {
    await fc.assert(
      fc.asyncProperty(message, headers, async (body, more) => {
        expect(await send(JSON.stringify(body), more)).toBeLessThan(500)
      }),
      run(700),
    )
  }, 240_000)

  it('as well-formed requests of the newer era with spoiled params gets an answer below 500', async () => {
    await fc.assert(
      fc.asyncProperty(method, params, naughty, async (name, fields, id) => {
        const body = {
          jsonrpc: '2.0',
          id,
          method: name,
          params: { ...(typeof fields === 'object' ? fields : {}), _meta: modernMeta },
        }
        const ascii = (value: unknown) =>
          words(value)
            .replaceAll(/[^ -~]/g, '')
            .trim()
            .slice(0, 100)
        expect(
          await send(JSON.stringify(body), { 'mcp-protocol-version': MODERN, 'mcp-method': ascii(name) }),
        ).toBeLessThan(500)
      }),
      run(300),
    )
  }, 240_000)

  it('as batches gets an answer below 500', async () => {
    const batch = fc.array(fc.oneof(message, naughty), { maxLength: 20 })
    await fc.assert(
      fc.asyncProperty(batch, async (body) => {
        expect(await send(JSON.stringify(body))).toBeLessThan(500)
      }),
      run(80),
    )
  }, 120_000)

  it('as bytes that are no JSON gets an answer below 500', async () => {
    const text = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} })
    const cut = fc.nat(text.length).map((at) => text.slice(0, at))
    const doubled = fc.constantFrom(
      '{"jsonrpc":"2.0","id":1,"id":2,"method":"ping","method":"tools/list"}',
      `${text}${text}`,
      `\uFEFF${text}`,
    )
    const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => new Uint8Array(array))
    await fc.assert(
      fc.asyncProperty(fc.oneof(cut, doubled, bytes), headers, async (body, more) => {
        expect(await send(body, more)).toBeLessThan(500)
        expect(await holds('/plans', { method: 'POST', body })).toBeLessThan(500)
      }),
      run(100),
    )
  }, 120_000)

  it('at POST /plans and GET /plans/{id} gets an answer below 500', async () => {
    await fc.assert(
      fc.asyncProperty(spoiled(VALID['plan_submit'] ?? {}), async (args) => {
        const status = await holds('/plans', { method: 'POST', body: JSON.stringify(args) })
        expect(status).toBeLessThan(500)
      }),
      run(150),
    )
    const query = fc.dictionary(fc.constantFrom('after', 'limit', 'x', 'plan_id', '__proto__'), naughty, {
      maxKeys: 3,
    })
    await fc.assert(
      fc.asyncProperty(naughty, query, async (id, fields) => {
        const search = new URLSearchParams(
          Object.entries(fields).map(([name, value]) => [name, words(value).slice(0, 500).toWellFormed()]),
        )
        const segment = encodeURIComponent(words(id).slice(0, 500).toWellFormed())
        expect(await holds(`/plans/${segment}?${search.toString()}`, {})).toBeLessThan(500)
      }),
      run(150),
    )
  }, 120_000)

  it('nested deeply, or of 10 MB, gets an answer below 500', async () => {
    for (const [open, close] of [
      ['[', ']'],
      ['{"a":', '}'],
    ] as const)
      for (const depth of [100, 5_000, 10_000, 100_000]) {
        const deep = `${open.repeat(depth)}1${close.repeat(depth)}`
        await send(deep)
        await holds('/plans', { method: 'POST', body: deep })
        for (const place of [
          '"params":',
          '"id":',
          '"params":{"_meta":',
          '"params":{"name":"plan_list","arguments":{"a":',
        ])
          await send(
            `{"jsonrpc":"2.0","method":"tools/call",${place}${deep}${'}'.repeat(place.split('{').length)}`,
            { 'mcp-protocol-version': MODERN },
          )
      }
    const long = 'x'.repeat(10_000_000)
    expect(await send(`{"jsonrpc":"2.0","id":1,"method":"${long}"}`)).toBe(413)
    expect(await holds('/plans', { method: 'POST', body: JSON.stringify({ plan: long }) })).toBe(413)
    expect(await send(long, { 'mcp-protocol-version': MODERN })).toBe(413)
  }, 120_000)

  it('was at least 2,000 cases', () => {
    expect(cases).toBeGreaterThanOrEqual(2_000)
  })
})
