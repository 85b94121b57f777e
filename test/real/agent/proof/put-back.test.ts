// Which files of a commit a proof puts back as they are at the base, on real git.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { readDifference } from '../../../../agent/git/difference.ts'
import { openProofShell } from '../../../../agent/proof/clean-checkout.ts'
import { putBack } from '../../../../agent/proof/put-back.ts'
import { createGit } from '../../../../agent/git/git.ts'
import { planEnv } from '../../../../agent/users/environment.ts'

const BASE = {
  'package.json': '{ "name": "a", "scripts": { "test": "node --test" } }\n',
  'src/a.js': 'export const a = 1\n',
  'test/a.test.js': '// the tests\n',
  'tools/verify.sh': 'exit 1\n',
}

type Files = Record<string, string | null>

/** Makes a repository with a base and a head, opens the head as a proof does, and puts files back. null deletes a file. */
async function proofOf(changes: Files, named: string[] = []) {
  const folder = mkdtempSync(join(tmpdir(), 'put-back-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const repo = join(folder, 'repo')
  mkdirSync(repo)
  const git = createGit(repo, planEnv({ home: folder, user: 'u', path: process.env['PATH'], planId: 'p' }))
  const commit = async (files: Files) => {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(repo, path)), { recursive: true })
      if (text === null) rmSync(join(repo, path))
      else writeFileSync(join(repo, path), text)
    }
    await git.must(['add', '--all', '--force'])
    await git.must(['commit', '--quiet', '-m', 'x'])
    return git.must(['rev-parse', 'HEAD'])
  }
  await git.must(['init', '--quiet'])
  const base = await commit(BASE)
  const head = await commit(changes)
  const home = join(folder, 'home')
  mkdirSync(home)
  const shell = await openProofShell(
    {
      kind: 'order',
      job: 'prove',
      baselineFile: null,
      isolated: false,
      isOnBase: true,
      id: '01990000-0000-8000-8000-000000000001',
      attempt: 1,
      text: '',
      messages: [],
      summary: '',
      head,
      branch: 'agent/x',
      baseHead: base,
      checks: [],
      model: 'm',
      effort: 'high',
      token: '',
      url: '',
      mirror: join(repo, '.git'),
      user: { name: 'u', home, ids: null },
      logs: join(folder, 'logs'),
    },
    head,
    () => {},
  )
  const difference = await readDifference(shell.git, base, head)
  const back = await putBack(shell, { base, difference, named: new Set(named) })
  const read = (path: string) =>
    existsSync(join(shell.checkout, path)) ? readFileSync(join(shell.checkout, path), 'utf8') : null
  return { shell, back, read, base, head }
}

test('changed and deleted tests come back; added tests and sources stay as the work has them', async () => {
  const { read, back } = await proofOf({
    'src/a.js': 'export const a = 2\n',
    'test/a.test.js': null,
    'test/b.test.js': '// new\n',
  })
  expect(read('test/a.test.js')).toBe(BASE['test/a.test.js'])
  expect(read('test/b.test.js')).toBe('// new\n')
  expect(read('src/a.js')).toBe('export const a = 2\n')
  expect(back.paths).toEqual(['test/a.test.js'])
})

test.each([
  ['a setting of a test runner', 'vitest.config.ts'],
  ['a setting of Python’s test runner', 'pytest.ini'],
  ['a module in place of one of the standard library', 'unittest.py'],
  ['an installed package', 'node_modules/vitest/index.js'],
  ['a plugin', 'fake.dist-info/entry_points.txt'],
])('%s that the work adds is taken out: %s', async (_, path) => {
  const { read, back } = await proofOf({ [path]: 'x\n', 'src/a.js': '// x\n' })
  expect(read(path)).toBeNull()
  expect([...back.paths, ...back.installed]).toEqual([path])
})

test('a script that a check names comes back, and package.json keeps its scripts and gets new packages', async () => {
  const { read } = await proofOf(
    {
      'tools/verify.sh': 'exit 0\n',
      'package.json': '{ "name": "a", "scripts": { "test": "true" }, "dependencies": { "b": "1" } }\n',
    },
    ['tools/verify.sh'],
  )
  expect(read('tools/verify.sh')).toBe('exit 1\n')
  expect(JSON.parse(read('package.json') ?? '')).toMatchObject({
    scripts: { test: 'node --test' },
    dependencies: { b: '1' },
  })
})

test('the work’s own versions can be taken again, with what it deleted', async () => {
  const { shell, read, back, head } = await proofOf({
    'test/a.test.js': null,
    'package.json': '{ "name": "a", "scripts": { "test": "true" } }\n',
  })
  await shell.takeFrom(head, back.paths)
  expect(read('test/a.test.js')).toBeNull()
  expect(read('package.json')).toContain('"true"')
})
