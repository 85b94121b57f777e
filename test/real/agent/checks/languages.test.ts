// What is found in repositories of other languages, of documents and of unknown kinds.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { isDocument } from '../../../../agent/checks/detect-documents.ts'
import { runsTheCode } from '../../../../agent/checks/detect-shapes.ts'
import { detect } from '../../../../agent/checks/detect.ts'
import { findProgram } from '../../../../agent/machine/programs.ts'
import { everyTool, machineWith, manifest, treeOf } from '../../support/tree-of.ts'

const folder = mkdtempSync(join(tmpdir(), 'ralph-detect-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('other languages', () => {
  const C = { 'main.c': '', 'CMakeLists.txt': 'project(x)\nadd_executable(x main.c)\n' }
  const ctest = { ...C, 'tests/CMakeLists.txt': 'add_test(NAME x COMMAND x)' }
  test.each<[files: Record<string, string>, expected: string[]]>([
    [C, ['build: cmake --build']],
    [{ ...C, 'test/CMakeLists.txt': 'add_test(NAME x COMMAND x)' }, ['tests: ctest']],
    [{ 'meson.build': "project('x')\ntest('a', b)\n" }, ['tests: meson test']],
    [{ Rakefile: 'Rake::TestTask.new', 'lib/a.rb': '' }, ['tests: rake test']],
    [{ Rakefile: 'Rake::TestTask.new', Gemfile: "gem 'rake'" }, ['tests: bundle exec rake test']],
    [{ 'lib/a.rb': '', 'test/a_test.rb': '' }, ['tests: minitest']],
    [
      { DESCRIPTION: 'Package: x', 'R/a.R': '', 'tests/testthat/test-a.R': '' },
      ['tests: testthat::test_local()'],
    ],
    [{ DESCRIPTION: 'Package: x', 'R/a.R': '' }, ['tests: R CMD check']],
    [{ 'main.tf': '' }, ['types: terraform validate']],
    [{ 'a.sh': '', 'test/a.bats': '' }, ['tests: bats']],
    [{ 'A.pm': '', 't/basic.t': 'use Test::More;' }, ['tests: prove --lib --recurse t']],
    [
      { 'services/api/go.mod': '' },
      [
        'build: go build ./... in services/api',
        'types: go vet ./... in services/api',
        'tests: go test ./... in services/api',
      ],
    ],
    [{ 'apps/web/package.json': '{"scripts": {"test": "tap"}}' }, ['tests: npm test in apps/web']],
    [{ 'apps/x/package.json': '{"scripts": {"lint": "xo"}}' }, []],
    [{ 'examples/x/package.json': '{"scripts": {"test": "tap"}}', 'a.lua': '' }, []],
    [{ 'a.lua': '', 'test.sh': 'lua a.lua' }, ['tests: bash test.sh']],
    [{ 'Taskfile.yml': 'tasks:\n  test: lua a.lua\n' }, ['tests: task test']],
    [
      { 'test_a.py': 'def test_a(): pass', Makefile: 'test:\n\tpytest\n' },
      ['lint: python3 -m compileall', 'tests: pytest'],
    ],
    [
      { ...manifest({ scripts: { lint: 'xo' } }), Makefile: 'test:\n\t./x\n' },
      ['lint: npm run lint', 'tests: make test'],
    ],
    [
      { 'app/tests.py': 'from unittest import TestCase\nclass A(TestCase): pass', 'setup.py': '' },
      ['lint: python3 -m compileall', 'tests: python3 -m unittest'],
    ],
    [
      { 'manage.py': '', 'app/tests.py': 'from django.test import TestCase' },
      ['lint: python3 -m compileall', 'tests: python3 manage.py test'],
    ],
  ])('%j: %j', async (files, expected) => {
    const found = await detect(treeOf(files), everyTool)
    expect(found.checks.map(({ kind, shown }) => `${kind}: ${shown}`)).toEqual(expected)
    const nothing = await detect(treeOf(files), machineWith())
    // bash is always there.
    expect(nothing.checks.filter(runsTheCode).filter(({ shown }) => !shown.startsWith('bash '))).toEqual([])
    expect(nothing.checks.length + nothing.notes.length).toBeGreaterThan(0)
  })

  test.each([
    'a.R',
    'a.lua',
    'main.tf.txt.lua',
    'x.ipynb',
    'paper.tex',
    'CMakeLists.txt',
    'requirements.txt',
  ])('a repository with %s is none of documents', async (file) => {
    const found = await detect(treeOf({ 'README.md': '', [file]: '' }), machineWith())
    expect(found.checks).toEqual([])
    expect(found.notes).not.toEqual([])
  })

  test.each([
    ['a.md', true],
    ['.obsidian/app.json', true],
    ['docs/LICENSE', true],
    ['images/a.PNG', true],
    ['requirements.txt', false],
    ['.github/pull.md', false],
    ['data.json', false],
    ['a.py', false],
  ])('isDocument %s: %s', (path, expected) => {
    expect(isDocument(path)).toBe(expected)
  })

  test('ctest, bats, make and a project below really run', { timeout: 60_000 }, async (context) => {
    const missing = ['cmake', 'ctest', 'cc', 'make'].find((tool) => findProgram(tool, process.env) === null)
    if (missing !== undefined) context.skip(`${missing} is not on this machine`)
    const checkout = join(folder, 'c')
    const files = {
      ...ctest,
      'CMakeLists.txt':
        'cmake_minimum_required(VERSION 3.10)\nproject(x C)\nenable_testing()\nadd_executable(x main.c)\nadd_subdirectory(tests)\n',
      'main.c': 'int main(void) { return 3; }\n',
    }
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(checkout, path)), { recursive: true })
      writeFileSync(join(checkout, path), text)
    }
    const [check] = (await detect(treeOf(files), everyTool)).checks
    const env = { PATH: process.env['PATH'], HOME: folder, TMPDIR: folder }
    const run = () =>
      spawnSync('bash', ['-c', check?.command ?? ''], { cwd: checkout, env, encoding: 'utf8' })
    expect(run().stdout).toContain('0% tests passed, 1 tests failed')
    writeFileSync(join(checkout, 'main.c'), 'int main(void) { return 0; }\n')
    expect(run().status).toBe(0)
  })
})
