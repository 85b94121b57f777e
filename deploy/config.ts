// The wrangler configuration of one deployment: wrangler.toml with this account's ids put in. The file in the repository stays
// as it is, so that an upgrade by `git pull` meets no conflict.
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '..')
/** Beside wrangler.toml, whose paths are relative to it. */
export const CONFIG_FILE = process.env['RUNTIME_CONFIG_FILE'] ?? 'wrangler.deploy.toml'

export interface DeploymentConfig {
  accountId: string
  name: string
  databaseId: string
  namespaceId: string
  publicUrl: string
}

/** Settings a person may give by environment when deploying; without one, what the dashboard says stays (--keep-vars). */
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

/** Of everything that goes up: equal fingerprints mean that an upload would change nothing. */
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

/** The Worker's name; the button writes the one its person chose. */
export function nameInTemplate(): string {
  return /^name = "(.*)"/m.exec(readFileSync(join(ROOT, 'wrangler.toml'), 'utf8'))?.[1] ?? ''
}

const NO_ID = /^[0-]*$/

/** Ids that stand in wrangler.toml already: the Deploy to Cloudflare button writes those it made into the person's copy. */
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
