// Which scripts of package.json are checks, of which kind, and how one that only watches is run once.
import { expect, it } from 'vitest'
import { chooseScripts, detectNode } from '../../../../agent/checks/detect-node.ts'
import { everyTool, manifest, treeOf } from '../../../real/support/tree-of.ts'

const chosen = (scripts: Record<string, string>) =>
  chooseScripts(scripts, []).map(({ name, kind }) => `${kind}: ${name}`)

it.each([
  // Regression: jest's -w is short for --maxWorkers.
  [{ test: 'jest -w 2', 'test:ci': 'x' }, ['tests: test']],
  [{ test: 'vitest dev', 'test:ci': 'vitest run' }, ['tests: test:ci']],
  [{ test: 'mocha -w', 'test:ci': 'mocha' }, ['tests: test:ci']],
  [{ test: 'ava --watch=false', 'test:ci': 'x' }, ['tests: test']],
  [{ spec: 'mocha' }, ['tests: spec']],
  [{ tests: 'node tests.js' }, ['tests: tests']],
  [{ ci: 'eslint . && vitest run' }, ['tests: ci']],
  [{ ci: 'tsc && vite build' }, ['build: ci']],
  [{ ci: 'npm test && semantic-release', test: 'exit 0' }, []],
  [{ check: 'tsc --noEmit', ci: 'npm run check && npm test', test: 'ava' }, ['tests: test', 'types: check']],
  [{ 'test:types': 'tsd', 'test:lint': 'xo' }, ['types: test:types', 'lint: test:lint']],
])('chooses of %j: %j', (scripts, expected) => {
  expect(chosen(scripts)).toEqual(expected)
})

it.each([
  [{ check: 'biome check --write .' }, []],
  [{ types: 'tsc && prettier --write .' }, []],
  [{ test: 'prettier --write . && vitest run' }, ['tests: test']],
])('takes a script that rewrites files only for its tests, of %j: %j', (scripts, expected) => {
  expect(chosen(scripts)).toEqual(expected)
})

it.each([
  ['jest -w 2 --watch', "'jest -w 2'"],
  ['vitest watch', "'vitest run'"],
  ['mocha -w test', "'mocha test'"],
])('runs %s once: %s', async (test, once) => {
  const found = await detectNode(treeOf(manifest({ scripts: { test } })), everyTool)
  expect(found?.checks.map(({ command }) => command)).toEqual([`npm exec --call ${once}`])
})

// Regression: each star of a workspace's pattern tried every length, which took hours for one path.
it('reads a hostile pattern of a workspace in time', async () => {
  const inner = JSON.stringify({ scripts: { test: 'tap' } })
  const files = {
    ...manifest({ workspaces: ['*a'.repeat(30) + 'b', 'libs/**', '!libs/old'] }),
    [`${'a'.repeat(200)}/package.json`]: inner,
    'libs/deep/x/package.json': inner,
    'libs/old/package.json': inner,
  }
  const found = await detectNode(treeOf(files), everyTool)
  expect(found?.checks.map(({ shown }) => shown)).toEqual(['npm test in libs/deep/x'])
})
