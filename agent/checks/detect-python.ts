// Detects Python projects. The lock file decides between uv, poetry and pip, the tests between pytest and unittest.
import { onlyNote, quote } from './detect-shapes.ts'
import type { DetectedCheck, Finding, SetupCommand } from './detect-shapes.ts'
import type { Tree } from './detect-tree.ts'
import type { Machine } from '../machine/programs.ts'

const MINUTE_MS = 60_000
const SETUP_TIMEOUT_MS = 10 * MINUTE_MS
const MARKERS = [
  'pyproject.toml',
  'setup.py',
  'setup.cfg',
  'requirements.txt',
  'Pipfile',
  'uv.lock',
  'poetry.lock',
  'tox.ini',
  'pytest.ini',
]
const REQUIREMENTS = /^(?:requirements[\w.-]*\.txt|requirements\/[\w.-]+\.txt)$/
const TEST_FILE = /(?:^|\/)(?:test_[^/]*|[^/]*_test)\.py$/
const HOLDS_TESTS =
  /^\s*(?:async )?def test|^\s*class \w*Test|\bTestCase\b|^\s*(?:import|from) (?:unittest|pytest)\b/m
const SETTINGS = [
  'pyproject.toml',
  'pytest.ini',
  'setup.cfg',
  'tox.ini',
  'mypy.ini',
  'ruff.toml',
  '.ruff.toml',
  'conftest.py',
]
/** ~/.venv/bin is the first folder of every plan's PATH. */
const VENV = '$HOME/.venv'

interface Project {
  tree: Tree
  machine: Machine
  /** Text of all files that may name a tool as a dependency or configure it. */
  declared: string
  pyproject: string
  notes: string[]
}

export async function detectPython(tree: Tree, machine: Machine): Promise<Finding> {
  const isProject =
    MARKERS.some((name) => tree.has(name)) ||
    tree.paths.some((path) => /^(?:[^/]+|tests?\/[^/]+)\.py$/.test(path))
  if (!isProject) return null
  const texts: string[] = []
  for (const path of tree.paths.filter((name) => MARKERS.includes(name) || REQUIREMENTS.test(name)))
    texts.push((await tree.read(path)) ?? '')
  if (!machine.has('python3'))
    return onlyNote(
      'python',
      'python3 is not on this machine: nothing of the Python project can be set up or checked.',
    )
  const project: Project = {
    tree,
    machine,
    declared: texts.join('\n'),
    pyproject: (await tree.read('pyproject.toml')) ?? '',
    notes: [],
  }
  const setup = setupOf(project)
  const checks = await checksOf(project)
  return { kind: 'python', setup: setup === null ? [] : [setup], checks, notes: project.notes }
}

function setupOf({ tree, machine, pyproject, declared, notes }: Project): SetupCommand | null {
  const requirements = tree.paths.filter((path) => REQUIREMENTS.test(path))
  for (const [lock, tool, text] of [
    ['uv.lock', 'uv', 'uv sync --frozen --all-groups'],
    ['poetry.lock', 'poetry', 'poetry install --no-interaction'],
    ['Pipfile.lock', 'pipenv', 'pipenv sync --dev'],
  ] as const) {
    if (!tree.has(lock)) continue
    if (machine.has(tool)) return toSetup(text, [lock, 'pyproject.toml', 'Pipfile'])
    notes.push(`${tool} is not on this machine, and ${lock} needs it: no set-up was done for Python.`)
    return null
  }
  const pip = `python3 -m venv "${VENV}" && "${VENV}/bin/pip" install --quiet --disable-pip-version-check`
  if (requirements.length > 0)
    return toSetup(`${pip} ${requirements.map((path) => `-r ${quote(path)}`).join(' ')}`, requirements)
  const needsPackages = /^\s*dependencies\s*=\s*\[\s*[^\s\]]|^\s*install_requires|^\[build-system\]/m.test(
    declared,
  )
  if (!needsPackages) return null
  const extras = ['test', 'tests', 'dev'].filter((name) =>
    new RegExp(`\\[project\\.optional-dependencies\\][^[]*^${name}\\s*=`, 'ms').test(pyproject),
  )
  return toSetup(`${pip} -e ${extras.length === 0 ? '.' : `'.[${extras.join(',')}]'`}`, [
    'pyproject.toml',
    'setup.py',
    'setup.cfg',
  ])
}

const toSetup = (command: string, keyFiles: string[]): SetupCommand => ({
  command,
  timeoutMs: SETUP_TIMEOUT_MS,
  keyFiles,
})

async function checksOf(project: Project): Promise<DetectedCheck[]> {
  const { tree, declared, notes } = project
  const files = SETTINGS.filter((name) => tree.has(name))
  const quick = (command: string, shown: string): DetectedCheck => ({
    command,
    shown,
    suite: 'quick',
    timeoutMs: 10 * MINUTE_MS,
    files,
  })
  const checks: DetectedCheck[] = [
    quick(
      String.raw`PYTHONPYCACHEPREFIX="$TMPDIR/pycache" python3 -m compileall -q -x '(^|/)(\.venv|venv|node_modules|\.git)/' .`,
      'python3 -m compileall',
    ),
  ]
  const configured = {
    ruff: /^\[tool\.ruff/m.test(declared) || tree.has('ruff.toml') || tree.has('.ruff.toml'),
    mypy: /^\[tool\.mypy|^\[mypy\]/m.test(declared) || tree.has('mypy.ini'),
  }
  const lint = [
    ['ruff', configured.ruff, 'ruff check --no-cache .'],
    ['mypy', configured.mypy, 'mypy --cache-dir="$TMPDIR/mypy" .'],
  ] as const
  for (const [tool, isConfigured, command] of lint) {
    if (!isConfigured) continue
    if (hasPackage(project, tool))
      checks.push(quick(`${runner(project)}${command}`, `${tool}${tool === 'ruff' ? ' check' : ''}`))
    else notes.push(`${tool} is configured, but not among the dependencies and not on this machine.`)
  }
  const tests = await testCommand(project)
  if (tests !== null) checks.push({ ...tests, suite: 'full', timeoutMs: 30 * MINUTE_MS, files })
  return checks
}

async function testCommand(project: Project): Promise<{ command: string; shown: string } | null> {
  const { tree, declared, notes } = project
  const tests = tree.paths.filter((path) => TEST_FILE.test(path))
  const isConfigured =
    tree.has('pytest.ini') || /^\[tool\.pytest|^\[tool:pytest\]|^\[pytest\]/m.test(declared)
  if (tests.length === 0 && !isConfigured) return null
  const texts = await Promise.all(tests.slice(0, 20).map(async (path) => (await tree.read(path)) ?? ''))
  // These test files are scripts that assert when they run. pytest would find no test in them and fail.
  if (!isConfigured && tests.length === texts.length && !texts.some((text) => HOLDS_TESTS.test(text))) {
    notes.push(
      'The test files are scripts without test functions: run them by a check of the plan or in .ralph/checks.sh.',
    )
    return null
  }
  const isPlain =
    texts.length > 0 &&
    texts.every((text) => /^\s*(?:import|from) unittest\b/m.test(text) && !/^\s*import pytest\b/m.test(text))
  const wantsPytest = isConfigured || !isPlain || /\bpytest\b/.test(declared)
  if (wantsPytest && hasPackage(project, 'pytest'))
    return { command: `${runner(project)}python3 -m pytest -q -p no:cacheprovider`, shown: 'pytest' }
  if (!isPlain) {
    notes.push('The tests need pytest, which is not among the dependencies and not on this machine.')
    return null
  }
  return {
    command: `PYTHONDONTWRITEBYTECODE=1 ${runner(project)}python3 -m unittest discover ${whereTests(tree, tests)}`,
    shown: 'python3 -m unittest',
  }
}

function whereTests(tree: Tree, tests: string[]): string {
  const folder = ['tests', 'test'].find((name) => tests.some((path) => path.startsWith(`${name}/`)))
  const pattern = tests.every((path) => path.endsWith('_test.py')) ? " -p '*_test.py'" : ''
  if (folder === undefined) return `-s .${pattern}`
  return tree.has(`${folder}/__init__.py`) ? `-s ${folder} -t .${pattern}` : `-s ${folder}${pattern}`
}

/** True when the tool is among the dependencies or already on the machine. */
const hasPackage = ({ declared, machine }: Project, tool: string): boolean =>
  new RegExp(`(?:^|["'\\s])${tool}(?=["'\\s=<>~!\\[;,]|$)`, 'm').test(
    declared.replaceAll(/^\[[^\]]*\]/gm, ''),
  ) || machine.has(tool)

function runner({ tree, machine }: Project): string {
  if (tree.has('uv.lock') && machine.has('uv')) return 'uv run --frozen '
  return tree.has('poetry.lock') && machine.has('poetry') ? 'poetry run ' : ''
}
