// What is found in a repository, by tables of files; and that the commands found judge by the base, whatever the plan edited.
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { resolveScript } from '../../../../agent/checks/detect-node-scripts.ts'
import { detect, detectAt } from '../../../../agent/checks/detect.ts'
import { treeOf } from '../../support/tree-of.ts'
import { createGit } from '../../../../agent/git/git.ts'

const folder = mkdtempSync(join(tmpdir(), 'ralph-detect-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const machine = (...tools: string[]) => ({
  has: (tool: string) => tools.includes(tool),
  node: '/opt/node',
  bundle: '/opt/ralph.mjs',
})
const everything = {
  ...machine(),
  has: () => true,
}
const manifest = (content: object) => ({ 'package.json': JSON.stringify(content) })
const withDependency = { devDependencies: { vitest: '5' } }

describe('set-up', () => {
  test.each([
    [{ 'package-lock.json': '{}' }, 'npm ci --prefer-offline --no-audit --no-fund'],
    [{ 'pnpm-lock.yaml': '' }, 'pnpm install --frozen-lockfile'],
    [{ 'yarn.lock': '' }, 'yarn install --frozen-lockfile'],
    [{ 'yarn.lock': '', '.yarnrc.yml': '' }, 'yarn install --immutable'],
    [{ 'bun.lock': '' }, 'bun install --frozen-lockfile'],
    [{}, 'npm install --no-package-lock --no-audit --no-fund'],
  ])('Node with %j: %s', async (files, command) => {
    const found = await detect(treeOf({ ...manifest(withDependency), ...files }), everything)
    expect(found.setup.map((setup) => setup.command)).toEqual([command])
    expect(found.setup[0]?.keyFiles).toContain('package.json')
  })

  test.each([
    [{ 'uv.lock': '', 'pyproject.toml': '' }, 'uv sync --frozen --all-groups'],
    [{ 'poetry.lock': '', 'pyproject.toml': '' }, 'poetry install --no-interaction'],
    [
      { 'requirements.txt': 'requests', 'requirements-dev.txt': 'pytest' },
      'python3 -m venv "$HOME/.venv" && "$HOME/.venv/bin/pip" install --quiet --disable-pip-version-check -r requirements.txt -r requirements-dev.txt',
    ],
    [
      {
        'pyproject.toml':
          '[project]\nname = "x"\ndependencies = ["requests"]\n[project.optional-dependencies]\ntest = ["pytest"]\n',
      },
      `python3 -m venv "$HOME/.venv" && "$HOME/.venv/bin/pip" install --quiet --disable-pip-version-check -e '.[test]'`,
    ],
    [{ 'Cargo.toml': '' }, 'cargo fetch'],
    [{ 'go.mod': '' }, 'go mod download'],
  ])('%j: %s', async (files, command) => {
    const found = await detect(treeOf(files), everything)
    expect(found.setup.map((setup) => setup.command)).toEqual([command])
  })

  test('a package that needs nothing installed has no set-up', async () => {
    expect((await detect(treeOf(manifest({ scripts: { test: 'node --test' } })), everything)).setup).toEqual(
      [],
    )
  })

  test('corepack stands in for pnpm and yarn where it is there', async () => {
    const found = await detect(
      treeOf({ ...manifest(withDependency), 'pnpm-lock.yaml': '' }),
      machine('npm', 'corepack'),
    )
    expect(found.setup[0]?.command).toBe('corepack pnpm install --frozen-lockfile')
  })

  test.each([
    [{ ...manifest(withDependency), 'bun.lock': '' }, 'bun'],
    [{ 'uv.lock': '', 'a.py': '' }, 'uv'],
    [{ 'Cargo.toml': '' }, 'cargo'],
    [{ 'go.mod': '' }, 'go'],
    [{ Makefile: 'test:\n\ttrue\n' }, 'make'],
    [{ 'a.py': '' }, 'python3'],
  ])('a tool that is not on the machine gives a note and no command: %#', async (files, tool) => {
    const tools = ['npm', 'python3'].filter((name) => name !== tool)
    const found = await detect(treeOf(files), machine(...tools))
    expect(found.setup).toEqual([])
    expect(found.notes.join('\n')).toContain(`${tool} is not on this machine`)
  })
})

describe('checks', () => {
  const shown = async (files: Record<string, string>, tools = everything) =>
    (await detect(treeOf(files), tools)).checks.map((check) => `${check.suite}: ${check.shown}`)

  test('Node: types, lint, tests and build, in this order; the placeholder of npm init is no test', async () => {
    const scripts = { build: 'vite build', test: 'vitest', lint: 'oxlint', typecheck: 'tsc', dev: 'vite' }
    expect(await shown(manifest({ scripts }))).toEqual([
      'quick: npm run typecheck',
      'quick: npm run lint',
      'full: npm test',
      'full: npm run build',
    ])
    const placeholder = 'echo "Error: no test specified" && exit 1'
    expect(await shown(manifest({ scripts: { test: placeholder } }))).toEqual([])
  })

  test('a workspace without a test of its own is checked package by package', async () => {
    const inner = JSON.stringify({ scripts: { test: 'node --test' } })
    const files = {
      ...manifest({ workspaces: ['packages/*'] }),
      'packages/a/package.json': inner,
      'packages/b/package.json': inner,
      'packages/a/node_modules/x/package.json': inner,
      'other/package.json': inner,
    }
    expect(await shown(files)).toEqual(['full: npm test in packages/a', 'full: npm test in packages/b'])
  })

  test('projects side by side below the root are each found', async () => {
    const inner = JSON.stringify({ scripts: { test: 'node --test' } })
    expect(await shown({ 'web/package.json': inner, 'go.mod': '' })).toEqual([
      'full: npm test in web',
      'quick: go build ./...',
      'quick: go vet ./...',
      'full: go test ./...',
    ])
  })

  test.each([
    [{ 'test_a.py': 'import unittest' }, ['python3', 'pytest'], 'python3 -m unittest'],
    [{ 'test_a.py': 'def test_x(): pass' }, ['python3', 'pytest'], 'pytest'],
    [{ 'test_a.py': 'import unittest', 'requirements.txt': 'pytest==8' }, ['python3'], 'pytest'],
    [{ 'a.py': '', 'pytest.ini': '[pytest]' }, ['python3', 'pytest'], 'pytest'],
    // Regression: pytest finds nothing in a script, and that was held against work which the plan's own check had passed.
    [{ 'test_a.py': 'assert 1 + 1 == 2' }, ['python3', 'pytest'], undefined],
  ])('Python %j with %j: %s', async (files, tools, expected) => {
    const found = await detect(treeOf(files), machine(...tools))
    expect(found.checks.find(({ suite }) => suite === 'full')?.shown).toBe(expected)
  })

  test('Python: ruff and mypy where configured and to be had, else a note', async () => {
    const files = {
      'pyproject.toml': '[tool.ruff]\n[tool.mypy]\n[dependency-groups]\ndev = ["ruff"]\n',
      'a.py': '',
    }
    const found = await detect(treeOf(files), machine('python3'))
    expect(found.checks.map((check) => check.shown)).toEqual(['python3 -m compileall', 'ruff check'])
    expect(found.notes).toEqual([
      'mypy is configured, but not among the dependencies and not on this machine.',
    ])
  })

  test('a vault is a vault whatever lies beside it; documents of a program are not checked', async () => {
    const vault = await detect(
      treeOf({ '.obsidian/app.json': '{}', 'Note.md': '', ...manifest({}) }),
      everything,
    )
    expect(vault.kind).toBe('obsidian')
    expect(vault.checks[0]?.command).toContain('/opt/node /opt/ralph.mjs check-documents obsidian 000')
    expect((await detect(treeOf({ 'README.md': '', 'go.mod': '' }), everything)).kind).toBe('go')
    const documents = await detect(treeOf({ 'report.md': '' }), everything, 'Merge the two reports')
    expect(documents.kind).toBe('documents')
    expect(documents.checks[0]?.command).toContain('--may-remove')
  })

  test('a repository without files, and one of unknown kind, have none', async () => {
    expect(await detect({ ...treeOf({}), commit: null }, everything)).toMatchObject({
      kind: 'unknown',
      checks: [],
    })
    expect(await detect(treeOf({ 'x.bin': '' }), everything)).toMatchObject({ kind: 'unknown', checks: [] })
  })

  test('the files a check hangs on are named', async () => {
    const files = {
      ...manifest({ scripts: { test: 'node scripts/run.js' } }),
      'scripts/run.js': '',
      'tsconfig.json': '',
      'src/tsconfig.json': '',
    }
    expect((await detect(treeOf(files), everything)).checks[0]?.files).toEqual([
      'package.json',
      'tsconfig.json',
      'scripts/run.js',
    ])
  })

  test('a broken package.json is named and gives nothing', async () => {
    const found = await detect(treeOf({ 'package.json': '{' }), everything)
    expect(found).toMatchObject({ checks: [], setup: [] })
    expect(found.notes[0]).toContain('cannot be parsed')
  })
})

describe('scripts', () => {
  const scripts = {
    lint: 'eslint . --fix',
    pretest: 'npm run lint',
    test: 'vitest',
    unit: 'jest --watchAll',
    'test:a': 'a',
    'test:b': 'b',
    'test:b:c': 'c',
    all: 'run-s lint test:*',
    loop: 'npm run loop',
    mono: 'npm test -w packages/a',
    turbo: 'turbo run test',
    args: 'npm run unit -- --ci && echo done',
    env: 'X=1 npm run test:a',
    bun: 'bun test',
    yarn: 'yarn lint && yarn tsc',
    node: 'node --run test:a; node x.js',
    redirect: 'npm run test:a 2>&1 | tee log',
    quoted: 'echo "npm run lint"',
    dev: 'tsc -w --noEmit',
  }
  test.each([
    ['test', '(eslint .) && vitest run'],
    ['all', '(eslint .) && (a) && (b)'],
    ['args', '(jest --ci) && echo done'],
    ['env', "X=1 sh -c '(a)'"],
    ['bun', 'bun test'],
    ['yarn', '(eslint .) && yarn tsc'],
    ['node', '(a); node x.js'],
    ['dev', 'tsc --noEmit'],
    ['redirect', '(a 2>&1) | tee log'],
  ])('%s becomes %s', (name, text) => {
    expect(resolveScript(scripts, name)).toEqual({ text, left: [] })
  })

  test.each([
    ['mono', 'npm test -w packages/a'],
    ['turbo', 'turbo'],
    ['loop', 'scripts that call each other'],
    ['quoted', 'npm run'],
  ])('%s is not resolved and says so', (name, left) => {
    expect(resolveScript(scripts, name).left).toContain(left)
  })
})

describe('with real git', () => {
  test('an edited package.json, Makefile or program of the same name decides nothing', async () => {
    const checkout = join(folder, 'checkout')
    const put = (path: string, content: string, mode = 0o644) => {
      mkdirSync(dirname(join(checkout, path)), { recursive: true })
      writeFileSync(join(checkout, path), content)
      chmodSync(join(checkout, path), mode)
    }
    put(
      'web/package.json',
      JSON.stringify({ scripts: { test: 'npm run inner', inner: 'cat ../state && exit 3' } }),
    )
    put('Makefile', 'test: dep\n\tfalse\ndep:\n\tcat state\n')
    put('state', 'the real thing\n')
    const env = { PATH: process.env['PATH'], HOME: folder }
    const git = createGit(checkout, env)
    const commands = ['init -q', 'add -A', '-c user.name=a -c user.email=b commit -qm base']
    for (const command of commands) execFileSync('git', command.split(' '), { cwd: checkout, env })
    const commit = execFileSync('git', ['rev-parse', 'HEAD'], { cwd: checkout, encoding: 'utf8' }).trim()
    put('web/package.json', JSON.stringify({ scripts: { test: 'true', inner: 'true' } }))
    put('Makefile', 'test:\n\ttrue\n')
    const { checks, setup } = await detectAt({ git, commit, env })
    for (const check of checks) {
      const ran = spawnSync('bash', ['-c', check.command], { cwd: checkout, env, encoding: 'utf8' })
      expect(ran.status).not.toBe(0)
      expect(ran.stdout).toContain('the real thing')
    }
    expect(checks.map((check) => check.shown)).toEqual(['npm test in web', 'make test'])
    expect(setup).toEqual([])
    await expect(detectAt({ git, commit: 'f'.repeat(40), env })).rejects.toThrow('git ls-tree failed')
  })
})
