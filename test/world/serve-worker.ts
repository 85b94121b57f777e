// A program: serves the bundled Worker in workerd, with local D1, objects, KV and assets, until it is ended. Arguments: the folder of
// worker-build.ts, the port, the folder that keeps the state, and a file of settings as JSON. Miniflare starts workerd again when
// that dies.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from 'miniflare'
import { z } from 'zod'

const [built = '', port = '', stateDir = '', varsFile = ''] = process.argv.slice(2)
const Built = z.object({
  options: z.looseObject({ bindings: z.record(z.string(), z.json()) }),
  migrations: z.array(z.object({ name: z.string(), queries: z.array(z.string()) })),
})
const { options, migrations } = Built.parse(JSON.parse(readFileSync(join(built, 'worker.json'), 'utf8')))
const vars = z.record(z.string(), z.string()).parse(JSON.parse(readFileSync(varsFile, 'utf8')))

const miniflare = new Miniflare(
  convertV4MiniflareOptions({
    host: '127.0.0.1',
    port: Number(port),
    cf: false,
    telemetry: { enabled: false },
    log: new Log(LogLevel.INFO),
    // As wrangler lays it out, so that a state folder of `wrangler dev` can be read too.
    resourcePersistencePath: join(stateDir, 'v3'),
    workers: [
      {
        ...options,
        name: 'agent-execution-runtime',
        scriptPath: join(built, 'bundle/index.js'),
        modules: true,
        bindings: { ...options.bindings, ...vars },
      },
    ],
  }),
)
await miniflare.ready
await migrate()

/** Applies the D1 migrations that this state has not seen. A file remembers them, because asking the database takes a second. */
async function migrate(): Promise<void> {
  const marker = join(stateDir, 'migrated')
  const wanted = migrations.map(({ name }) => name).join('\n')
  if (existsSync(marker) && readFileSync(marker, 'utf8') === wanted) return
  const database = await miniflare.getD1Database('DB')
  // The table of `wrangler d1 migrations`.
  await database.exec(
    'CREATE TABLE IF NOT EXISTS d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)',
  )
  const { results } = await database.prepare('SELECT name FROM d1_migrations').all()
  const seen = new Set(
    z
      .array(z.object({ name: z.string() }))
      .parse(results)
      .map(({ name }) => name),
  )
  for (const { name, queries } of migrations) {
    if (seen.has(name)) continue
    const note = database.prepare('INSERT INTO d1_migrations (name) VALUES (?)').bind(name)
    await database.batch([...queries.map((query) => database.prepare(query)), note])
  }
  writeFileSync(marker, wanted)
}
