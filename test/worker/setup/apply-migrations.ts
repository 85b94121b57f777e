// Before each file: empty storage with our tables. The files share one workerd, which starts once instead of once per file.
import { applyD1Migrations, reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'

await reset()
await applyD1Migrations(env.DB, env.TEST_MIGRATIONS)
