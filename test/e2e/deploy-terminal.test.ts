// The same programs in a real terminal: what is typed at a secret's question is not shown, and Ctrl-C at any question ends them
// in words, with nothing half done that a second run does not mend.
import { afterEach, beforeEach, expect, it } from 'vitest'
import { GOOD_KEYS, openDeployLab } from './support/deploy-lab.ts'
import type { DeployLab } from './support/deploy-lab.ts'

const DEPLOY = 'deploy/deploy.ts'
const CTRL_C = '\u0003'
const ACCOUNT = { at: /Which account\?/, keys: '2\r' }
const ORGO = { at: /Orgo key:/, keys: `${GOOD_KEYS.ORGO_API_KEY}\r` }
const ANTHROPIC = { at: /Anthropic key:/, keys: `${GOOD_KEYS.ANTHROPIC_API_KEY}\r` }
const GIT = { at: /GitHub token, or/, keys: 'github_pat_abcdefgh12345678\r' }
let lab: DeployLab

beforeEach(async () => {
  lab = await openDeployLab({ accountNames: ['Personal', 'Work'] })
})
afterEach(() => lab.close())

it('four answers lead to the end, and none of the keys is seen on the screen', async () => {
  const { code, output } = await lab.run(DEPLOY, [], { typed: [ACCOUNT, ORGO, ANTHROPIC, GIT] })
  expect(output).toContain('Your runtime is up')
  expect(code).toBe(0)
  for (const key of [...Object.values(GOOD_KEYS), 'github_pat_abcdefgh12345678'])
    expect(output).not.toContain(key)
})

it.each([
  ['the account', [ACCOUNT]],
  ['the Orgo key', [ACCOUNT, ORGO]],
  ['the Anthropic key', [ACCOUNT, ORGO, ANTHROPIC]],
  ['the git token', [ACCOUNT, ORGO, ANTHROPIC, GIT]],
])('Ctrl-C at the question for %s says that it stopped, and a second run ends well', async (_, questions) => {
  const typed = questions.map(({ at, keys }, index) => ({
    at,
    keys: index === questions.length - 1 ? `half${CTRL_C}` : keys,
  }))
  const stopped = await lab.run(DEPLOY, [], { typed })
  expect(stopped.output).toContain('Stopped. What is done stays done')
  expect(stopped.output).not.toMatch(/^\s+at /m)
  expect(stopped.code).toBe(130)
  const all = [ACCOUNT, ORGO, ANTHROPIC, GIT]
  // The account was kept once it was answered.
  const again = await lab.run(DEPLOY, [], { typed: questions.length > 1 ? all.slice(1) : all })
  expect(again.output).toContain('Your runtime is up')
})

it.each([
  ['deploy/doctor.ts', ['--url', 'https://runtime.test'], /Owner token:/],
  ['deploy/credentials.ts', ['add', 'gitlab.com'], /:\s*$/],
  ['deploy/destroy.ts', [], /Type agent-execution-runtime/],
])('Ctrl-C at the question of %s ends it in words, with nothing changed', async (script, args, at) => {
  await lab.run(DEPLOY, [], { env: GOOD_KEYS, answers: '2\n' })
  const before = JSON.stringify(
    [...(lab.cloudflare.accounts[1]?.workers.values() ?? [])].map(({ secrets }) => [...secrets]),
  )
  const { code, output } = await lab.run(script, args, { typed: [{ at, keys: CTRL_C }] })
  expect(output).toContain('Stopped.')
  expect(output).not.toMatch(/^\s+at /m)
  expect(code).toBe(130)
  expect(
    JSON.stringify(
      [...(lab.cloudflare.accounts[1]?.workers.values() ?? [])].map(({ secrets }) => [...secrets]),
    ),
  ).toBe(before)
})
