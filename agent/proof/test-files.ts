// Decides which files a proof restores from the base because they decide whether a check passes: tests, settings of test runners,
// check scripts. Pure. A plan may change them when its text says that tests or a named file change; the judge is then told.
import { mayChangeTests, names } from '../checks/plan-words.ts'
import type { Change } from '../git/difference.ts'

export interface GuardInput {
  basePaths: readonly string[]
  changes: readonly Change[]
  /** Files of the base that the checks' commands name. */
  named: readonly string[]
  /** The plan's text without fenced blocks, because code in it is no instruction. */
  planText: string
}

export interface Guard {
  /** Files restored from the base. */
  restore: string[]
  /** Files removed because the base does not have them. */
  remove: string[]
  /** Manifests whose parts about tests are restored (merge-manifests.ts). */
  merge: string[]
  /** Files that stay changed because the plan asks for the change. */
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
/** Python modules that a check or its runner imports. A file with such a name beside it would be imported instead. */
const SHADOWS =
  /(?:^|\/)(?:re|os|io|abc|ast|csv|json|math|enum|copy|glob|time|types|shutil|string|random|typing|pathlib|logging|inspect|hashlib|tempfile|datetime|argparse|warnings|operator|functools|itertools|traceback|threading|subprocess|contextlib|collections|dataclasses|unittest|doctest|pytest|_pytest|pluggy|yaml|tomllib|decimal|fractions|statistics|textwrap|difflib|importlib|codecs|struct|html|xml|zipfile|calendar|locale|platform|signal|socket|sqlite3|uuid|builtins|site|runpy)(?:\.py|\/__init__\.py)$/
/** Folders that are installed and never committed. A test runner inside one would come from the plan itself. */
const INSTALLED = /(?:^|\/)(?:node_modules|\.venv|venv|site-packages|__pycache__|\.pnp\.[cm]?js)(?:\/|$)/

/** True when a file that a check's command names is part of the check and not of the work. */
export const isCheckScript = (path: string): boolean => CHECK_SCRIPT.test(path)

export const isTestFile = (path: string): boolean =>
  TEST_FOLDER.test(path) || SPEC_FOLDER.test(path) || TEST_NAME.test(path)

/** Returns committed install folders. They are removed before every set-up, which installs its own. */
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
      // New tests are allowed. They are only left out while the base's tests run, because a new one could end that run early.
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
