// A fast fake of wrangler 4.156 with the commands that deploy, doctor and destroy use and the texts that wrangler printed when they
// were recorded. It calls the same API. A command takes 60 ms instead of 1,500, so that tests can kill and repeat a run at every
// step. The tests also run the real wrangler once through the whole deployment.
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { z } from 'zod'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean' },
    remote: { type: 'boolean' },
    minify: { type: 'boolean' },
    'keep-vars': { type: 'boolean' },
    force: { type: 'boolean' },
    'skip-confirmation': { type: 'boolean' },
    'namespace-id': { type: 'string' },
    name: { type: 'string' },
    config: { type: 'string', default: 'wrangler.toml' },
  },
})
const base = process.env['CLOUDFLARE_API_BASE_URL'] ?? ''
const Answer = z.object({
  success: z.boolean(),
  errors: z.array(z.object({ code: z.number(), message: z.string() })),
  result: z.json(),
})
const Named = z.object({ name: z.string() })

class ApiError extends Error {
  readonly code: number
  constructor(path: string, code: number, message: string) {
    super(`A request to the Cloudflare API (${path}) failed.\n\n  ${message} [code: ${code}]`)
    this.code = code
  }
}

async function call(method: string, path: string, body?: unknown): Promise<z.infer<typeof Answer>['result']> {
  const response = await fetch(`${base}${path}`, {
    method,
    headers: { authorization: `Bearer ${process.env['CLOUDFLARE_API_TOKEN'] ?? ''}` },
    ...(body === undefined ? {} : { body: body instanceof FormData ? body : JSON.stringify(body) }),
  })
  const answer = Answer.parse(await response.json())
  const [error] = answer.errors
  if (!answer.success) throw new ApiError(path, error?.code ?? 0, error?.message ?? '')
  return answer.result
}

const Account = z.object({ id: z.string(), name: z.string() })
const config = () => readFileSync(values.config, 'utf8')
const setting = (name: string) => new RegExp(`^${name} = "(.*)"`, 'm').exec(config())?.[1] ?? ''

async function account(): Promise<string> {
  const given = process.env['CLOUDFLARE_ACCOUNT_ID']
  const all = z.array(Account).parse(await call('GET', '/accounts'))
  const [only] = all
  if (given !== undefined) return `/accounts/${given}`
  if (all.length > 1)
    throw new Error('More than one account available but unable to select one in non-interactive mode.')
  return `/accounts/${only?.id ?? ''}`
}

async function migrate(): Promise<void> {
  const path = `${await account()}/d1/database/${setting('database_id')}/query`
  const sql = readFileSync('migrations/0001_history.sql', 'utf8')
  await call('POST', path, {
    sql: 'CREATE TABLE IF NOT EXISTS d1_migrations(id INTEGER PRIMARY KEY, name TEXT UNIQUE)',
  })
  const Rows = z.array(z.object({ results: z.array(Named) }))
  const [rows] = Rows.parse(await call('POST', path, { sql: 'SELECT name FROM d1_migrations' }))
  if (rows?.results.some(({ name }) => name === '0001_history.sql') === true)
    return console.log('✅ No migrations to apply!')
  await call('POST', path, { sql: `${sql}\nINSERT INTO d1_migrations (name) VALUES ('0001_history.sql');` })
  console.log('│ 0001_history.sql │ ✅     │')
}

async function upload(): Promise<void> {
  const name = setting('name')
  const form = new FormData()
  const vars = [...config().matchAll(/^([A-Z_]+) = "(.*)"$/gm)].map(([, key, text]) => ({
    name: key,
    type: 'plain_text',
    text,
  }))
  const bindings = [...vars, { name: 'DB', type: 'd1', id: setting('database_id') }]
  form.set('metadata', JSON.stringify({ bindings }))
  await call('PUT', `${await account()}/workers/scripts/${name}`, form)
  console.log(
    `Uploaded ${name} (0.18 sec)\nDeployed ${name} triggers (0.01 sec)\n  https://${name}.tester.workers.dev\nCurrent Version ID: v`,
  )
}

async function bulk(): Promise<void> {
  const path = `${await account()}/workers/scripts/${values.name ?? ''}`
  const given = z.record(z.string(), z.string()).parse(JSON.parse(readFileSync(0, 'utf8')))
  const secrets = Object.fromEntries(
    Object.entries(given).map(([name, text]) => [name, { name, text, type: 'secret_text' }]),
  )
  try {
    await call('PATCH', `${path}/secrets-bulk`, { secrets })
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== 10_007) throw error
    console.log(`🌀 Creating new Worker "${values.name ?? ''}"...`)
    const form = new FormData()
    form.set('metadata', JSON.stringify({ bindings: [] }))
    await call('PUT', path, form)
    await call('PATCH', `${path}/secrets-bulk`, { secrets })
  }
  console.log(`✨ ${Object.keys(secrets).length} secrets successfully created`)
}

async function listSecrets(): Promise<void> {
  try {
    console.log(
      JSON.stringify(await call('GET', `${await account()}/workers/scripts/${values.name ?? ''}/secrets`)),
    )
  } catch (error) {
    if (error instanceof ApiError && error.code === 10_007)
      throw new Error(`Worker "${values.name ?? ''}" not found.`, { cause: error })
    throw error
  }
}

async function whoami(): Promise<void> {
  try {
    console.log(
      JSON.stringify({
        loggedIn: true,
        email: 'person@example.com',
        accounts: await call('GET', '/accounts'),
      }),
    )
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    console.log(JSON.stringify({ loggedIn: false }))
    process.exitCode = 1
  }
}

const show = async (path: string): Promise<void> =>
  console.log(JSON.stringify(await call('GET', `${await account()}${path}`)))
const argument = (index: number): string => positionals[index] ?? ''

const COMMANDS: Record<string, () => Promise<unknown>> = {
  whoami,
  'd1 list': () => show('/d1/database'),
  'd1 create': async () => call('POST', `${await account()}/d1/database`, { name: argument(2) }),
  'd1 delete': async () => call('DELETE', `${await account()}/d1/database/${setting('database_id')}`),
  'd1 migrations apply': migrate,
  'kv namespace list': () => show('/storage/kv/namespaces'),
  'kv namespace create': async () =>
    call('POST', `${await account()}/storage/kv/namespaces`, { title: argument(3) }),
  'kv namespace delete': async () =>
    call('DELETE', `${await account()}/storage/kv/namespaces/${values['namespace-id'] ?? ''}`),
  'secret list': listSecrets,
  'secret bulk': bulk,
  deploy: upload,
  delete: async () => call('DELETE', `${await account()}/workers/services/${argument(1)}?force=true`),
}
const command = Object.keys(COMMANDS).find((words) => positionals.join(' ').startsWith(words))
try {
  if (command === undefined) throw new Error(`Unknown arguments: ${positionals.join(', ')}`)
  await COMMANDS[command]?.()
} catch (error) {
  console.error(`✘ [ERROR] ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
}
