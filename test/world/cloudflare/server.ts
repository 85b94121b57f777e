// A fake of the Cloudflare REST API for the calls that wrangler makes, so that deploy, doctor and destroy can run the real wrangler
// against it (CLOUDFLARE_API_BASE_URL). Paths, shapes and error codes were recorded from wrangler 4.156. Unknown calls are refused.
import { randomUUID } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import type { Context } from 'hono'
import { z } from 'zod'
import { createAccount, ensureWorker, query } from './account.ts'
import type { CloudflareAccount } from './account.ts'

export interface CloudflareStandIn {
  /** For CLOUDFLARE_API_BASE_URL. */
  url: string
  token: string
  accounts: CloudflareAccount[]
  /** "METHOD path" of each call, in order. */
  calls: string[]
  /** The next calls whose "METHOD path" matches get this status (0: the connection is cut). */
  fault(match: RegExp, status: number, error: { code: number; message: string }, times?: number): void
  /** Removes every fault. */
  mend(): void
  close(): Promise<void>
}

const ok = (result: unknown, extra: object = {}) => ({
  success: true,
  errors: [],
  messages: [],
  result,
  ...extra,
})
/** Puts all rows on the first page, because wrangler asks until a page is empty. */
const onPage = (c: Context, rows: unknown[]) => (Number(c.req.query('page') ?? '1') > 1 ? [] : rows)
const bad = (code: number, message: string) => ({
  success: false,
  errors: [{ code, message }],
  messages: [],
  result: null,
})

export async function startCloudflare(accountNames = ['Personal']): Promise<CloudflareStandIn> {
  const accounts = accountNames.map(createAccount)
  const token = `cf-${randomUUID()}`
  const calls: string[] = []
  const faults: { match: RegExp; status: number; body: object; left: number }[] = []
  const app = new Hono().basePath('/client/v4')

  app.use(async (c, next) => {
    const call = `${c.req.method} ${c.req.path.replace('/client/v4', '')}`
    calls.push(call)
    if (c.req.header('authorization') !== `Bearer ${token}` && !call.includes('/workers/assets/upload'))
      return c.json(bad(10_000, 'Authentication error'), 403)
    const fault = faults.find((one) => one.left > 0 && one.match.test(call))
    if (fault === undefined) return next()
    fault.left--
    return new Response(JSON.stringify(fault.body), {
      status: fault.status,
      headers: { 'content-type': 'application/json' },
    })
  })
  app.get('/user/tokens/verify', (c) => c.json(ok({ id: 't', status: 'active' })))
  app.get('/user', (c) => c.json(ok({ id: 'u', email: 'person@example.com' })))
  app.get('/accounts', (c) => c.json(ok(accounts.map(({ id, name }) => ({ id, name })))))
  app.get('/memberships', (c) =>
    c.json(ok(accounts.map(({ id, name }) => ({ id: `m-${id}`, roles: [], account: { id, name } })))),
  )

  const of = (c: Context) =>
    accounts.find(({ id }) => id === c.req.param('account')) ?? accounts[0] ?? createAccount('none')
  const a = '/accounts/:account'
  app.get(`${a}/d1/database`, (c) =>
    c.json(ok([...of(c).databases].map(([uuid, { name }]) => ({ uuid, name, version: 'production' })))),
  )
  app.post(`${a}/d1/database`, async (c) => {
    const { name } = z.object({ name: z.string() }).parse(await c.req.json())
    const account = of(c)
    if ([...account.databases.values()].some((one) => one.name === name))
      return c.json(bad(7502, `D1 DB with name: ${name} already exists`), 400)
    if (account.databases.size >= account.maxDatabases)
      return c.json(bad(7406, 'You have reached the maximum number of databases allowed'), 400)
    const uuid = randomUUID()
    account.databases.set(uuid, { name, sql: new DatabaseSync(':memory:') })
    return c.json(ok({ uuid, name }))
  })
  app.get(`${a}/d1/database/:id`, (c) => {
    const found = of(c).databases.get(c.req.param('id'))
    return found === undefined
      ? c.json(bad(7404, 'not found'), 404)
      : c.json(ok({ uuid: c.req.param('id'), name: found.name }))
  })
  app.post(`${a}/d1/database/:id/query`, async (c) => {
    const found = of(c).databases.get(c.req.param('id'))
    if (found === undefined)
      return c.json(bad(7404, `The database ${c.req.param('id')} could not be found`), 404)
    const Body = z.object({
      sql: z.string(),
      params: z.array(z.union([z.string(), z.number(), z.null()])).default([]),
    })
    const body = Body.parse(await c.req.json())
    try {
      return c.json(
        ok([{ results: query(found.sql, body.sql, body.params), success: true, meta: { duration: 1 } }]),
      )
    } catch (error) {
      return c.json(bad(7500, String(error)), 400)
    }
  })
  app.delete(`${a}/d1/database/:id`, (c) =>
    of(c).databases.delete(c.req.param('id')) ? c.json(ok(null)) : c.json(bad(7404, 'not found'), 404),
  )

  app.get(`${a}/storage/kv/namespaces`, (c) =>
    c.json(
      ok(
        onPage(
          c,
          [...of(c).namespaces].map(([id, title]) => ({ id, title })),
        ),
      ),
    ),
  )
  app.post(`${a}/storage/kv/namespaces`, async (c) => {
    const { title } = z.object({ title: z.string() }).parse(await c.req.json())
    if ([...of(c).namespaces.values()].includes(title))
      return c.json(bad(10_014, 'a namespace with this account ID and title already exists'), 400)
    const id = randomUUID().replaceAll('-', '')
    of(c).namespaces.set(id, title)
    return c.json(ok({ id, title }))
  })
  app.delete(`${a}/storage/kv/namespaces/:id`, (c) =>
    of(c).namespaces.delete(c.req.param('id'))
      ? c.json(ok(null))
      : c.json(bad(10_013, 'namespace not found'), 404),
  )

  const noWorker = (c: Context) => c.json(bad(10_007, 'This Worker does not exist on your account.'), 404)
  app.get(`${a}/workers/subdomain`, (c) => {
    const { subdomain } = of(c)
    return subdomain === null
      ? c.json(bad(10_007, 'no workers.dev subdomain'), 404)
      : c.json(ok({ subdomain }))
  })
  app.get(`${a}/workers/services/:name`, (c) => {
    const worker = of(c).workers.get(c.req.param('name'))
    if (worker === undefined) return c.json(bad(10_090, 'workers.api.error.service_not_found'), 404)
    return c.json(
      ok({
        id: worker.name,
        default_environment: {
          environment: 'production',
          script: { tag: 't', tags: [], last_deployed_from: 'wrangler' },
        },
      }),
    )
  })
  app.delete(`${a}/workers/services/:name`, (c) =>
    of(c).workers.delete(c.req.param('name'))
      ? c.json(ok(null))
      : c.json(bad(10_090, 'workers.api.error.service_not_found'), 404),
  )
  app.get(`${a}/workers/scripts/:name/secrets`, (c) => {
    const worker = of(c).workers.get(c.req.param('name'))
    return worker === undefined
      ? noWorker(c)
      : c.json(ok([...worker.secrets.keys()].map((name) => ({ name, type: 'secret_text' }))))
  })
  app.patch(`${a}/workers/scripts/:name/secrets-bulk`, async (c) => {
    const worker = of(c).workers.get(c.req.param('name'))
    if (worker === undefined) return noWorker(c)
    const Body = z.object({ secrets: z.record(z.string(), z.object({ text: z.string() }).nullable()) })
    for (const [name, secret] of Object.entries(Body.parse(await c.req.json()).secrets)) {
      if (secret === null) worker.secrets.delete(name)
      else worker.secrets.set(name, secret.text)
    }
    return c.json(ok(null))
  })
  app.get(`${a}/workers/scripts/:name/deployments`, (c) =>
    of(c).workers.has(c.req.param('name'))
      ? c.json(
          ok({
            deployments: [
              {
                id: 'd',
                source: 'api',
                strategy: 'percentage',
                author_email: 'person@example.com',
                created_on: new Date().toISOString(),
                versions: [{ version_id: 'v', percentage: 100 }],
              },
            ],
          }),
        )
      : noWorker(c),
  )
  app.get(`${a}/workers/scripts/:name/versions`, (c) => c.json(ok({ items: [] })))
  app.get(`${a}/workers/scripts/:name/versions/:version`, (c) =>
    c.json(ok({ id: 'v', metadata: {}, resources: { bindings: [], script: {}, script_runtime: {} } })),
  )
  app.post(`${a}/workers/scripts/:name/assets-upload-session`, (c) =>
    c.json(ok({ jwt: 'a.b.c', buckets: [] })),
  )
  app.put(`${a}/workers/scripts/:name`, async (c) => {
    const worker = ensureWorker(of(c), c.req.param('name'))
    const Metadata = z.object({
      bindings: z
        .array(
          z.object({
            name: z.string(),
            type: z.string(),
            text: z.string().optional(),
            id: z.string().optional(),
            database_id: z.string().optional(),
            namespace_id: z.string().optional(),
          }),
        )
        .default([]),
    })
    const form = await c.req.formData()
    const { bindings } = Metadata.parse(JSON.parse(await textOf(form.get('metadata'))))
    for (const binding of bindings) {
      if (binding.type === 'plain_text') worker.vars.set(binding.name, binding.text ?? '')
      else if (binding.type === 'secret_text') worker.secrets.set(binding.name, binding.text ?? '')
      else worker.bindings.set(binding.name, binding.id ?? binding.database_id ?? binding.namespace_id ?? '')
    }
    if (bindings.length > 0) {
      worker.uploads++
      worker.hasCode = true
    }
    return c.json(
      ok({
        id: worker.name,
        etag: 'e',
        deployment_id: 'd',
        startup_time_ms: 3,
        entry_point: 'index.js',
        has_assets: true,
      }),
    )
  })
  app.on(['GET', 'PATCH'], `${a}/workers/workers/:name`, (c) =>
    c.json(
      ok({
        id: c.req.param('name'),
        name: c.req.param('name'),
        subdomain: { enabled: true, previews_enabled: false },
        observability: { enabled: true },
        tags: [],
      }),
    ),
  )
  app.on(['GET', 'POST'], `${a}/workers/scripts/:name/subdomain`, (c) =>
    c.json(ok({ enabled: true, previews_enabled: false })),
  )
  app.all('*', (c) => c.json(bad(7003, `the stand-in does not know ${c.req.method} ${c.req.path}`), 404))

  const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' })
  await new Promise((resolve) => server.once('listening', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the Cloudflare stand-in has no port')
  return {
    url: `http://127.0.0.1:${address.port}/client/v4`,
    token,
    accounts,
    calls,
    fault: (match, status, { code, message }, times = 1) =>
      faults.push({ match, status, body: bad(code, message), left: times }),
    mend: () => faults.splice(0),
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}

/** wrangler sends its metadata as a part of the form, with or without a file name. */
async function textOf(part: FormDataEntryValue | null): Promise<string> {
  return part === null ? '{}' : typeof part === 'string' ? part : part.text()
}
