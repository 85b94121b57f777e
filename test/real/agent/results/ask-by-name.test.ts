// Real runners are asked for their tests by name. Each is also run without being asked: the exit code and the output must be the same.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { askByName } from '../../../../agent/results/ask-by-name.ts'
import { describeWith, needs } from '../../../support/needs.ts'

const root = resolve(import.meta.dirname, '../../../..')
const path = `${root}/node_modules/.bin:${process.env['PATH'] ?? ''}`
let folder: string
let runs = 0

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ask-by-name-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Makes a checkout. */
function checkout(files: Record<string, string>): string {
  const made = join(folder, `checkout-${(runs += 1)}`)
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(made, name)), { recursive: true })
    writeFileSync(join(made, name), text)
  }
  return made
}

/** Runs the command plain and asked, expects the same output and exit code, and returns the tests as `state: name`. */
function ask(
  command: string,
  where: string,
  scripts: Record<string, string> = {},
  view = withoutTimes,
): string[] | null {
  const reportFolder = join(folder, `report-${(runs += 1)}`)
  mkdirSync(reportFolder)
  const run = (text: string, added: Record<string, string>) => {
    const env = {
      PATH: path,
      HOME: process.env['HOME'] ?? folder,
      CI: 'true',
      npm_config_update_notifier: 'false',
      ...added,
    }
    const { status, stdout } = spawnSync('bash', ['-c', `exec 2>&1; ${text}`], {
      cwd: where,
      env,
      encoding: 'utf8',
    })
    return { status, output: stdout }
  }
  const plain = run(command, {})
  const telling = askByName({ command }, { reportFolder, checkout: where, env: {}, scripts })
  const asked = run(telling.command, telling.env)
  expect({ status: asked.status, output: view(telling.show(asked.output)) }).toEqual({
    status: plain.status,
    output: view(plain.output),
  })
  const results = telling.read(asked.output)
  return results === null ? null : [...results].map(([name, state]) => `${state}: ${name}`)
}

/** Also without the lines in which vitest says where its time went. */
const withoutTimes = (output: string): string =>
  output
    .replaceAll(/0x[0-9a-f]+/g, 'ADDRESS')
    .replaceAll(/^.*(?:Duration|Isolate|at least).*$/gm, '')
    .replaceAll(/[ \d.:]*\d(?:ms|s)?\b/g, 'N')
    .replaceAll(/\n{2,}/g, '\n')

const NODE_TEST = `
const { test, describe, it } = require('node:test')
describe('outer', () => {
  it('one', () => {})
  it.skip('off', () => {})
  describe('inner', () => { for (const n of [1, 1]) it('param ' + n, () => {}) })
})
test('parent', async (t) => { await t.test('child', () => {}) })
test('later', { todo: true }, () => {})
if (process.env.RED) test('red', () => { throw new Error('red') })
`
const NODE_NAMES = (file: string) => [
  `passed: ${file} > outer > one`,
  `skipped: ${file} > outer > off`,
  `passed: ${file} > outer > inner > param 1`,
  `passed: ${file} > outer > inner > param 1 (2)`,
  `passed: ${file} > parent > child`,
  `passed: ${file} > parent`,
  `skipped: ${file} > later`,
]

describe('node:test', () => {
  it('names the tests of several files, below a package script', () => {
    const where = checkout({
      'package.json': '{"scripts":{"test":"npm run --silent inner","inner":"node --test"}}',
      'test/a.test.js': NODE_TEST,
      'test/plain.test.js': 'console.log("no test at all")',
    })
    expect(ask('npm test', where)).toEqual([...NODE_NAMES('test/a.test.js'), 'passed: test/plain.test.js'])
  })

  it('names the tests of files that plain node runs, one process after the other', () => {
    const where = checkout({ 'a.js': NODE_TEST, 'b.js': NODE_TEST })
    expect(ask('node a.js; RED=1 node b.js', where)).toEqual([
      ...NODE_NAMES('a.js'),
      ...NODE_NAMES('b.js'),
      'failed: b.js > red',
    ])
  })

  it('does not name the tests that a test runs', () => {
    const where = checkout({
      'a.test.js': `require('node:test').test('outer', () => {
        const env = { ...process.env }
        delete env.NODE_TEST_CONTEXT
        require('node:child_process').execFileSync(process.execPath, [__dirname + '/inner.js'], { env })
      })`,
      'inner.js': NODE_TEST,
    })
    expect(ask('node --test a.test.js', where)).toEqual(['passed: a.test.js > outer'])
  })

  // Regression: node:test was heard only after its first test had started another run.
  it('does not name the tests that a test runs below plain node', () => {
    const where = checkout({
      'outer.js': `require('node:test').test('outer', () => {
        require('node:child_process').execFileSync(process.execPath, [__dirname + '/inner.js'])
      })`,
      'inner.js': NODE_TEST,
    })
    expect(ask('node outer.js', where)).toEqual(['passed: outer.js > outer'])
  })

  it('whose own reporter writes TAP is read from its output', () => {
    const where = checkout({ 'a.test.js': "require('node:test').test('one', () => {})" })
    expect(ask('node --test --test-reporter=tap a.test.js', where)).toEqual(['passed: one'])
  })
})

describe('a check without tests', () => {
  it('names none', () => {
    expect(ask('node -e "console.log(1)" && npm --version', checkout({ 'a.txt': '' }))).toBeNull()
  })
})

describe('vitest', () => {
  const files = {
    'package.json':
      '{"type":"module","scripts":{"test":"vitest run","own":"NODE_OPTIONS=--no-warnings vitest run"}}',
    'a.test.ts': `import { describe, expect, it } from 'vitest'
describe('outer', () => {
  it('one', () => {})
  it.skip('off', () => {})
  it.each([1, 2])('param %i', (n) => expect(n).toBe(1))
})`,
    'broken.test.ts': 'throw new Error("broken")',
  }
  const names = [
    'passed: a.test.ts > outer > one',
    'skipped: a.test.ts > outer > off',
    'passed: a.test.ts > outer > param 1',
    'failed: a.test.ts > outer > param 2',
    'failed: broken.test.ts',
  ]
  const prepared = () => {
    const where = checkout(files)
    symlinkSync(join(root, 'node_modules'), join(where, 'node_modules'))
    return where
  }

  it('names its tests below a package script', () => {
    expect(ask('npm test', prepared())?.toSorted()).toEqual(names.toSorted())
  })

  it('is asked with arguments where the script sets NODE_OPTIONS itself', () => {
    const scripts = { own: 'NODE_OPTIONS=--no-warnings vitest run' }
    expect(ask('npm run own', prepared(), scripts)?.toSorted()).toEqual(names.toSorted())
  })
})

describeWith(needs.python(), 'unittest', () => {
  const UNITTEST = `import unittest
class A(unittest.TestCase):
    def test_ok(self):
        """has a doc"""
    def test_sub(self):
        for i in range(3):
            with self.subTest(i=i): self.assertNotEqual(i, 1)
    @unittest.skip('off')
    def test_off(self): pass
if __name__ == '__main__': unittest.main()
`
  it('names its tests, discovered or run as a script', () => {
    const where = checkout({ 'tests/__init__.py': '', 'tests/test_a.py': UNITTEST })
    expect(ask('python3 -m unittest -b; python3 tests/test_a.py', where)).toEqual([
      'skipped: tests.test_a.A.test_off',
      'passed: tests.test_a.A.test_ok',
      'failed: tests.test_a.A.test_sub',
      'skipped: tests/test_a.py.A.test_off',
      'passed: tests/test_a.py.A.test_ok',
      'failed: tests/test_a.py.A.test_sub',
    ])
  })

  it('is read from its output where the path is set anew', () => {
    const where = checkout({ 'test_a.py': UNITTEST })
    expect(ask('PYTHONPATH=. python3 -m unittest -v', where)).toEqual([
      'skipped: test_a.A.test_off',
      'passed: test_a.A.test_ok',
      'failed: test_a.A.test_sub',
    ])
  })
})

describeWith(needs.pytest(), 'pytest', () => {
  const files = {
    'tests/test_a.py': `import pytest
@pytest.mark.parametrize('x', ['a', 'b::c'])
def test_p(x): pass
class TestK:
    @pytest.mark.skip
    def test_off(self): pass
@pytest.fixture
def bad():
    yield
    assert 0
def test_end(bad): pass
`,
    'tests/test_b.py': 'def test_b(): pass\n',
  }
  const names = [
    'passed: tests/test_a.py > test_p[a]',
    'passed: tests/test_a.py > test_p[b::c]',
    'skipped: tests/test_a.py > TestK > test_off',
    'failed: tests/test_a.py > test_end',
    'passed: tests/test_b.py > test_b',
  ]
  const quiet = '-q -p no:cacheprovider'

  it('names the tests of several runs', () => {
    const command = `python3 -m pytest ${quiet} tests/test_a.py; python3 -m pytest ${quiet} tests/test_b.py`
    expect(ask(command, checkout(files))).toEqual(names)
  })

  it.each([
    ['sets the path anew', 'PYTHONPATH=. python3'],
    ['reads no environment of Python', 'python3 -E'],
  ])('writes its own report where the command %s', (_, start) => {
    expect(ask(`${start} -m pytest -p no:cacheprovider tests`, checkout(files))).toEqual(names)
  })
})

describeWith(needs.go(), 'go test', () => {
  it('names tests by package and shows the lines that it shows without being asked', () => {
    const where = checkout({
      'go.mod': 'module example.com/x\n\ngo 1.18\n',
      'a_test.go': `package x

import "testing"

func TestGood(t *testing.T) { t.Log("logged") }
func TestBad(t *testing.T)  { t.Run("sub test", func(t *testing.T) { t.Error("boom") }) }
func TestOff(t *testing.T)  { t.Skip("off") }
`,
      'tagged_test.go': '//go:build slow\n\npackage x\n\nfunc broken() { nothing() }\n',
    })
    // What a test logs stands above its name, and the last FAIL is no event.
    const lines = (output: string) =>
      [
        ...new Set(
          withoutTimes(output)
            .split('\n')
            .map((line) => line.trim()),
        ),
      ]
        .toSorted()
        .join('\n')
    expect(ask('go test -count=1 ./...', where, {}, lines)).toEqual([
      'passed: example.com/x > TestGood',
      'failed: example.com/x > TestBad',
      'failed: example.com/x > TestBad/sub_test',
      'skipped: example.com/x > TestOff',
    ])
  })
})
