// What is committed and what stays behind, named but never shown. Real git and real files; the gate before a push stands in
// git-push.test.ts.
import { existsSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { commitLeftovers } from '../../../../agent/publish/commits.ts'
import { takeNotices } from '../../../../agent/plan/notices.ts'
import { createPlanBench, TOKEN } from '../../support/plan-bench.ts'

/** Shaped like a real one, put together here so that no scanner finds it in this file. */
const GITHUB_TOKEN = ['ghp', 'A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8'].join('_')
const PRIVATE_KEY = `-----BEGIN RSA PRIVATE KEY-----\n${'MIIEpAIBAAKCAQEA'.repeat(4)}\n-----END RSA PRIVATE KEY-----\n`

describe('the gate before a commit', () => {
  test.each([
    ['config.ts', `export const token = '${GITHUB_TOKEN}'\n`, 'secret_blocked', 'GitHub token'],
    ['.env', 'A=1\n', 'secret_blocked', 'files with this name'],
    ['deploy/id_rsa', 'x', 'secret_blocked', 'files with this name'],
    ['certs/server.pem', PRIVATE_KEY, 'secret_blocked', 'private key'],
    ['.npmrc', '//registry/:_authToken=abc\n', 'secret_blocked', 'a private key or a token'],
    ['notes.txt', `see ${TOKEN}`, 'secret_blocked', "the plan's own token"],
    ['app.py', 'API_TOKEN = "Zx8Kp2Qw9Lm4Nv7Bt3Rc6Yh1Jd5Fg0SaUeIo"\n', 'secret_blocked', 'long random value'],
    ['.github/workflows/ci.yml', 'on: push\n', 'held', 'controls CI'],
    ['big.bin', 'x'.repeat(6 * 1024 * 1024), 'held', 'over 5 MB'],
  ])(
    '%s stays behind, and is named with the reason but not the value',
    async (path, content, type, reason) => {
      using bench = await createPlanBench()
      bench.put(path, content)
      bench.put('work.txt', 'the work\n')
      const result = await commitLeftovers(bench.plan, 'Work')
      expect(result).toMatchObject({ kind: 'committed', held: [{ path }] })
      expect(bench.git('ls-tree', '-r', '--name-only', 'HEAD').split('\n')).toEqual(['README.md', 'work.txt'])
      const event = bench.events.find((each) => each.type === type)
      expect(event?.text).toContain(path)
      expect(event?.text).toContain(reason)
      const [notice] = takeNotices(bench.plan)
      expect(notice).toContain(path)
      for (const secret of [GITHUB_TOKEN, TOKEN, 'MIIEpAIBAAKCAQEA', 'Zx8Kp2Qw9Lm4'])
        expect(`${event?.text} ${notice}`).not.toContain(secret)
      expect(existsSync(join(bench.plan.start.checkout, path))).toBe(true)
      // Told once, whatever is committed later.
      await commitLeftovers(bench.plan, 'Again')
      expect(bench.events.filter((each) => each.type === type)).toHaveLength(1)
    },
  )

  test('nothing is left to commit when all of it is held', async () => {
    using bench = await createPlanBench()
    bench.put('.env', 'A=1')
    expect(await commitLeftovers(bench.plan, 'Work')).toMatchObject({ kind: 'nothing' })
  })

  test('what the repository has already may change; a secret that is new in it may not', async () => {
    using bench = await createPlanBench({
      files: {
        '.env': 'A=1\n',
        'old.ts': `// ${GITHUB_TOKEN}\n`,
        'node_modules/a/x.js': '1',
        'dist/x.js': '1',
        'package.json': '{}',
      },
    })
    bench.put('.env', 'A=2\n')
    bench.put('old.ts', `// ${GITHUB_TOKEN}\nexport {}\n`)
    bench.put('dist/y.js', '2')
    bench.put('node_modules/a/x.js', '2')
    expect(await commitLeftovers(bench.plan, 'Work')).toEqual({ kind: 'committed', held: [] })
    bench.put('.env', `A=${GITHUB_TOKEN}\n`)
    expect(await commitLeftovers(bench.plan, 'Work')).toMatchObject({
      kind: 'nothing',
      held: [{ path: '.env' }],
    })
    expect(bench.git('show', 'HEAD:.env')).toBe('A=2')
  })

  test('what tools make is no work: not even listed', async () => {
    using bench = await createPlanBench({ files: { 'package.json': '{}' } })
    const installed = [
      'node_modules/x/i.js',
      '.pnpm-store/v10/files/0a',
      'a/.venv/bin/python',
      'a/__pycache__/m.pyc',
    ]
    for (const path of [...installed, 'dist/out.js']) bench.put(path, 'x')
    expect(bench.git('status', '--porcelain')).toBe('?? dist/')
    expect(await commitLeftovers(bench.plan, 'Work')).toMatchObject({
      kind: 'nothing',
      held: [{ path: 'dist/out.js', kind: 'generated' }],
    })
  })

  test.each([
    ['Add a GitHub Actions workflow that runs the tests.', 'committed'],
    ['Make the tests pass. Do not change the CI workflow.', 'nothing'],
    ['Make the user workflow faster. Never mind.', 'committed'],
    ['Make the tests pass.', 'nothing'],
  ])('a workflow file with the plan "%s": %s', async (text, kind) => {
    using bench = await createPlanBench({ text })
    bench.put('.github/workflows/ci.yml', 'on: push\n')
    expect(await commitLeftovers(bench.plan, 'Work')).toMatchObject({ kind })
  })

  test('a large file is committed when the plan names it, and never over 50 MB', async () => {
    using bench = await createPlanBench({ text: 'Add data.bin and huge.bin' })
    bench.put('data.bin', Buffer.alloc(6 * 1024 * 1024))
    bench.put('huge.bin', '')
    truncateSync(join(bench.plan.start.checkout, 'huge.bin'), 60 * 1024 * 1024)
    expect(await commitLeftovers(bench.plan, 'Work')).toMatchObject({
      kind: 'committed',
      held: [{ path: 'huge.bin' }],
    })
  })

  test.each([
    ['a test key', 'key = "AKIAIOSFODNN7EXAMPLE"\n'],
    ['an environment variable', "token: process.env['GITHUB_TOKEN_FOR_THE_PIPELINE_OF_X'],\n"],
    ['a name of a header', "if (text.includes('-----BEGIN PRIVATE KEY-----')) fail()\n"],
    [
      'a hash',
      'const password_sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"\n',
    ],
    ['a local database', 'postgres://postgres:postgres@localhost:5432/db\n'],
    [
      'a lock file',
      '{"integrity": "sha512-Zx8Kp2Qw9Lm4Nv7Bt3Rc6Yh1Jd5Fg0SaUeIoZx8Kp2Qw9Lm4Nv7Bt3Rc6Yh1J=="}',
    ],
  ])('%s is no secret', async (_, content) => {
    using bench = await createPlanBench()
    bench.put('file.txt', content)
    expect(await commitLeftovers(bench.plan, 'Work')).toEqual({ kind: 'committed', held: [] })
  })
})
