// `npm run destroy` and `npm run credentials` against Cloudflare's API as a stand-in.
import { existsSync } from 'node:fs'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { GOOD_KEYS, openDeployLab } from './support/deploy-lab.ts'
import type { DeployLab } from './support/deploy-lab.ts'

const NAME = 'agent-execution-runtime'
let lab: DeployLab

beforeEach(async () => {
  lab = await openDeployLab()
})
afterEach(() => lab.close())

const account = () => lab.cloudflare.accounts[0]

it('destroy shows what it found, asks, and takes away just that', async () => {
  await lab.run('deploy/deploy.ts', [], { env: GOOD_KEYS })
  account()?.namespaces.set('f'.repeat(32), 'of-somebody-else')
  const refused = await lab.run('deploy/destroy.ts', [], { answers: 'yes\n' })
  expect(refused.output).toContain('Nothing was deleted')
  expect(account()?.workers.size).toBe(1)
  const done = await lab.run('deploy/destroy.ts', [], { answers: `${NAME}\n` })
  expect(done.output).toContain('All of it is gone')
  expect(done.code).toBe(0)
  expect([account()?.workers.size, account()?.databases.size]).toEqual([0, 0])
  expect([...(account()?.namespaces.values() ?? [])]).toEqual(['of-somebody-else'])
  expect(existsSync(lab.stateFile)).toBe(false)
  expect((await lab.run('deploy/destroy.ts', ['--yes'])).output).toContain('There is nothing to take away')
})

it('credentials adds a host as a secret of its own, and refuses a token for another host', async () => {
  expect((await lab.run('deploy/credentials.ts', ['add', 'gitlab.com'])).output).toContain(
    'run npm run deploy first',
  )
  await lab.run('deploy/deploy.ts', [], { env: GOOD_KEYS })
  const { output, code } = await lab.run('deploy/credentials.ts', ['add', 'gitlab.com'], {
    answers:
      'https://oauth2:glpat-abcdefgh12345678@example.com\nhttps://oauth2:glpat-abcdefgh12345678@gitlab.com\n',
  })
  expect(code).toBe(0)
  expect(output).toContain('That is for example.com, not for gitlab.com')
  expect(output).not.toContain('glpat-abcdefgh')
  expect(account()?.workers.get(NAME)?.secrets.get('GIT_CREDENTIALS_GITLAB_COM')).toBe(
    'https://oauth2:glpat-abcdefgh12345678@gitlab.com',
  )
  expect((await lab.run('deploy/credentials.ts', ['list'])).output).toContain('GIT_CREDENTIALS_GITLAB_COM')
})
