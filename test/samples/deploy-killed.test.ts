// `npm run deploy` and `npm run destroy` killed at each of their steps: the next run ends well.
import { afterEach, beforeEach, expect, it } from 'vitest'
import { GOOD_KEYS, openDeployLab } from '../e2e/support/deploy-lab.ts'
import type { DeployLab } from '../e2e/support/deploy-lab.ts'

const DEPLOY = 'deploy/deploy.ts'
const NAME = 'agent-execution-runtime'
let lab: DeployLab

beforeEach(async () => {
  lab = await openDeployLab()
})
afterEach(() => lab.close())

const account = () => lab.cloudflare.accounts[0]
const worker = () => account()?.workers.get(NAME)

it.each([
  ['the database', /d1 create/],
  ['the store', /kv namespace create/],
  ['the secrets', /secret bulk/],
  ['the tables', /migrations apply/],
  ['the first upload', /wrangler deploy/],
  ['the second upload', /address is known now/],
  ['the look at its health', /Is it well/],
])('killed at %s, the next run ends well and its owner token is the one in use', async (_, killAt) => {
  const killed = await lab.run(DEPLOY, [], { env: GOOD_KEYS, killAt })
  expect(killed.signal).toBe('SIGKILL')
  const again = await lab.run(DEPLOY, [], { env: GOOD_KEYS })
  expect(again.output).toContain('Your runtime is up')
  const shown = /owner token {2}(\S+)/.exec(again.output)?.[1]
  expect(shown).toBe(worker()?.secrets.get('OWNER_TOKEN'))
  expect(lab.cloudflare.accounts[0]?.databases.size).toBe(1)
  expect(lab.cloudflare.accounts[0]?.namespaces.size).toBe(1)
  expect(worker()?.vars.get('PUBLIC_URL')).toContain('workers.dev')
})

it.each([/wrangler delete/, /d1 delete/, /kv namespace delete/])(
  'destroy killed at %s is finished by the next run',
  async (killAt) => {
    await lab.run('deploy/deploy.ts', [], { env: GOOD_KEYS })
    await lab.run('deploy/destroy.ts', ['--yes'], { killAt })
    await lab.run('deploy/destroy.ts', ['--yes'])
    expect([account()?.workers.size, account()?.databases.size, account()?.namespaces.size]).toEqual([
      0, 0, 0,
    ])
  },
)
