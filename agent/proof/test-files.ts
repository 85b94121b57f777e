// Which files decide whether a check passes, and what the proof puts back before it believes one: tests, settings of runners,
// check scripts as they were at the base. Pure. A plan that says in its own words that tests or a named file change is believed;
// the judge is then told.
import { mayChangeTests, names } from '../checks/plan-words.ts'
import type { Change } from '../git/difference.ts'

export interface GuardInput {
  basePaths: readonly string[]
  changes: readonly Change[]
  /** Files of the base that the checks' commands name. */
  named: readonly string[]
  /** Without its fenced blocks: code is no instruction. */
  planText: string
}

export interface Guard {
  /** Put back as at the base. */
  restore: string[]
  /** Taken away: they were not there at the base. */
  remove: string[]
  /** Manifests whose parts about tests are put back (guard-merge.ts). */
  merge: string[]
  /** Would have been put back, if the plan did not ask for the change. */
  allowed: string[]
}

const TEST_FOLDER = /(?:^|\/)(?:tests?|__tests__|e2e|testdata|fixtures|__snapshots__|__mocks__|golden)\//
const SPEC_FOLDER = /(?:^|\/)(?:specs?|cypress)\/.*\.(?:[cm]?[jt]sx?|py|rb|go|rs|java|kt|php)$/
const TEST_NAME =
  /(?:^|\/)(?:conftest\.py|test_[^/]*|[^/]*[._-](?:test|tests|spec)\.[^/]+|[^/]*Tests?\.(?:java|kt|cs|swift|scala|php))$/
const RUNNER_CONFIG =
  /(?:^|\/)(?:(?:vitest|vite|jest|ava|karma|playwright|cypress|babel|wdio|eslint)\.(?:config|workspace|setup|conf)\.\w+|(?:jest|vitest|test)[.-]?setup\.\w+|setupTests\.\w+|\.mocharc[\w.]*|\.npmrc|\.yarnrc[\w.]*|\.pnpmfile\.cjs|pnpm-workspace\.yaml|\.nycrc[\w.]*|\.babelrc[\w.]*|\.eslintrc[\w.]*|\.oxlintrc\.json|biome\.jsonc?|tsconfig[\w.-]*\.json|bunfig\.toml|deno\.jsonc?|\.?pytest\.(?:ini|toml)|tox\.ini|noxfile\.py|\.coveragerc|\.?ruff\.toml|\.?mypy\.ini|sitecustomize\.py|usercustomize\.py|[^/]+\.pth|GNUmakefile|[Mm]akefile|\.?[Jj]ustfile|Taskfile\.ya?ml|rust-toolchain(?:\.toml)?|clippy\.toml|go\.work|\.golangci\.\w+|phpunit\.xml(?:\.dist)?|\.rspec|\.env(?:\.\w+)?)$|(?:^|\/)\.(?:cargo|ralph)\//
const MANIFEST = /(?:^|\/)(?:package\.json|pyproject\.toml|setup\.cfg|Cargo\.toml)$/
const CHECK_SCRIPT =
  /(?:^|[/._-])(?:checks?|tests?|verif\w*|validat\w*|lint\w*|spec|assert\w*|grade\w*|ci)(?:[/._-]|$)|^(?:scripts|tools|hack|ci|\.ci|\.github)\//i
/** Modules that a check or its runner imports by name: a file of this name beside it is found first. */
const SHADOWS =
  /(?:^|\/)(?:re|os|io|abc|ast|csv|json|math|enum|copy|glob|time|types|shutil|string|random|typing|pathlib|logging|inspect|hashlib|tempfile|datetime|argparse|warnings|operator|functools|itertools|traceback|threading|subprocess|contextlib|collections|dataclasses|unittest|doctest|pytest|_pytest|pluggy|yaml|tomllib|decimal|fractions|statistics|textwrap|difflib|importlib|codecs|struct|html|xml|zipfile|calendar|locale|platform|signal|socket|sqlite3|uuid|builtins|site|runpy)(?:\.py|\/__init__\.py)$/
/** Installed, never committed: the runner inside it would be the plan's own. */
const INSTALLED = /(?:^|\/)(?:node_modules|\.venv|venv|site-packages|__pycache__|\.pnp\.[cm]?js)(?:\/|$)/

/** Of a file that a check's command names: is it part of the check, rather than of the work? */
export const isCheckScript = (path: string): boolean => CHECK_SCRIPT.test(path)

export const isTestFile = (path: string): boolean =>
  TEST_FOLDER.test(path) || SPEC_FOLDER.test(path) || TEST_NAME.test(path)

/** Taken away before set-up, for every run: a clean install brings its own. */
export const installedFiles = (changes: readonly Change[]): string[] =>
  changes.filter(({ path, kind }) => kind === 'added' && INSTALLED.test(path)).map(({ path }) => path)

export function guardTests({ basePaths, changes, named, planText }: GuardInput): Guard {
  const scripts = named.filter(isCheckScript)
  const scriptFolders = scripts
    .filter((path) => path.includes('/'))
    .map((path) => path.slice(0, path.lastIndexOf('/') + 1))
  const hasTests = scripts.length > 0 || basePaths.some(isTestFile)
  const isScript = (path: string) =>
    scripts.includes(path) ||
    (CHECK_SCRIPT.test(path) && scriptFolders.some((folder) => path.startsWith(folder)))
  const testsMayChange = mayChangeTests(planText)
  const guard: Guard = { restore: [], remove: [], merge: [], allowed: [] }
  for (const { path, kind } of changes) {
    if (INSTALLED.test(path)) continue
    const isTest = isTestFile(path)
    const isSetting = RUNNER_CONFIG.test(path)
    const isKept = isTest || isSetting || (kind !== 'added' && isScript(path))
    const isShadow = kind === 'added' && SHADOWS.test(path)
    if (MANIFEST.test(path) && kind === 'changed') guard.merge.push(path)
    else if (!isKept && !isShadow) continue
    else if (kind === 'added') {
      // New tests are welcome; they are only left out while the old ones speak, because a new one may end the run for all.
      if (hasTests && !(isSetting && !isTest && names(planText, path))) guard.remove.push(path)
    } else if (
      isTest || isScript(path)
        ? mayChangeTests(planText, path) || (isTest && testsMayChange)
        : names(planText, path)
    )
      guard.allowed.push(path)
    else guard.restore.push(path)
  }
  return guard
}
