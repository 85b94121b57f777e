// Which files of a commit a proof puts back as they are at the base, on real git.
import { expect, test } from 'vitest'
import { readDifference } from '../../../../agent/git/difference.ts'
import { putBack } from '../../../../agent/proof/put-back.ts'
import { openHead } from '../../support/proof-bench.ts'
import type { Files } from '../../support/proof-bench.ts'

const BASE = {
  'package.json': '{ "name": "a", "scripts": { "test": "node --test" } }\n',
  'src/a.js': 'export const a = 1\n',
  'test/a.test.js': '// the tests\n',
  'tools/verify.sh': 'exit 1\n',
}

/** Opens a head with these changes as a proof does, and puts files back. */
async function proofOf(changes: Files, named: string[] = []) {
  const opened = await openHead(BASE, changes)
  const { shell, base, head } = opened
  const difference = await readDifference(shell.git, base, head)
  return { ...opened, back: await putBack(shell, { base, difference, named: new Set(named) }) }
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
  const { read, back } = await proofOf(
    {
      'tools/verify.sh': 'exit 0\n',
      'package.json': '{ "name": "a", "scripts": { "test": "true" }, "dependencies": { "b": "1" } }\n',
    },
    ['tools/verify.sh'],
  )
  expect(read('tools/verify.sh')).toBe('exit 1\n')
  // It may be the work's own program as well, so the proof tries both versions.
  expect(back.unclear).toEqual(['tools/verify.sh'])
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
