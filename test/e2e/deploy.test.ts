// `npm run deploy` against Cloudflare's API as a stand-in, with the real wrangler and with its commands as recorded.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { ensureWorker } from '../world/cloudflare/account.ts'
import { deployTranscript } from '../documents/deploy-transcript.ts'
import { withPart } from '../documents/parts.ts'
import { GOOD_KEYS, openDeployLab } from './support/deploy-lab.ts'
import type { DeployLab } from './support/deploy-lab.ts'

const DEPLOY = 'deploy/deploy.ts'
const NAME = 'agent-execution-runtime'
let lab: DeployLab

beforeEach(async () => {
  lab = await openDeployLab()
})
afterEach(() => lab.close())

const worker = () => lab.cloudflare.accounts[0]?.workers.get(NAME)
const commandsOf = (output: string) => output.split('\n').filter((line) => line.startsWith('    $ '))
const changes = () =>
  lab.cloudflare.calls.filter((call) => !call.startsWith('GET') && !call.endsWith('/query'))

it('three answers lead to a finished deployment: tables, secrets and the Worker with its own address', async () => {
  const { GIT_CREDENTIALS: _, ...keys } = GOOD_KEYS
  const { code, output } = await lab.run(DEPLOY, [], {
    answers: `${keys.ORGO_API_KEY}\n${keys.ANTHROPIC_API_KEY}\ngithub_pat_abcdefgh12345678\n`,
  })
  expect(output).toContain('Your runtime is up')
  expect(code).toBe(0)
  expect(output).toContain(`https://${NAME}.tester.workers.dev/mcp`)
  expect([...(worker()?.secrets.keys() ?? [])].toSorted()).toEqual([
    'ANTHROPIC_API_KEY',
    'GITHUB_WEBHOOK_SECRET',
    'GIT_CREDENTIALS',
    'ORGO_API_KEY',
    'OWNER_TOKEN',
    'TOKEN_KEY',
  ])
  expect(worker()?.secrets.get('GIT_CREDENTIALS')).toBe(GOOD_KEYS.GIT_CREDENTIALS)
  expect(worker()?.vars.get('PUBLIC_URL')).toBe(`https://${NAME}.tester.workers.dev`)
  const [database] = [...(lab.cloudflare.accounts[0]?.databases.entries() ?? [])]
  expect(worker()?.bindings.get('DB')).toBe(database?.[0])
  expect(database?.[1].sql.prepare("SELECT name FROM sqlite_master WHERE name = 'plans'").get()).toBeDefined()
  // No secret but the owner token is printed, and none is kept on disk.
  for (const [name, value] of worker()?.secrets ?? [])
    expect([name, output.includes(value)]).toEqual([name, name === 'OWNER_TOKEN'])
  for (const value of worker()?.secrets.values() ?? [])
    expect(readFileSync(lab.stateFile, 'utf8')).not.toContain(value)
})

it('the real wrangler does the same as the recorded one, command for command, and leaves the same behind', async () => {
  const recorded = await lab.run(DEPLOY, [], { env: GOOD_KEYS })
  const left = worker()
  await lab.close()
  lab = await openDeployLab({ wrangler: 'real' })
  const real = await lab.run(DEPLOY, [], { env: GOOD_KEYS })
  expect(real.code).toBe(0)
  expect(commandsOf(real.output)).toEqual(commandsOf(recorded.output))
  expect([...(worker()?.secrets.keys() ?? [])]).toEqual([...(left?.secrets.keys() ?? [])])
  expect(worker()?.vars).toEqual(left?.vars)
  expect([...(worker()?.bindings.keys() ?? [])]).toContain('DB')
  expect((await lab.run(DEPLOY)).output).toContain('up to date: nothing was uploaded')
})

it('a dry run prints exactly the commands the real run executes, and calls Cloudflare for nothing', async () => {
  const dry = await lab.run(DEPLOY, ['--dry-run'])
  expect(dry.code).toBe(0)
  expect(lab.cloudflare.calls).toEqual([])
  const real = await lab.run(DEPLOY, [], { env: GOOD_KEYS })
  expect(real.code).toBe(0)
  expect(commandsOf(dry.output)).toEqual(commandsOf(real.output))
  expect(commandsOf(dry.output)).toHaveLength(6)
})

it('a second run changes nothing and shows no secret', async () => {
  await lab.run(DEPLOY, [], { env: GOOD_KEYS })
  const before = changes().length
  const secrets = new Map(worker()?.secrets)
  const again = await lab.run(DEPLOY)
  expect(again.output).toContain('up to date: nothing was uploaded')
  expect(again.code).toBe(0)
  expect(changes().slice(before)).toEqual([])
  expect(worker()?.secrets).toEqual(secrets)
  for (const value of secrets.values()) expect(again.output).not.toContain(value)
})

it('a key pasted at the wrong question is recognised by its shape, and kept nowhere', async () => {
  const { code, output } = await lab.run(DEPLOY, [], {
    answers: `${GOOD_KEYS.ANTHROPIC_API_KEY}\nghp_abcdefgh12345678\nnonsense\n${GOOD_KEYS.ORGO_API_KEY}\n${GOOD_KEYS.ORGO_API_KEY}\n${GOOD_KEYS.ANTHROPIC_API_KEY}\n\n`,
  })
  expect(code).toBe(0)
  expect(output).toContain('That looks like an Anthropic key; asked for is an Orgo key')
  expect(output).toContain('That looks like a GitHub token; asked for is an Orgo key')
  expect(output).toContain('That is not an Orgo key')
  expect(output).toContain('That looks like an Orgo key; asked for is an Anthropic key')
  expect(worker()?.secrets.has('GIT_CREDENTIALS')).toBe(false)
})

it.each([
  ['not logged in', { CLOUDFLARE_API_TOKEN: 'wrong' }, 'Run `npx wrangler login`'],
  [
    'an account the log-in does not have',
    { CLOUDFLARE_ACCOUNT_ID: 'f'.repeat(32) },
    'correct CLOUDFLARE_ACCOUNT_ID',
  ],
  ['no network', { CLOUDFLARE_API_BASE_URL: 'http://127.0.0.1:9/client/v4' }, 'could not be reached'],
  [
    'a malformed key in the environment',
    { ORGO_API_KEY: 'sk-ant-abcdefgh12345678' },
    'ORGO_API_KEY in the environment: That looks like an Anthropic key',
  ],
])('%s: ends with the cure, without a stack trace, and a second run ends well', async (_, env, cure) => {
  const failed = await lab.run(DEPLOY, [], { env: { ...GOOD_KEYS, ...env } })
  expect(failed.output).toContain(cure)
  expect(failed.output).not.toMatch(/^\s+at /m)
  expect(failed.code).toBe(1)
  expect((await lab.run(DEPLOY, [], { env: GOOD_KEYS })).code).toBe(0)
})

it.each([
  [
    'the D1 limit',
    /POST .*\/d1\/database$/,
    400,
    { code: 7406, message: 'You have reached the maximum number of databases' },
    'Delete one you no longer need',
  ],
  [
    'a refused upload',
    /PUT .*\/workers\/scripts/,
    400,
    { code: 10_021, message: 'Uncaught SyntaxError' },
    'Uncaught SyntaxError',
  ],
  ['a failing migration', /POST .*\/query$/, 500, { code: 7500, message: 'internal error' }, 'migrations'],
])('%s: ends with its reason, and a second run ends well', async (_, match, status, error, reason) => {
  lab.cloudflare.fault(match, status, error, 100)
  const failed = await lab.run(DEPLOY, [], { env: GOOD_KEYS })
  expect(failed.code).toBe(1)
  expect(failed.output).toContain(reason)
  expect(failed.output).not.toMatch(/^\s+at /m)
  lab.cloudflare.mend()
  expect((await lab.run(DEPLOY, [], { env: GOOD_KEYS })).code).toBe(0)
})

it('a Worker of that name which is not ours is left alone, and another name is asked for', async () => {
  const [account] = lab.cloudflare.accounts
  if (account === undefined) throw new Error('no account')
  const theirs = ensureWorker(account, NAME)
  theirs.secrets.set('STRIPE_KEY', 'x')
  const { code, output } = await lab.run(DEPLOY, [], { env: GOOD_KEYS })
  expect(code).toBe(1)
  expect(output).toContain(`another Worker named ${NAME}`)
  expect(output).toContain('npm run deploy -- --name my-runtime')
  expect(changes()).toEqual([])
  expect((await lab.run(DEPLOY, ['--name', 'my-runtime'], { env: GOOD_KEYS })).code).toBe(0)
  expect(worker()).toBe(theirs)
  expect((await lab.run(DEPLOY)).output).toContain('up to date')
})

it('an older deployment is upgraded: tables first, then the Worker; rows, secrets and log-ins stay', async () => {
  await lab.run(DEPLOY, [], { env: GOOD_KEYS })
  const [database] = [...(lab.cloudflare.accounts[0]?.databases.values() ?? [])]
  database?.sql.exec("INSERT INTO plans VALUES ('p', 'w', 'agent/p', 'completed', 1, 1, '{}')")
  const secrets = new Map(worker()?.secrets)
  const state = JSON.parse(readFileSync(lab.stateFile, 'utf8')) as object
  writeFileSync(lab.stateFile, JSON.stringify({ ...state, fingerprint: 'older' }))
  const before = changes().length
  const upgraded = await lab.run(DEPLOY)
  expect(upgraded.output).toContain('Your runtime is up')
  expect(commandsOf(upgraded.output).map((line) => line.split(' ').slice(6, 8).join(' '))).toEqual([
    'd1 migrations',
    'deploy --minify',
  ])
  expect(changes().length).toBeGreaterThan(before)
  expect(database?.sql.prepare('SELECT id FROM plans').all()).toHaveLength(1)
  expect(worker()?.secrets).toEqual(secrets)
})

it('in Workers Builds, where nobody answers, it says what is missing and prints no token into the log', async () => {
  const first = await lab.run(DEPLOY, [], { env: { WORKERS_CI: '1' } })
  expect(first.code).toBe(0)
  for (const name of ['ORGO_API_KEY', 'ANTHROPIC_API_KEY', 'GIT_CREDENTIALS', 'OWNER_TOKEN'])
    expect(first.output).toContain(`not set: ${name}. Add it in the dashboard`)
  for (const value of worker()?.secrets.values() ?? []) expect(first.output).not.toContain(value)
  expect([...(worker()?.secrets.keys() ?? [])].toSorted()).toEqual(['GITHUB_WEBHOOK_SECRET', 'TOKEN_KEY'])
})

it('docs/deploy.md shows what it prints', async () => {
  const document = readFileSync(join(import.meta.dirname, '../../docs/deploy.md'), 'utf8')
  expect(withPart(document, 'deploy', await deployTranscript())).toBe(document)
})

it('with several accounts it asks once and remembers', async () => {
  await lab.close()
  lab = await openDeployLab({ accountNames: ['Personal', 'Work'] })
  const first = await lab.run(DEPLOY, [], { env: GOOD_KEYS, answers: '7\n2\n' })
  expect(first.code).toBe(0)
  expect(lab.cloudflare.accounts.map(({ workers }) => workers.size)).toEqual([0, 1])
  expect((await lab.run(DEPLOY)).code).toBe(0)
})
