// `npm run doctor` as a program: what it finds by itself, and how it ends. What the Worker finds: test/worker/dashboard/doctor.test.ts.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { VERSION } from '../../src/lib/version.ts'
import { openDeployLab } from './support/deploy-lab.ts'
import type { DeployLab } from './support/deploy-lab.ts'

const URL = 'https://agent-execution-runtime.tester.workers.dev'
const migrations = readdirSync(join(import.meta.dirname, '../../migrations'))
let lab: DeployLab

beforeEach(async () => {
  lab = await openDeployLab()
})
afterEach(() => lab.close())

const good = () => ({
  version: VERSION,
  public_url: URL,
  now: new Date().toISOString(),
  migrations,
  findings: [{ check: 'Orgo', ok: true, detail: 'The key works.' }],
})
const examine = (args = ['--url', URL]) =>
  lab.run('deploy/doctor.ts', args, { env: { OWNER_TOKEN: 'o'.repeat(32) } })

it('says that all is well, and ends with 0', async () => {
  lab.doctor.report = good()
  const { code, output } = await examine()
  expect(output).toContain('All is well')
  expect(code).toBe(0)
})

it.each<[string, () => void, string, string]>([
  [
    'an owner token that is not accepted',
    () => (lab.doctor.status = 401),
    'not accepted',
    '--new-owner-token',
  ],
  [
    'an address where something else answers',
    () => (lab.doctor.report = { hello: 1 }),
    'no runtime of this version',
    'npm run deploy',
  ],
  [
    'an older version',
    () => (lab.doctor.report = { ...good(), version: '0.0.9' }),
    'Deployed is 0.0.9',
    'git pull',
  ],
  [
    'a wrong PUBLIC_URL',
    () => (lab.doctor.report = { ...good(), public_url: 'https://old.test' }),
    'https://old.test',
    'npm run deploy sets it',
  ],
  [
    'a clock that is off',
    () => (lab.doctor.report = { ...good(), now: new Date(Date.now() - 3_600_000).toISOString() }),
    'off by 60 minutes',
    'Set its clock',
  ],
  [
    'migrations that were not applied',
    () => (lab.doctor.report = { ...good(), migrations: [] }),
    'Not applied: 0001_history.sql',
    'npm run deploy applies them',
  ],
  [
    'what the Worker found',
    () =>
      (lab.doctor.report = {
        ...good(),
        findings: [{ check: 'model', ok: false, detail: 'refused', cure: 'a new key' }],
      }),
    'refused',
    'a new key',
  ],
])('finds %s, names its cure and ends with 1', async (_, plant, detail, cure) => {
  lab.doctor.report = good()
  plant()
  const { code, output } = await examine()
  expect(output).toContain(detail)
  expect(output).toContain(cure)
  expect(output).toContain('1 thing needs you')
  expect(code).toBe(1)
})

it('an address that does not answer, and no address at all, are said plainly', async () => {
  const nobody = await examine(['--url', 'http://127.0.0.1:9'])
  expect(nobody.output).toContain('It does not answer')
  const none = await examine([])
  expect(none.output).toContain('No address')
  expect([nobody.code, none.code]).toEqual([1, 1])
})

it('--pairing-code prints one for a phone, and says plainly when it gets none', async () => {
  const made = await examine(['--url', URL, '--pairing-code'])
  expect(made.output).toContain('K7QM-2XPT')
  expect(made.output).toContain('2026-11-23T10:10:00.000Z')
  expect(made.code).toBe(0)
  const wrong = await lab.run('deploy/doctor.ts', ['--url', URL, '--pairing-code'], {
    env: { OWNER_TOKEN: 'x'.repeat(32) },
  })
  expect(wrong.output).toContain('The owner token is not accepted')
  const nobody = await examine(['--url', 'http://127.0.0.1:9', '--pairing-code'])
  expect(nobody.output).toContain('does not answer')
  expect([wrong.code, nobody.code]).toEqual([1, 1])
})
