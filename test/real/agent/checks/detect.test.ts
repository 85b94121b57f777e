// What set-up and which checks are found in a repository, by tables of files.
import { describe, expect, test } from 'vitest'
import { detect } from '../../../../agent/checks/detect.ts'
import { everyTool, machineWith, manifest, treeOf } from '../../support/tree-of.ts'

/** A set-up by pip, which leaves no half-filled environment behind. */
const pip = (wanted: string) =>
  `{ python3 -m venv --system-site-packages "$HOME/.venv" && "$HOME/.venv/bin/pip" install --quiet --disable-pip-version-check ${wanted}; } || { code=$?; rm -rf "$HOME/.venv"; exit $code; }`
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
    const found = await detect(treeOf({ ...manifest(withDependency), ...files }), everyTool)
    const setup = found.setup.filter(({ isTool }) => isTool !== true)
    expect(setup.map((it) => it.command)).toEqual([command])
    expect(setup[0]?.keyFiles).toContain('package.json')
  })

  test.each([
    [{ 'uv.lock': '', 'pyproject.toml': '' }, 'uv sync --frozen --all-groups'],
    [{ 'poetry.lock': '', 'pyproject.toml': '' }, 'poetry install --no-interaction'],
    [
      { 'requirements.txt': 'requests', 'requirements-dev.txt': 'pytest' },
      pip('-r requirements.txt -r requirements-dev.txt'),
    ],
    [
      {
        'pyproject.toml':
          '[project]\nname = "x"\ndependencies = ["requests"]\n[project.optional-dependencies]\ntest = ["pytest"]\n',
      },
      pip('requests pytest'),
    ],
    [
      {
        'setup.py': '',
        'pyproject.toml':
          '[project]\nname = "x"\noptional-dependencies.testing = ["pytest"]\noptional-dependencies.docs = ["sphinx"]\n[dependency-groups]\ndev = [\n  "hypothesis>=6", # why\n  { include-group = "lint" },\n]\nlint = ["ruff"]\ndocs = ["mkdocs"]\n',
      },
      pip("-e '.[testing]' 'hypothesis>=6' ruff"),
    ],
    [{ 'Cargo.toml': '' }, 'cargo fetch'],
    [{ 'go.mod': '' }, 'go mod download'],
  ])('%j: %s', async (files, command) => {
    const found = await detect(treeOf(files), everyTool)
    expect(found.setup.map((setup) => setup.command)).toEqual([command])
  })

  test('a package that needs nothing installed has no set-up', async () => {
    expect((await detect(treeOf(manifest({ scripts: { test: 'node --test' } })), everyTool)).setup).toEqual(
      [],
    )
  })

  test('corepack stands in for pnpm and yarn where it is there', async () => {
    const found = await detect(
      treeOf({ ...manifest(withDependency), 'pnpm-lock.yaml': '' }),
      machineWith('npm', 'corepack'),
    )
    expect(found.setup.map(({ command }) => command)).toEqual([
      'command -v pnpm >/dev/null || { mkdir -p "$HOME/.local/bin" && corepack enable --install-directory "$HOME/.local/bin" pnpm; }',
      'pnpm install --frozen-lockfile',
    ])
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
    const found = await detect(treeOf(files), machineWith(...tools))
    expect(found.setup).toEqual([])
    expect(found.notes.join('\n')).toContain(`${tool} is not on this machine`)
  })
})

describe('checks', () => {
  const shown = async (files: Record<string, string>, tools = everyTool) =>
    (await detect(treeOf(files), tools)).checks.map((check) => `${check.kind}: ${check.shown}`)

  test('Node: types, lint, build and tests, in this order; the placeholder of npm init is no test', async () => {
    const scripts = { build: 'vite build', test: 'vitest', lint: 'oxlint', typecheck: 'tsc', dev: 'vite' }
    expect(await shown(manifest({ scripts }))).toEqual([
      'types: npm run typecheck',
      'lint: npm run lint',
      'build: npm run build',
      'tests: npm test',
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
    expect(await shown(files)).toEqual(['tests: npm test in packages/a', 'tests: npm test in packages/b'])
  })

  test('projects side by side below the root are each found', async () => {
    const inner = JSON.stringify({ scripts: { test: 'node --test' } })
    expect(await shown({ 'web/package.json': inner, 'go.mod': '' })).toEqual([
      'tests: npm test in web',
      'build: go build ./...',
      'types: go vet ./...',
      'tests: go test ./...',
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
    const found = await detect(treeOf(files), machineWith(...tools))
    expect(found.checks.find(({ kind }) => kind === 'tests')?.shown).toBe(expected)
  })

  test('Python: ruff and mypy where configured and to be had, else a note', async () => {
    const files = {
      'pyproject.toml': '[tool.ruff]\n[tool.mypy]\n[dependency-groups]\ndev = ["ruff"]\n',
      'a.py': '',
    }
    const found = await detect(treeOf(files), machineWith('python3'))
    expect(found.checks.map((check) => check.shown)).toEqual(['python3 -m compileall', 'ruff check'])
    expect(found.notes).toEqual([
      'mypy is configured, but not among the dependencies and not on this machine.',
      'No test, build or type check was found. Most files here: .toml (1), .py (1).',
    ])
  })

  test('a vault is a vault whatever lies beside it; documents of a program are not checked', async () => {
    const vault = await detect(
      treeOf({ '.obsidian/app.json': '{}', 'Note.md': '', ...manifest({}) }),
      everyTool,
    )
    expect(vault.kind).toBe('obsidian')
    expect(vault.checks[0]?.command).toContain('/opt/node /opt/ralph.mjs check-documents obsidian 000')
    expect((await detect(treeOf({ 'README.md': '', 'go.mod': '' }), everyTool)).kind).toBe('go')
    const documents = await detect(treeOf({ 'report.md': '' }), everyTool)
    expect(documents.kind).toBe('documents')
    expect(documents.checks[0]?.command).toContain('--may-remove')
  })

  test('a repository without files, and one of unknown kind, have none', async () => {
    expect(await detect({ ...treeOf({}), commit: null }, everyTool)).toMatchObject({
      kind: 'unknown',
      checks: [],
    })
    expect(await detect(treeOf({ 'x.bin': '' }), everyTool)).toMatchObject({ kind: 'unknown', checks: [] })
  })

  test('the files a check hangs on are named', async () => {
    const files = {
      ...manifest({ scripts: { test: 'node scripts/run.js' } }),
      'scripts/run.js': '',
      'tsconfig.json': '',
      'src/tsconfig.json': '',
    }
    expect((await detect(treeOf(files), everyTool)).checks[0]?.files).toEqual([
      'package.json',
      'scripts/run.js',
    ])
  })

  test('a broken package.json is named and gives nothing', async () => {
    const found = await detect(treeOf({ 'package.json': '{' }), everyTool)
    expect(found).toMatchObject({ checks: [], setup: [] })
    expect(found.notes[0]).toContain('cannot be parsed')
  })
})
