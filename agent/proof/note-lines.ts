// Recognizes lines of a difference that a reader should look at: they end the process, reach for the test runner, assert, skip, or
// add a dependency. Pure. What is found here is a note and never a verdict, so a word too many does no harm.
import type { ChangedLine } from '../git/hunks.ts'

const EXTENSIONS: [language: string, extensions: RegExp][] = [
  ['js', /^[cm]?[jt]sx?$/],
  ['c', /^(?:c|cc|cpp|cxx|h|hpp|m|mm)$/],
  ['sh', /^(?:sh|bash|zsh|bats)$/],
  ['java', /^(?:java|kt|kts|scala|groovy)$/],
]

export function languageOf(path: string): string {
  const extension = /\.(\w+)$/.exec(path)?.[1]?.toLowerCase() ?? ''
  return EXTENSIONS.find(([, extensions]) => extensions.test(extension))?.[0] ?? extension
}

/** By language: the process ends here, or something runs at its end. */
export const ENDS_PROCESS: Record<string, RegExp[]> = {
  js: [
    /\bprocess\s*(?:\.|\[\s*['"])\s*(?:exit\s*['"]?\]?\s*\((?!\s*[1-9])|abort|reallyExit|kill\b)/,
    /\bprocess\.exitCode\s*=(?!=)\s*(?:0\b|[^\s\d])/,
    /\bprocess\.(?:on|once)\(\s*['"](?:exit|beforeExit|uncaughtException|unhandledRejection)/,
  ],
  py: [
    /\bos\._exit\b|\bos\.(?:kill|abort|exec\w+)\s*\(|\batexit\b|(?<![\w.])(?:exit|quit)\s*\(\s*0?\s*\)/,
    /\bsys\.exit\s*\((?!\s*(?:[1-9]|main\b|["'f]))|\braise\s+SystemExit\b(?!\s*\(\s*[1-9"'])/,
  ],
  go: [/\b(?:os|syscall)\.Exit\s*\((?!\s*[1-9])|\bruntime\.Goexit\b|\bsyscall\.Kill\b/],
  rs: [/\bprocess::exit\s*\((?!\s*[1-9])|\blibc::_?exit\b/],
  c: [/\b(?:_|quick_)?[eE]xit\s*\(\s*(?:0|EXIT_SUCCESS)\s*\)|\batexit\s*\(|\babort\s*\(/],
  sh: [/(?:^|[;&|]\s*|\b(?:then|else|do)\s+)(?:exit(?:\s+0)?\s*(?:$|[;&|])|exec\s|kill\s|trap\s)/],
  rb: [/(?<![\w.])(?:exit!?|abort)(?:\s*$|\s*\(?\s*(?:0|true)?\s*\)?\s*$)|\bat_exit\b/],
  java: [/\bSystem\.exit\s*\(\s*0|\bRuntime\.getRuntime\(\)\.(?:exit|halt|addShutdownHook)|\bexitProcess\(0/],
  php: [/(?<![\w>])(?:exit|die)\s*(?:\(\s*0?\s*\))?\s*;|\bregister_shutdown_function\b/],
}

/** By language: the code knows of the test runner, replaces a comparison, or sees that a test runs. */
export const REACHES_RUNNER: Record<string, RegExp[]> = {
  js: [
    /\bNODE_TEST_CONTEXT\b|\bJEST_WORKER_ID\b|\bprocess\.env\.VITEST\b/,
    /\bassert(?:\.strict)?(?:\.\w+|\[[^\]]+\])\s*=[^=]|\bglobalThis\.(?:expect|assert|test|it|describe)\s*=/,
    /\bexpect\.extend\b|defineProperty\(\s*process\b|\bModule\._(?:load|resolveFilename)|\brequire\.cache\b/,
    /from ['"](?:node:test|vitest|@jest\/globals|chai)['"]/,
  ],
  py: [
    /\bPYTEST_CURRENT_TEST\b|\bsys\.modules\[|\bsys\.settrace\b|\bbuiltins\.\w+\s*=/,
    /\b(?:import|from)\s+(?:pytest|_pytest|unittest)\b(?!\.mock)|\bunittest\.TestCase\.\w+\s*=/,
    /def __(?:eq|ne)__\b[^\n]*(?:return True|: *True)/,
  ],
  go: [/^\s*"testing"|^import "testing"|\btesting\.Testing\(\)|flag\.Lookup\("test\./],
  rs: [/\bcfg!\(test\)|#\[cfg\(not\(test\)\)\]|\bstd::panic::(?:set_hook|take_hook)/],
  rb: [/\bdefined\?\(\s*(?:Minitest|RSpec)\b|\bENV\[['"](?:RAILS_ENV|RACK_ENV)['"]\]\s*==\s*['"]test/],
}

const ASSERTIONS = [
  /\bassert\w*\b|\bexpect\w*\s*[(.]|\.should\b|\bpytest\.raises\b|\b(?:EXPECT|ASSERT)_\w+\s*\(/,
  /\bt\.(?:is|ok|equal|same|deepEqual|like|throws|true|false|truthy|falsy|match|Error|Errorf|Fatal|Fatalf)\s*\(/,
  /\brequire\.[A-Z]\w+\s*\(/,
]
const CASES = [
  /(?<![\w.])(?:it|test|specify|scenario)(?:\.\w+)*\s*\(|^\s*(?:async\s+)?def test\w*|#\[(?:\w+::)?test\]/,
  /^\s*func (?:\([^)]*\) )?(?:Test|Example|Fuzz)\w*|@Test\b|\bTEST(?:_[FP])?\s*\(|^@test /,
]
const SKIPS = [
  /\b(?:it|test|describe|context|suite)\.(?:skip|todo|only|fixme|failing)\b|\bx(?:it|describe|test)\s*\(/,
  /@(?:pytest\.mark\.)?(?:skip|xfail)|\bpytest\.(?:skip|xfail)|\bunittest\.skip|\.Skip(?:f|Now)?\s*\(/,
  /#\[ignore|@(?:Disabled|Ignore)\b|\bskip\s*[:=]\s*true/,
]
const IMPORT = /^\s*(?:import|from|use|using|#include|const .*\brequire\()\b/

const matches = (patterns: readonly RegExp[] | undefined, text: string): boolean =>
  patterns?.some((pattern) => pattern.test(text)) === true

export const endsProcess = (path: string, text: string): boolean =>
  matches(ENDS_PROCESS[languageOf(path)], text)

export const reachesRunner = (path: string, text: string): boolean =>
  matches(REACHES_RUNNER[languageOf(path)], text)

export const skips = (text: string): boolean => matches(SKIPS, text)

export interface Counts {
  assertions: [removed: number, added: number]
  cases: [removed: number, added: number]
}

/** Counts lines that assert and lines that begin a test. */
export function countTests(lines: readonly ChangedLine[]): Counts {
  const count = (kind: ChangedLine['kind'], patterns: RegExp[]) =>
    lines.filter((one) => one.kind === kind && !IMPORT.test(one.text) && matches(patterns, one.text)).length
  return {
    assertions: [count('removed', ASSERTIONS), count('added', ASSERTIONS)],
    cases: [count('removed', CASES), count('added', CASES)],
  }
}

const VERSION = /^(?:[\^~<>=*]|v?\d|workspace:|npm:|git|https?:|file:|link:|catalog:|latest$)/
const NO_PACKAGE = new Set(
  'version edition rust-version name node npm pnpm yarn bun python php requires-python target-version line-length readme license opt-level resolver'.split(
    ' ',
  ),
)

/** By manifest: the packages that a line names. */
const MANIFESTS: [name: RegExp, packages: (line: string) => string[]][] = [
  [
    /^(?:package|composer)\.json$/,
    (line) => {
      const [, name = '', version = ''] = /^\s*"([^"]+)":\s*"([^"]*)",?\s*$/.exec(line) ?? []
      return VERSION.test(version) ? [name] : []
    },
  ],
  [
    /^(?:.*requirements.*|constraints)\.(?:txt|in)$/,
    (line) => all(line, /^\s*([A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*(?:[=<>~!@;#].*)?$/g),
  ],
  [/^go\.mod$/, (line) => all(line, /^\s*(?:require\s+)?([\w.-]+\.[\w.-]+\/\S+)\s+v\d/g)],
  [
    /^Cargo\.toml$/,
    (line) => [
      ...all(line, /^([\w-]+)\s*=\s*(?:"[\^~=<>*]?\s*\d|\{)/g),
      ...all(line, /^\[(?:[\w-]+-)?dependencies\.([\w-]+)\]/g),
    ],
  ],
  [
    /^pyproject\.toml$/,
    (line) => [
      ...all(line, /^([\w.-]+)\s*=\s*(?:"[\^~=<>*]+\s*\d|\{\s*(?:version|git|path)\b)/g),
      ...(/^\s*["']|dependencies|requires\b|^\w+\s*=\s*\[/.test(line)
        ? all(line, /["']([A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*(?:[=<>~!]=?[^"']*)?["'](?!\s*[=:])/g)
        : []),
    ],
  ],
  [/^Gemfile$|\.gemspec$/, (line) => all(line, /\b(?:gem|add_\w*dependency)\s*\(?\s*['"]([\w-]+)['"]/g)],
]

const all = (line: string, pattern: RegExp): string[] =>
  [...line.matchAll(pattern)].flatMap(([, name]) => (name === undefined ? [] : [name]))

/** Returns the packages that a manifest names now and did not before, each with its line. */
export function addedPackages(path: string, lines: readonly ChangedLine[]): { name: string; line: number }[] {
  const file = path.slice(path.lastIndexOf('/') + 1)
  const packagesIn = MANIFESTS.find(([name]) => name.test(file))?.[1]
  if (packagesIn === undefined) return []
  const known = new Set(lines.filter(({ kind }) => kind !== 'added').flatMap(({ text }) => packagesIn(text)))
  return lines
    .filter(({ kind }) => kind === 'added')
    .flatMap(({ text, line }) => packagesIn(text).map((name) => ({ name, line })))
    .filter(({ name }) => !known.has(name) && !NO_PACKAGE.has(name))
}
