// Detects Python projects. The lock file decides between uv, poetry and pip, the tests between pytest, unittest and Django.
import { parse as parseToml } from 'smol-toml'
import { z } from 'zod'
import { onlyNote, quote } from './detect-shapes.ts'
import type { DetectedCheck, Finding, SetupCommand } from './detect-shapes.ts'
import { parseWith } from './detect-node.ts'
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
const REQUIREMENTS = /^(?:requirements[\w.-]*\.txt|[\w-]+[-_]requirements\.txt|requirements\/[\w.-]+\.txt)$/
/** Requirements for other purposes than the code and its tests. */
const NOT_FOR_TESTS =
  /docs?\b|gpu|cuda|deploy|bench|example|lint|publish|release|min(?:imum)?\b|readthedocs|rtd/
const FOR_TESTS = ['test', 'tests', 'testing', 'dev']
const TEST_FILE = /(?:^|\/)(?:test_[^/]*|[^/]*_test)\.py$/
/** pytest and unittest find these only when they are named. */
const UNFOUND_TEST_FILE = /(?:^|\/)tests?\.py$/
const HOLDS_TESTS =
  /^\s*(?:async )?def test|^\s*class \w*Test|\bTestCase\b|^\s*(?:import|from) (?:unittest|pytest)\b/m
/** ~/.venv/bin is the first folder of every plan's PATH. */
const VENV = '$HOME/.venv'

const Names = z.record(z.string(), z.unknown()).catch({})
const Texts = z.array(z.string()).catch([])
const Pyproject = z.object({
  'build-system': z.unknown().optional(),
  project: z
    .object({ dependencies: Texts, 'optional-dependencies': z.record(z.string(), Texts).catch({}) })
    .optional()
    .catch(undefined),
  'dependency-groups': z
    .record(z.string(), z.array(z.union([z.string(), z.object({ 'include-group': z.string() })])).catch([]))
    .catch({}),
  tool: Names,
})
type Pyproject = z.infer<typeof Pyproject>

const PoetryGroups = z.object({
  poetry: z.object({
    'dev-dependencies': Names,
    group: z.record(z.string(), z.object({ dependencies: Names })).catch({}),
  }),
})

interface Project {
  tree: Tree
  machine: Machine
  /** Text of all files that may name a tool as a dependency or configure it. */
  declared: string
  /** Text that names what the set-up installs. */
  installed: string
  pyproject: Pyproject
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
  const read = Pyproject.safeParse(parseWith(parseToml, await tree.read('pyproject.toml')) ?? {})
  const notes = read.success ? [] : ['pyproject.toml of the base cannot be parsed: nothing is taken from it.']
  const pyproject = read.data ?? Pyproject.parse({})
  const project: Project = { tree, machine, declared: texts.join('\n'), installed: '', pyproject, notes }
  const setup = await setupOf(project)
  const checks = await checksOf(project)
  return { kind: 'python', setup: setup === null ? [] : [setup], checks, notes }
}

async function setupOf(project: Project): Promise<SetupCommand | null> {
  const { tree, machine, pyproject, declared, notes } = project
  const optional = pyproject.project?.['optional-dependencies'] ?? {}
  const extras = Object.keys(optional).filter((name) => isForTests(name, optional[name] ?? []))
  project.installed = declared
  for (const [lock, tool, text] of [
    [
      'uv.lock',
      'uv',
      ['uv sync --frozen --all-groups', ...extras.map((name) => `--extra ${name}`)].join(' '),
    ],
    ['poetry.lock', 'poetry', 'poetry install --no-interaction'],
    ['Pipfile.lock', 'pipenv', 'pipenv sync --dev'],
  ] as const) {
    if (!tree.has(lock)) continue
    if (machine.has(tool)) return toSetup(text, [lock, 'pyproject.toml', 'Pipfile'])
    notes.push(`${tool} is not on this machine, and ${lock} needs it: pip installs what it can read.`)
  }
  const requirements = tree.paths.filter((path) => REQUIREMENTS.test(path) && !NOT_FOR_TESTS.test(path))
  const isPackage =
    tree.has('setup.py') || pyproject['build-system'] !== undefined || /^\s*install_requires/m.test(declared)
  const named = [
    ...(pyproject.project?.dependencies ?? []),
    ...extras.flatMap((name) => optional[name] ?? []),
    ...groupRequirements(pyproject),
    ...poetryRequirements(pyproject),
  ]
  const listed = [...requirements, 'setup.py', 'setup.cfg'].map(async (path) => (await tree.read(path)) ?? '')
  const texts = [...named, ...(await Promise.all(listed))].join('\n')
  // tox, nox and groups of other names also say that the tests need pytest.
  const isPytestMissing = holds(declared, 'pytest') && !holds(texts, 'pytest') && !machine.has('pytest')
  if (isPytestMissing) named.push('pytest')
  if (!tree.has('.ralph/setup.sh')) project.installed = `${texts}\n${isPytestMissing ? 'pytest' : ''}`
  // Without a build system the folder is no package: only what it needs is installed.
  const own = isPackage ? [`-e ${extras.length === 0 ? '.' : quote(`.[${extras.join(',')}]`)}`] : []
  const known = isPackage
    ? new Set([...(pyproject.project?.dependencies ?? []), ...extras.flatMap((name) => optional[name] ?? [])])
    : new Set()
  const others = [...new Set(named)].filter((name) => !known.has(name)).map(quote)
  const wanted = [...requirements.map((path) => `-r ${quote(path)}`), ...own, ...others]
  if (wanted.length === 0) return null
  // Packages of the machine stay visible, and an environment that could not be filled is removed: it would hide the machine's pytest.
  const pip = `python3 -m venv --system-site-packages "${VENV}" && "${VENV}/bin/pip" install --quiet --disable-pip-version-check ${wanted.join(' ')}`
  return toSetup(`{ ${pip}; } || { code=$?; rm -rf "${VENV}"; exit $code; }`, [
    ...requirements,
    ...['pyproject.toml', 'setup.py', 'setup.cfg'].filter((name) => tree.has(name)),
  ])
}

const isForTests = (name: string, entries: readonly unknown[] = []): boolean =>
  FOR_TESTS.includes(name.toLowerCase()) ||
  entries.some((entry) => typeof entry === 'string' && /^pytest\b(?!-)/.test(entry))

/** Returns the requirements of the groups for tests. An older pip cannot read groups, so each requirement is named. */
function groupRequirements({ 'dependency-groups': groups }: Pyproject): string[] {
  const names = new Set(Object.keys(groups).filter((name) => isForTests(name, groups[name])))
  for (const name of names)
    for (const entry of groups[name] ?? []) if (typeof entry !== 'string') names.add(entry['include-group'])
  return [...names].flatMap((name) => groups[name] ?? []).filter((entry) => typeof entry === 'string')
}

/** Poetry's own version ranges mean nothing to pip, so only the names are taken. */
function poetryRequirements({ tool }: Pyproject): string[] {
  const poetry = PoetryGroups.safeParse(tool).data?.poetry
  const groups = Object.entries(poetry?.group ?? {}).filter(([name]) => isForTests(name))
  return [poetry?.['dev-dependencies'] ?? {}, ...groups.map(([, { dependencies }]) => dependencies)]
    .flatMap((names) => Object.keys(names))
    .filter((name) => name !== 'python')
}

const toSetup = (command: string, keyFiles: string[]): SetupCommand => ({
  command,
  timeoutMs: SETUP_TIMEOUT_MS,
  keyFiles,
})

async function checksOf(project: Project): Promise<DetectedCheck[]> {
  const { tree, declared, notes, pyproject } = project
  const quick = (kind: 'lint' | 'types', command: string, shown: string): DetectedCheck => ({
    command,
    shown,
    kind,
    timeoutMs: 10 * MINUTE_MS,
    files: [],
  })
  const checks: DetectedCheck[] = [
    quick(
      'lint',
      String.raw`PYTHONPYCACHEPREFIX="$TMPDIR/pycache" python3 -m compileall -q -x '(^|/)(\.venv|venv|node_modules|\.git)/' .`,
      'python3 -m compileall',
    ),
  ]
  const tools = [
    ['ruff', 'lint', tree.has('ruff.toml') || tree.has('.ruff.toml'), 'ruff check --no-cache .'],
    [
      'mypy',
      'types',
      tree.has('mypy.ini') || /^\[mypy\]/m.test(declared),
      'mypy --cache-dir="$TMPDIR/mypy" .',
    ],
  ] as const
  for (const [tool, kind, isConfigured, command] of tools) {
    if (!isConfigured && pyproject.tool[tool] === undefined) continue
    if (hasPackage(project, tool))
      checks.push(quick(kind, `${runner(project)}${command}`, `${tool}${tool === 'ruff' ? ' check' : ''}`))
    else notes.push(`${tool} is configured, but not among the dependencies and not on this machine.`)
  }
  const tests = await testCommand(project)
  if (tests !== null)
    checks.push({
      ...tests,
      kind: 'tests',
      timeoutMs: 30 * MINUTE_MS,
      files: tree.has('manage.py') ? ['manage.py'] : [],
    })
  return checks
}

async function testCommand(project: Project): Promise<{ command: string; shown: string } | null> {
  const { tree, declared, pyproject, notes } = project
  const found = tree.paths.filter((path) => TEST_FILE.test(path))
  const tests = found.length > 0 ? found : tree.paths.filter((path) => UNFOUND_TEST_FILE.test(path))
  const isConfigured =
    tree.has('pytest.ini') ||
    pyproject.tool['pytest'] !== undefined ||
    /^\[tool:pytest\]|^\[pytest\]/m.test(declared)
  if (tests.length === 0 && !isConfigured) return null
  const texts = await Promise.all(tests.slice(0, 20).map(async (path) => (await tree.read(path)) ?? ''))
  // These test files are scripts that assert when they run. pytest would find no test in them and fail.
  if (!isConfigured && tests.length === texts.length && !texts.some((text) => HOLDS_TESTS.test(text))) {
    notes.push(
      'The test files are scripts without test functions: run them by a check of the plan or in .ralph/checks.sh.',
    )
    return null
  }
  if (tree.has('manage.py') && !isConfigured && texts.some((text) => /\bdjango\b/.test(text)))
    return {
      command: `PYTHONDONTWRITEBYTECODE=1 ${runner(project)}python3 manage.py test`,
      shown: 'python3 manage.py test',
    }
  const isPlain =
    texts.length > 0 &&
    texts.every((text) => /^\s*(?:import|from) unittest\b/m.test(text) && !/^\s*import pytest\b/m.test(text))
  const named = found.length > 0 || isConfigured ? '' : ` ${tests.slice(0, 100).map(quote).join(' ')}`
  const wantsPytest = isConfigured || !isPlain || /\bpytest\b/.test(declared)
  if (wantsPytest && hasPackage(project, 'pytest'))
    return { command: `${runner(project)}python3 -m pytest -q -p no:cacheprovider${named}`, shown: 'pytest' }
  if (!isPlain) {
    notes.push('The tests need pytest, which is not among the dependencies and not on this machine.')
    return null
  }
  return {
    command: `PYTHONDONTWRITEBYTECODE=1 ${runner(project)}python3 -m unittest${named === '' ? ` discover ${whereTests(tree, tests)}` : named}`,
    shown: 'python3 -m unittest',
  }
}

function whereTests(tree: Tree, tests: string[]): string {
  const folder = ['tests', 'test'].find((name) => tests.some((path) => path.startsWith(`${name}/`)))
  const pattern = tests.every((path) => path.endsWith('_test.py')) ? " -p '*_test.py'" : ''
  if (folder === undefined) return `-s .${pattern}`
  return tree.has(`${folder}/__init__.py`) ? `-s ${folder} -t .${pattern}` : `-s ${folder}${pattern}`
}

/** True when the set-up installs the tool or it is already on the machine. */
const hasPackage = ({ installed, machine }: Project, tool: string): boolean =>
  holds(installed, tool) || machine.has(tool)

const holds = (text: string, tool: string): boolean =>
  new RegExp(`(?:^|["'\\s])${tool}(?=["'\\s=<>~!\\[;,]|$)`, 'm').test(text.replaceAll(/^\[[^\]]*\]/gm, ''))

function runner({ tree, machine }: Project): string {
  if (tree.has('uv.lock') && machine.has('uv')) return 'uv run --frozen '
  if (tree.has('poetry.lock') && machine.has('poetry')) return 'poetry run '
  return tree.has('Pipfile.lock') && machine.has('pipenv') ? 'pipenv run ' : ''
}
