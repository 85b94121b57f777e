// Which scripts of package.json are checks, what runs them, and which files a check stands on.
import { describe, expect, test } from 'vitest'
import { chooseScripts } from '../../../../agent/checks/detect-node.ts'
import { detect } from '../../../../agent/checks/detect.ts'
import { namedFiles } from '../../../../agent/checks/named-files.ts'
import { everyTool, machineWith, manifest, treeOf } from '../../support/tree-of.ts'

const withDependency = { devDependencies: { vitest: '5' } }

describe('scripts', () => {
  const chosen = (scripts: Record<string, string>) => {
    const notes: string[] = []
    return { chosen: chooseScripts(scripts, notes).map(({ name, kind }) => `${kind}: ${name}`), notes }
  }

  test.each([
    [{ lint: 'eslint .' }, ['lint: lint']],
    [{ lint: 'eslint . && tsc --noEmit' }, ['types: lint']],
    [{ test: 'xo' }, ['lint: test']],
    [{ test: 'xo && ava' }, ['tests: test']],
    [{ test: 'npm run lint', lint: 'standard' }, ['lint: lint', 'lint: test']],
    [{ test: 'npm run unit', unit: 'tap' }, ['tests: test']],
    [{ unit: 'jest' }, ['tests: unit']],
    [{ check: 'biome check' }, ['lint: check']],
    [{ check: 'svelte-check', test: 'vitest' }, ['tests: test', 'types: check']],
    [{ check: 'npm run lint && npm test', lint: 'xo', test: 'ava' }, ['lint: lint', 'tests: test']],
    [{ check: 'node check.js' }, ['tests: check']],
    [
      { 'test:a': 'a', 'test:b': 'b', 'test:watch': 'c', 'test:e2e': 'd' },
      ['tests: test:a', 'tests: test:b'],
    ],
    [{ test: 'jest', 'test:a': 'a' }, ['tests: test']],
    [{ test: 'jest --watch', 'test:ci': 'jest' }, ['tests: test:ci']],
    [{ test: 'jest --watch' }, ['tests: test']],
    [{ test: 'echo "Error: no test specified" && exit 1' }, []],
    [{ test: 'exit 0' }, []],
    [{ constructor: 'tap', test: 'node constructor' }, ['tests: test']],
  ])('%j: %j', (scripts, expected) => {
    expect(chosen(scripts).chosen).toEqual(expected)
  })

  test.each([
    { lint: 'eslint . --fix' },
    { lint: 'npm run format', format: 'prettier --write .' },
    { lint: 'biome check --write=true' },
  ])('%j rewrites files and is no check', (scripts) => {
    expect(chosen(scripts)).toEqual({
      chosen: [],
      notes: ['The script lint rewrites files, so it is no check.'],
    })
    expect(chosen({ ...scripts, 'lint:check': 'eslint .' }).chosen).toEqual(['lint: lint:check'])
  })

  test("the project's own package manager runs them, also in the folders of a workspace", async () => {
    const commands = async (files: Record<string, string>, tools = everyTool) =>
      (await detect(treeOf(files), tools)).checks.map(({ command }) => command)
    const scripts = { scripts: { test: 'tap', lint: 'xo' } }
    expect(await commands(manifest(scripts))).toEqual(['npm run lint', 'npm test'])
    const lock = { 'pnpm-lock.yaml': '' }
    expect(await commands({ ...manifest(scripts), ...lock })).toEqual(['pnpm run lint', 'pnpm run test'])
    expect(await commands(manifest({ ...scripts, packageManager: 'yarn@4.1.0' }))).toEqual([
      'yarn run lint',
      'yarn run test',
    ])
    const both = { ...manifest({ ...scripts, ...withDependency }), 'bun.lock': '', 'package-lock.json': '' }
    expect(await commands(both, machineWith('npm'))).toEqual(['npm run lint', 'npm test'])
    const inner = JSON.stringify(scripts)
    const workspace = {
      ...manifest({ scripts: { lint: 'xo' } }),
      ...lock,
      'pnpm-workspace.yaml': 'packages: # all\n  - \'libs/**\'\n  - "!libs/old"\n',
      'libs/deep/a/package.json': inner,
      'libs/old/package.json': inner,
    }
    expect(await commands(workspace)).toEqual(['pnpm run lint', 'cd libs/deep/a && pnpm run test'])
    expect(await commands(manifest({ scripts: { test: 'jest --watchAll' } }))).toEqual([
      'npm exec --call jest',
    ])
  })

  test('a missing package manager gives a note and no command', async () => {
    const files = { ...manifest({ ...withDependency, scripts: { test: 'tap' } }), 'pnpm-lock.yaml': '' }
    const found = await detect(treeOf(files), machineWith('npm'))
    expect(found).toMatchObject({ setup: [], checks: [] })
    expect(found.notes[0]).toContain('pnpm is not on this machine')
  })
})

describe('the files a check stands on', () => {
  const files = {
    ...manifest({
      scripts: {
        pretest: 'node scripts/prepare.js',
        test: 'npm-run-all test:*',
        'test:a': 'node src/cli.js',
        'test:b': './e.sh | diff - out.txt',
      },
    }),
    'scripts/prepare.js': "import './lib/helper.js'",
    'scripts/lib/helper.js': '',
    'src/cli.js': '',
    'e.sh': '. ./common.sh',
    'common.sh': '',
    'out.txt': '',
    'notes.txt': '',
    Makefile: 'include rules.mk\ntest:\n\t$(MAKE) -f more.mk all\n',
    'rules.mk': 'x:\n\tbash hack/run.sh\n',
    'more.mk': '',
    'hack/run.sh': '',
  }
  test('scripts are followed by name, shell scripts and makefiles by what they include; sources are left out', async () => {
    expect(await namedFiles(treeOf(files), 'npm test')).toEqual([
      'package.json',
      'scripts/prepare.js',
      'scripts/lib/helper.js',
      'e.sh',
      'out.txt',
      'common.sh',
    ])
    expect(await namedFiles(treeOf(files), 'make test')).toEqual([
      'Makefile',
      'rules.mk',
      'more.mk',
      'hack/run.sh',
    ])
  })
})
