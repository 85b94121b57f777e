// The pure parts of the proof by tables: what is put back, what a plan's words allow, canaries, suspicious lines.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { describeWith, needs } from '../../../support/needs.ts'
import { plantProbes, sortByRelation } from '../../../../agent/proof/plant-probes.ts'
import { graftRustTests, isSameButForSpaces, mergeManifest } from '../../../../agent/proof/merge-manifests.ts'
import { mayChangeTests, withoutFences } from '../../../../agent/checks/plan-words.ts'
import { addedLines } from '../../../../agent/git/difference.ts'
import type { Change } from '../../../../agent/git/difference.ts'
import { suspect } from '../../../../agent/proof/forged-lines.ts'
import { guardTests, installedFiles, isTestFile } from '../../../../agent/proof/test-files.ts'

describe('which files are tests', () => {
  test.each([
    'test/a.js',
    'src/a.test.ts',
    'src/__tests__/a.tsx',
    'tests/conftest.py',
    'test_a.py',
    'pkg/a_test.go',
    'spec/a_spec.rb',
    'src/AppTest.java',
    'tests/fixtures/a.json',
  ])('%s is one', (path) => expect(isTestFile(path)).toBe(true))
  test.each(['src/a.ts', 'docs/specs/plan.md', 'src/contest.py', 'latest/a.js', 'README.md', 'testing.md'])(
    '%s is none',
    (path) => expect(isTestFile(path)).toBe(false),
  )
})

describe('what a plan says about its tests', () => {
  test.each([
    'Rename it to twice and update the tests.',
    'Adapt the existing unit tests to the new name.',
    'Remove the snapshots.',
    'Please rewrite test/sums.test.js for the new interface.',
  ])('%s: they may change', (text) =>
    expect(mayChangeTests(text) || mayChangeTests(text, 'test/sums.test.js')).toBe(true),
  )
  test.each([
    'Make the tests pass.',
    'Change add() so that test/sums.test.js passes.',
    'Do not change the tests.',
    'Never edit test/sums.test.js.',
    'Fix the failing tests.',
    'Add tests for double().',
    'Update the code. The tests say what is wanted.',
    'test/sums.test.js says what double() does.',
  ])('%s: they may not', (text) =>
    expect(mayChangeTests(text) || mayChangeTests(text, 'test/sums.test.js')).toBe(false),
  )

  test('code in a plan is no wish', () => {
    const text = 'Add a.\n\n```sh\nsed -i s/x/y/ test/a.test.js # update the tests\n```\nDone.\n'
    expect(withoutFences(text)).toBe('Add a.\n\n\nDone.\n')
    expect(withoutFences('a\n```\nnever closed: update the tests')).toBe('a\n')
  })
})

describe('what is put back', () => {
  const basePaths = ['package.json', 'src/a.js', 'test/a.test.js', 'tools/check.py', 'tools/lib.py']
  const guard = (changes: Change[], planText = 'Add b.', named: string[] = []) =>
    guardTests({ basePaths, changes, named, planText })

  test('changed and deleted tests come back, new ones wait, sources stay', () => {
    expect(
      guard([
        { path: 'src/a.js', kind: 'changed' },
        { path: 'test/a.test.js', kind: 'deleted' },
        { path: 'test/b.test.js', kind: 'added' },
        { path: 'conftest.py', kind: 'added' },
        { path: '.npmrc', kind: 'added' },
        { path: 'unittest.py', kind: 'added' },
        { path: 'package.json', kind: 'changed' },
      ]),
    ).toEqual({
      restore: ['test/a.test.js'],
      remove: ['test/b.test.js', 'conftest.py', '.npmrc', 'unittest.py'],
      merge: ['package.json'],
      allowed: [],
    })
  })

  test('a script the check names is protected with its folder; a source it names is not', () => {
    const changes: Change[] = [
      { path: 'tools/check.py', kind: 'changed' },
      { path: 'tools/lib.py', kind: 'changed' },
      { path: 'tools/re.py', kind: 'added' },
      { path: 'src/a.js', kind: 'changed' },
    ]
    expect(guard(changes, 'Add b.', ['tools/check.py', 'src/a.js'])).toMatchObject({
      restore: ['tools/check.py', 'tools/lib.py'],
      remove: ['tools/re.py'],
    })
  })

  test('what the plan names is believed and told to the judge', () => {
    const changes: Change[] = [{ path: 'test/a.test.js', kind: 'changed' }]
    expect(guard(changes, 'Update test/a.test.js for the new name.')).toMatchObject({
      restore: [],
      allowed: ['test/a.test.js'],
    })
  })

  test('committed packages are taken out before set-up', () => {
    expect(
      installedFiles([
        { path: 'node_modules/vitest/index.js', kind: 'added' },
        { path: 'src/node.js', kind: 'added' },
        { path: 'node_modules/kept/index.js', kind: 'changed' },
      ]),
    ).toEqual(['node_modules/vitest/index.js'])
  })
})

describe('manifests', () => {
  test('package.json keeps its new packages and gets its scripts and settings of runners back', () => {
    const base = '{"scripts":{"test":"node --test"},"jest":{"bail":true},"dependencies":{"a":"1"}}'
    const head =
      '{"scripts":{"test":"true","pretest":"exit 0","fmt":"x"},"vitest":{},"dependencies":{"a":"1","b":"2"}}'
    expect(JSON.parse(mergeManifest('package.json', base, head))).toEqual({
      scripts: { test: 'node --test', fmt: 'x' },
      jest: { bail: true },
      dependencies: { a: '1', b: '2' },
    })
  })

  test('pyproject.toml keeps its new packages and gets its pytest settings back', () => {
    const base = '[project]\nname = "a"\n[tool.pytest.ini_options]\ntestpaths = ["tests"]\n'
    const head =
      '[project]\nname = "a"\ndependencies = ["b"]\n[tool.pytest.ini_options]\naddopts = "--collect-only"\n'
    expect(mergeManifest('pyproject.toml', base, head)).toBe(
      '[project]\nname = "a"\ndependencies = ["b"]\n[tool.pytest.ini_options]\ntestpaths = ["tests"]\n',
    )
  })

  test('tests inside a Rust file are grafted onto the new source', () => {
    const tests = '#[cfg(test)]\nmod tests {\n    #[test]\n    fn a() { assert_eq!(super::a(), 1); }\n}'
    const base = `pub fn a() -> i32 { 0 }\n\n${tests}\n`
    expect(graftRustTests(base, 'pub fn a() -> i32 { 1 }\n')).toBe(`pub fn a() -> i32 { 1 }\n\n${tests}\n`)
    expect(graftRustTests(base, base.replace('{ 0 }', '{ 1 }'))).toBeNull()
  })

  test.each([
    ['a_test.go', 'x := map{"a":  1}\n', 'x := map{"a": 1}\n', true],
    ['a_test.go', 'f("a  b")\n', 'f("a b")\n', false],
    ['a_test.go', 'x() // a\ny()\n', 'x() // a y()\n', false],
    ['test_a.py', 'if a:\n    b()\n', 'if a:\nb()\n', false],
    ['test_a.py', 'b()  \n\n', 'b()\n', true],
  ])('%s: %j and %j differ in spaces only: %s', (path, base, head, same) => {
    expect(isSameButForSpaces(path, base, head)).toBe(same)
  })
})

describe('probes', () => {
  const HEX = '0123456789abcdef'.repeat(4)
  const runs = (file: string, text: string, program: string, ...args: string[]) => {
    const folder = mkdtempSync(join(tmpdir(), 'probes-'))
    try {
      writeFileSync(join(folder, 'package.json'), '{"type":"module"}')

      writeFileSync(join(folder, file), text)
      execFileSync(program, args, { cwd: folder, encoding: 'utf8', stdio: 'pipe' })
      return { failed: false, said: '' }
    } catch (error) {
      const { stdout, stderr } = error as { stdout: string; stderr: string }
      return { failed: true, said: `${stdout}${stderr}` }
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
  const own = 'function same(a, b) { if (a !== b) { process.exitCode = 1; console.log(a, b) } }\nsame(1, 1)\n'

  type Row = [file: string, text: string, program: string, args: string[]]
  /** What is wrong with the probes of a file: with all agreeing, with each alone differing, without the file's own tests. */
  const problems = (...[file, text, program, args]: Row): string[] => {
    const plant = plantProbes(file, text, HEX)
    if (plant === null) return ['no plant']
    const agreeing = plant.text(new Set())
    const differing = plant.markers.map((marker, at) => ({ marker, failing: plant.text(new Set([at])) }))
    const alone = runs(file, plant.alone(), program, ...args)
    return [
      ...(runs(file, agreeing, program, ...args).failed ? ['all agree, and it fails'] : []),
      ...differing.flatMap(({ marker, failing }) => {
        // Nothing tells the two texts apart but one word; what will be seen stands in neither.
        if (failing.length !== agreeing.length || failing.includes(marker)) return [`${marker} can be told`]
        const { failed, said } = runs(file, failing, program, ...args)
        return failed && said.includes(marker) ? [] : [`${marker} is not heard: ${said}`]
      }),
      ...(plant.markers.some((marker) => alone.said.includes(marker)) ? [] : ['none is heard alone']),
    ]
  }
  const ROWS: Row[] = [
    ['a.test.js', "import { test } from 'node:test'\ntest('a', () => {})\n", 'node', ['--test']],
    [
      'a.test.js',
      "import assert from 'node:assert/strict'\nimport { it } from 'node:test'\nit('a', () => assert.deepEqual(1, 1))\n",
      'node',
      ['--test'],
    ],
    ['a.test.js', "import assert from 'node:assert'\nassert.equal(1, 1)\n", 'node', ['a.test.js']],
    ['check.mjs', own, 'node', ['check.mjs']],
    ['check.sh', 'set -e\ntest 1 = 1\n', 'sh', ['check.sh']],
  ]
  test.each(ROWS)('in %s each probe agrees, and is heard alone when it differs: %j', (...row) =>
    expect(problems(...row)).toEqual([]),
  )

  const PYTHON_ROWS: Row[] = [
    [
      'test_a.py',
      'import unittest\nclass A(unittest.TestCase):\n    def test_a(self):\n        pass\nif __name__ == "__main__":\n    unittest.main()\n',
      'python3',
      ['test_a.py'],
    ],
    [
      'check.py',
      '"""Says\nsomething."""\nimport json\nfrom os import (\n    path,\n)\nassert path\n',
      'python3',
      ['check.py'],
    ],
  ]
  describeWith(needs.python(), 'in Python', () => {
    test.each(PYTHON_ROWS)('in %s each probe agrees, and is heard alone when it differs: %j', (...row) =>
      expect(problems(...row)).toEqual([]),
    )
  })

  test('a Go file stays as gofmt wants it', () => {
    const plant = plantProbes(
      'a_test.go',
      'package a\n\nimport "testing"\n\nfunc TestA(t *testing.T) {}\n',
      HEX,
    )
    expect(
      plant
        ?.text(new Set([0]))
        .split('\n')
        .slice(6),
    ).toEqual([
      'func TestKF0123(t *testing.T) {',
      '\tif got, want := "k01234"+"56789", "k01234"+"abcde"; got != want {',
      '\t\tt.Fatalf("got %s, want %s", got, want)',
      '\t}',
      '}',
      '',
    ])
  })

  test('a file of no known kind gets none', () => {
    expect(plantProbes('tests/data.json', '{}', HEX)).toBeNull()
  })

  test('tests about the changed files come first', () => {
    const tests = ['test/b.test.js', 'test/calc.test.js'].map((path) => ({ path, text: '' }))
    expect(sortByRelation(tests, ['src/calc.js'])[0]?.path).toBe('test/calc.test.js')
  })
})

describe('suspicious lines', () => {
  const kinds = (path: string, text: string, plan = 'Add a.') =>
    suspect([{ path, text }], plan).map(({ kind }) => kind)
  test.each([
    ['a.js', 'process.exit(0)', 'exit'],
    ['a.js', 'process["exit"]()', 'exit'],
    ['a.js', "process.on('exit', () => process.reallyExit(0))", 'exit'],
    ['a.py', 'os._exit(0)', 'exit'],
    ['a.py', 'raise SystemExit', 'exit'],
    ['a.py', 'atexit.register(lambda: None)', 'exit'],
    ['a.go', 'func init() { os.Exit(0) }', 'exit'],
    ['a.rs', 'std::process::exit(0);', 'exit'],
    ['a.js', 'assert.equal = () => {}', 'forge'],
    ['a.js', 'if (process.env.NODE_TEST_CONTEXT) return 8', 'forge'],
    ['a.py', 'def __eq__(self, other): return True', 'forge'],
    ['a.py', 'import unittest', 'forge'],
    ['a.rs', 'if cfg!(test) { return 8 }', 'forge'],
  ])('%s: %s is one: %s', (path, text, kind) => expect(kinds(path, text)).toEqual([kind]))
  test.each([
    ['a.js', 'process.exit(2)'],
    ['a.js', 'process.exitCode = 1'],
    ['a.js', 'if (process.exitCode === 0) return'],
    ['a.py', 'sys.exit(main())'],
    ['a.py', 'sys.exit("no such file")'],
    ['a.py', 'import os'],
    ['a.go', 'os.Exit(1)'],
    ['a.md', 'call process.exit(0)'],
  ])('%s: %s is none', (path, text) => expect(kinds(path, text)).toEqual([]))

  test('a plan that speaks of exits is believed', () => {
    expect(kinds('a.js', 'process.exit(0)', 'With --help it exits with status code 0.')).toEqual([])
  })

  test('added lines are read from a diff', () => {
    expect(addedLines('--- a/x\n+++ b/x\n@@ -0,0 +1 @@\n+one\n-two\n')).toEqual([{ path: 'x', text: 'one' }])
  })
})
