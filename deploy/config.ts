// Writes the wrangler configuration of one deployment: wrangler.toml with this account's ids. The file in the repository is not
// changed, so an upgrade by `git pull` has no conflict.
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '..')
/** It is beside wrangler.toml, because its paths are relative. */
export const CONFIG_FILE = process.env['RUNTIME_CONFIG_FILE'] ?? 'wrangler.deploy.toml'

export interface DeploymentConfig {
  accountId: string
  name: string
  databaseId: string
  namespaceId: string
  publicUrl: string
}

/** Settings a person may pass by environment when deploying. For the others the dashboard's values stay (--keep-vars). */
const VARS = [
  'VM_URL',
  'ORGO_API_URL',
  'ANTHROPIC_BASE_URL',
  'GITHUB_API_URL',
  'NODE_DIST_URL',
  'DEFAULT_BUDGET_USD',
  'MONTHLY_BUDGET_USD',
  'MODEL',
  'EFFORT',
  'MAX_PARALLEL_PLANS',
  'MAX_PLAN_HOURS',
  'CHECKPOINT_MINUTES',
  'HISTORY_DAYS',
]

export function configText(template: string, config: DeploymentConfig, env: NodeJS.ProcessEnv): string {
  const vars = VARS.flatMap((name) => (env[name] ? [`${name} = ${JSON.stringify(env[name])}`] : []))
  if (config.publicUrl !== '') vars.unshift(`PUBLIC_URL = ${JSON.stringify(config.publicUrl)}`)
  return template
    .replace(
      /^name = .*$/m,
      `name = ${JSON.stringify(config.name)}\naccount_id = ${JSON.stringify(config.accountId)}`,
    )
    .replace(/^database_name = .*$/m, `database_name = ${JSON.stringify(config.name)}`)
    .replace(/^database_id = .*$/m, `database_id = ${JSON.stringify(config.databaseId)}`)
    .replace(/(binding = "OAUTH_KV"\r?\nid = ).*$/m, `$1${JSON.stringify(config.namespaceId)}`)
    .replace(/^\[vars\]\r?\n(?:[A-Z_]+ = .*\r?\n)*/m, `[vars]\n${vars.map((line) => `${line}\n`).join('')}`)
}

export function writeConfig(config: DeploymentConfig): string {
  const text = configText(readFileSync(join(ROOT, 'wrangler.toml'), 'utf8'), config, process.env)
  writeFileSync(join(ROOT, CONFIG_FILE), `# Made by npm run deploy; not committed.\n${text}`)
  return text
}

/** Returns a fingerprint of everything that is uploaded: with an equal one, an upload would change nothing. */
export function fingerprintOf(configuration: string): string {
  const hash = createHash('sha256').update(configuration)
  for (const file of [...filesUnder('src'), ...filesUnder('dist/assets'), 'package-lock.json'])
    hash.update(`\0${file}\0`).update(readFileSync(join(ROOT, file)))
  return hash.digest('hex')
}

function filesUnder(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .toSorted()
    .map((name) => join(folder, name))
    .filter((path) => statSync(join(ROOT, path)).isFile())
}

/** Returns the Worker's name in wrangler.toml; the Deploy to Cloudflare button writes the name its person chose. */
export function nameInTemplate(): string {
  return /^name = "(.*)"/m.exec(readFileSync(join(ROOT, 'wrangler.toml'), 'utf8'))?.[1] ?? ''
}

const NO_ID = /^[0-]*$/

/** Returns the ids in wrangler.toml: the Deploy to Cloudflare button writes the ids it created into the person's copy. */
export function idsInTemplate(): { databaseId: string | null; namespaceId: string | null } {
  const template = readFileSync(join(ROOT, 'wrangler.toml'), 'utf8')
  const found = (pattern: RegExp) => {
    const id = pattern.exec(template)?.[1] ?? ''
    return NO_ID.test(id) ? null : id
  }
  return {
    databaseId: found(/^database_id = "(.*)"/m),
    namespaceId: found(/binding = "OAUTH_KV"\r?\nid = "(.*)"/),
  }
}
