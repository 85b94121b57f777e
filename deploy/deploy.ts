// `npm run deploy`: goes from a Cloudflare log-in and the person's keys to a running runtime. Each step first checks whether it
// is done. So an interrupted run continues when started again, and a second run changes nothing.
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { spawnSync } from 'node:child_process'
import { VERSION } from '../src/lib/version.ts'
import { chooseAccount } from './account.ts'
import { clientLines } from './client-configs.ts'
import { readCommandLine } from './command-line.ts'
import { ensureDatabase, ensureNamespace, putSecrets, secretNames } from './cloudflare.ts'
import { CONFIG_FILE, fingerprintOf, idsInTemplate, nameInTemplate, writeConfig } from './config.ts'
import { DeployError } from './errors.ts'
import { waitForHealth } from './health.ts'
import { KEYS } from './keys.ts'
import type { Key } from './keys.ts'
import { BILL } from './bill.ts'
import { readState, saveState } from './state-file.ts'
import { runToEnd } from './run-to-end.ts'
import type { Terminal } from './terminal.ts'
import { createWrangler } from './wrangler.ts'
import type { Wrangler } from './wrangler.ts'

/** The name must fit Cloudflare's rules for Workers, and those for the database and the namespace named after it. */
const NAME = /^[a-z0-9][a-z0-9-]{0,50}$/

/**
 * True in Workers Builds, where the Deploy to Cloudflare button runs this: no person can answer, and the output stays in a log.
 */
const NOBODY_TO_ASK = process.env['WORKERS_CI'] !== undefined
const IN_THE_DASHBOARD = 'Add it in the dashboard: the Worker, Settings, Variables and Secrets.'

const { values, refuse } = readCommandLine({
  command: 'npm run deploy',
  about:
    'From a Cloudflare log-in and your keys to a running runtime. Run again, it goes on where it stopped, or upgrades.',
  flags: {
    'dry-run': { about: 'show every command and change nothing' },
    name: { about: 'name of the Worker, its database and its store', text: 'NAME' },
    'new-owner-token': { about: 'make a new owner token; the one before ends' },
  },
})
// Without "--", npm keeps the flag for itself and says nothing.
if (process.env['npm_config_dry_run'] === 'true' && !values['dry-run'])
  refuse('npm kept --dry-run for itself: write npm run deploy -- --dry-run')

async function deploy(terminal: Terminal): Promise<void> {
  const dryRun = values['dry-run']
  const { say } = terminal
  const name = values.name ?? readState().name ?? nameInTemplate()
  if (!NAME.test(name))
    throw new DeployError(`--name ${name} cannot name a Worker: use a-z, 0-9 and -, at most 51 of them.`)
  say(
    `Agent Execution Runtime ${VERSION}${dryRun ? ': a dry run. It shows every command and changes nothing.' : ''}\n`,
  )
  say(BILL)
  let accountId: string | undefined
  const wrangler = createWrangler({
    dryRun,
    show: (command) => say(`    $ ${command}`),
    accountId: () => accountId,
  })

  step(say, 'The agent')
  buildAgent()
  step(say, 'Your Cloudflare account')
  accountId = await chooseAccount(wrangler, terminal, readState().accountId)
  const known = await secretsOfOurs(wrangler, name)
  const save = (changes: Parameters<typeof saveState>[0]) => (dryRun ? undefined : saveState(changes))
  save({ accountId, name })

  step(say, 'Database and key-value store')
  const given = idsInTemplate()
  const database =
    given.databaseId === null ? await ensureDatabase(wrangler, name) : { id: given.databaseId, isNew: false }
  const namespace =
    given.namespaceId === null
      ? await ensureNamespace(wrangler, `${name}-oauth`)
      : { id: given.namespaceId, isNew: false }
  const stateOf = ({ isNew }: { isNew: boolean }) =>
    isNew ? (dryRun ? 'to be made' : 'made') : 'there already'
  say(`  ${stateOf(database)}: database ${name}; ${stateOf(namespace)}: store ${name}-oauth`)
  const config = { accountId, name, databaseId: database.id, namespaceId: namespace.id }
  let configuration = dryRun ? '' : writeConfig({ ...config, publicUrl: readState().url ?? '' })

  step(say, 'Keys and secrets')
  const ownerToken = await setSecrets(wrangler, terminal, name, known)

  step(say, 'Tables')
  await wrangler.change(['d1', 'migrations', 'apply', 'DB', '--remote', '--config', CONFIG_FILE])

  step(say, 'The Worker')
  const url = await upload(wrangler, say, name, () => {
    configuration = writeConfig({ ...config, publicUrl: readState().url ?? '' })
    return fingerprintOf(configuration)
  })
  if (dryRun) return say('\nThat is all. Without --dry-run it is done.')

  step(say, 'Is it well?')
  const problems = await waitForHealth(url)
  for (const problem of problems) say(`  ! ${problem}`)
  say(
    problems.length === 0
      ? `  ${url} answers and finds no problem.`
      : `  It runs; mend the above and see with npm run doctor.`,
  )
  showEnd(terminal, url, ownerToken)
  save({ ownerTokenShown: true })
}

/** Throws DeployError when the name belongs to another Worker, which an upload would replace. */
async function secretsOfOurs(wrangler: Wrangler, name: string): Promise<Set<string>> {
  const known = wrangler.dryRun ? null : await secretNames(wrangler, name)
  // Our Worker has this secret since before its first upload; the button creates it before this runs.
  if (known === null || known.has('TOKEN_KEY') || NOBODY_TO_ASK) return known ?? new Set()
  throw new DeployError(
    `This account has another Worker named ${name}, and it is not this runtime. Nothing was changed; choose another name: npm run deploy -- --name my-runtime`,
  )
}

/** Asks only for keys that are missing here and in the environment. Returns the new owner token when one was made. */
async function setSecrets(
  wrangler: Wrangler,
  terminal: Terminal,
  name: string,
  known: Set<string>,
): Promise<string | null> {
  const { say } = terminal
  const secrets: Record<string, string> = {}
  for (const key of KEYS) {
    const given = process.env[key.name]?.trim() ?? ''
    if (given !== '') secrets[key.name] = fromEnvironment(key, given)
    else if (wrangler.dryRun) secrets[key.name] = ''
    else if (known.has(key.name)) continue
    else if (NOBODY_TO_ASK) say(`  not set: ${key.name}. ${IN_THE_DASHBOARD}`)
    else if (readState().later?.includes(key.name) !== true) {
      const value = await askFor(terminal, key)
      if (value !== null) secrets[key.name] = value
      else saveState({ later: [...(readState().later ?? []), key.name] })
    }
  }
  // A run that was stopped before it could show the token has set it, so the person never saw it.
  const unseen = known.has('OWNER_TOKEN') && readState().ownerTokenShown === false
  const wanted = !known.has('OWNER_TOKEN') || unseen || values['new-owner-token']
  if (wanted && NOBODY_TO_ASK) say(`  not set: OWNER_TOKEN. ${IN_THE_DASHBOARD}`)
  const ownerToken = wanted && !NOBODY_TO_ASK ? randomBytes(32).toString('base64url') : null
  if (ownerToken !== null) {
    secrets['OWNER_TOKEN'] = ownerToken
    if (!wrangler.dryRun) saveState({ ownerTokenShown: false })
  }
  if (!known.has('TOKEN_KEY')) secrets['TOKEN_KEY'] = randomBytes(32).toString('base64url')
  if (!known.has('GITHUB_WEBHOOK_SECRET'))
    secrets['GITHUB_WEBHOOK_SECRET'] = randomBytes(32).toString('base64url')
  await putSecrets(wrangler, name, secrets)
  const set = Object.keys(secrets)
  if (wrangler.dryRun) say(`  to be set, where missing: ${set.join(', ')}`)
  else if (set.length > 0) say(`  set: ${set.join(', ')}. None of them is kept on this machine.`)
  else if (!wanted) say('  all there already')
  return ownerToken
}

function fromEnvironment(key: Key, given: string): string {
  // Git credentials may be several lines; the Worker parses each and reports a bad one by its number.
  const read = key.name === 'GIT_CREDENTIALS' && given.includes('\n') ? { value: given } : key.read(given)
  if ('problem' in read) throw new DeployError(`${key.name} in the environment: ${read.problem}`)
  return read.value
}

async function askFor(terminal: Terminal, key: Key): Promise<string | null> {
  terminal.say(`\n  ${key.about}`)
  for (;;) {
    const answer = await terminal.ask(`  ${key.question}`, 'secret')
    if (answer === '' && key.optional) return null
    if (answer === '') continue
    const read = key.read(answer)
    if ('value' in read) return read.value
    terminal.say(`  ${read.problem}`)
  }
}

/** The first upload tells the address, and PUBLIC_URL needs it. So a new deployment is uploaded twice. */
async function upload(
  wrangler: Wrangler,
  say: Terminal['say'],
  name: string,
  configure: () => string,
): Promise<string> {
  const args = ['deploy', '--minify', '--keep-vars', '--config', CONFIG_FILE]
  if (wrangler.dryRun) {
    await wrangler.change(args)
    await wrangler.change(args)
    return ''
  }
  for (;;) {
    const { url, fingerprint } = readState()
    const now = configure()
    if (url !== undefined && fingerprint === now && (await isThere(wrangler, name))) {
      say('  up to date: nothing was uploaded')
      return url
    }
    const printed = await wrangler.change(args)
    const address = /https:\/\/[^\s]+\.workers\.dev/.exec(printed)?.[0] ?? url
    if (address === undefined)
      throw new DeployError(
        'wrangler deploy named no workers.dev address: switch it on in the dashboard (Workers & Pages, the Worker, Settings, Domains) and run this again.',
      )
    saveState({ url: address, ...(address === url ? { fingerprint: now } : {}) })
    if (address === url) return url
    say('  its address is known now; once more, so that the Worker knows it too')
  }
}

/** False when the Worker was deleted in the dashboard meanwhile; the local state is then worthless. */
async function isThere(wrangler: Wrangler, name: string): Promise<boolean> {
  return ((await secretNames(wrangler, name))?.size ?? 0) > 0
}

function buildAgent(): void {
  const built = spawnSync(process.execPath, [join(import.meta.dirname, '../agent/build.ts')], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  if (built.status !== 0)
    throw new DeployError('The agent could not be built. Run `npm ci` and then this again.')
}

function showEnd(terminal: Terminal, url: string, ownerToken: string | null): void {
  const { say } = terminal
  const mcpUrl = `${url}/mcp`
  say(`\nYour runtime is up.\n\n  MCP URL      ${mcpUrl}`)
  say(
    `  owner token  ${ownerToken ?? 'as shown at your first deploy (lost? npm run deploy -- --new-owner-token)'}`,
  )
  if (ownerToken !== null)
    say('               Keep it in your password manager: it is shown this once, and opens everything.')
  say('\nYour client:')
  for (const line of clientLines(mcpUrl, ownerToken ?? '$OWNER_TOKEN')) say(line)
  say(
    '\nNext: tell your client "register https://github.com/you/your-repo as a workspace", then hand it a plan.',
  )
}

function step(say: Terminal['say'], title: string): void {
  say(`\n${title}`)
}

await runToEnd(deploy)
