// Detects other languages by a table of their standard commands.
import { onlyNote, quote, together } from './detect-shapes.ts'
import type { CheckKind, Detected, Finding, ProjectKind } from './detect-shapes.ts'
import type { Tree } from './detect-tree.ts'
import type { Machine } from '../machine/programs.ts'

const MINUTE_MS = 60_000
const QUICK_MS = 10 * MINUTE_MS
export const FULL_MS = 45 * MINUTE_MS

type RecipeCheck = [kind: CheckKind, command: string, shown?: string]

interface Recipe {
  kind?: ProjectKind
  /** The first path that matches decides that the recipe is meant. */
  marker: RegExp
  /** A text that one of the files like the marker must hold. */
  holds?: RegExp
  /** Files that are searched for it instead of those like the marker. */
  among?: RegExp
  /** Programs that it needs; `a|b` is either. */
  tools: string
  setup?: string
  keyFiles?: string[]
  checks: RecipeCheck[]
  /** Scripts of the project that the command runs. The project's build file is none: a plan may add a dependency to it. */
  runs?: string[]
  /** The program that bundler runs where the Gemfile, its lock or a gemspec names it; with bundler alone it is not found there. */
  gem?: RegExp
}

/** Projects of others that lie in this one. */
const OTHERS = /(?:^|\/)(?:third[-_]?party|vendor(?:ed)?|extern(?:als?)?|_?deps|subprojects|node_modules)\//i

const cmake = 'cmake -S . -B "$TMPDIR/cmake" && cmake --build "$TMPDIR/cmake" --parallel 2'
const meson = '{ [ -d "$TMPDIR/meson" ] || meson setup "$TMPDIR/meson"; } && '
const RUBY_TESTS = `ruby -Ilib -Itest -e 'Dir["test/**/{test_*,*_test}.rb"].sort.each { |file| require File.expand_path(file) }'`
const terraform = 'TF_DATA_DIR="$TMPDIR/terraform" terraform'

/** When several recipes start with the same program, only the first that fits is used. */
const RECIPES: Recipe[] = [
  {
    kind: 'rust',
    marker: /^Cargo\.toml$/,
    tools: 'cargo',
    setup: 'cargo fetch',
    keyFiles: ['Cargo.toml', 'Cargo.lock'],
    checks: [
      ['build', 'cargo check --all-targets'],
      ['tests', 'cargo test'],
    ],
  },
  {
    kind: 'go',
    marker: /^go\.mod$/,
    tools: 'go',
    setup: 'go mod download',
    keyFiles: ['go.mod', 'go.sum'],
    checks: [
      ['build', 'go build ./...'],
      ['types', 'go vet ./...'],
      ['tests', 'go test ./...'],
    ],
  },
  {
    marker: /^CMakeLists\.txt$/,
    among: /(?:^|\/)CMakeLists\.txt$/,
    holds:
      /\b(?:enable_testing|add_test|catch_discover_tests|gtest_discover_tests)\b|\binclude\s*\(\s*CTest/i,
    tools: 'cmake ctest cc|gcc|clang',
    checks: [['tests', `${cmake} && ctest --test-dir "$TMPDIR/cmake" --output-on-failure`, 'ctest']],
  },
  { marker: /^CMakeLists\.txt$/, tools: 'cmake cc|gcc|clang', checks: [['build', cmake, 'cmake --build']] },
  {
    marker: /^meson\.build$/,
    among: /(?:^|\/)meson\.build$/,
    holds: /^\s*test\s*\(/m,
    tools: 'meson ninja cc|gcc|clang',
    checks: [['tests', `${meson}meson test -C "$TMPDIR/meson" --print-errorlogs`, 'meson test']],
  },
  {
    marker: /^meson\.build$/,
    tools: 'meson ninja cc|gcc|clang',
    checks: [['build', `${meson}meson compile -C "$TMPDIR/meson"`, 'meson compile']],
  },
  {
    marker: /^(?:mvnw|pom\.xml)$/,
    tools: 'mvn',
    checks: [['tests', 'mvn -q -B test']],
  },
  {
    marker: /^gradlew$/,
    tools: 'java',
    runs: ['gradlew'],
    checks: [['tests', 'sh ./gradlew -q test', './gradlew test']],
  },
  { marker: /^build\.gradle(?:\.kts)?$/, tools: 'gradle', checks: [['tests', 'gradle -q test']] },
  {
    marker: /^[^/]+\.(?:sln|slnx|csproj|fsproj)$/,
    tools: 'dotnet',
    checks: [['tests', 'dotnet test --nologo']],
  },
  {
    marker: /^mix\.exs$/,
    tools: 'mix',
    setup: 'mix deps.get',
    keyFiles: ['mix.lock'],
    checks: [['tests', 'mix test']],
  },
  {
    marker: /^\.rspec$|^spec\/.*_spec\.rb$/,
    tools: 'ruby rspec',
    gem: /rspec/,
    checks: [['tests', 'rspec']],
  },
  {
    marker: /^Rakefile$/,
    holds: /TestTask|RSpec::Core|\btask\b.*\btest\b/,
    tools: 'ruby rake',
    gem: /\brake\b|\brails\b/,
    checks: [['tests', 'rake test']],
  },
  {
    marker: /^test\/(?:.*\/)?(?:test_[^/]*|[^/]*_test)\.rb$/,
    tools: 'ruby',
    gem: /./,
    checks: [['tests', RUBY_TESTS, 'minitest']],
  },
  {
    marker: /^phpunit\.xml(?:\.dist)?$/,
    among: /^composer\.json$/,
    holds: /"phpunit\/phpunit"/,
    tools: 'php composer',
    setup: 'composer install --no-interaction',
    keyFiles: ['composer.lock'],
    checks: [['tests', 'vendor/bin/phpunit']],
  },
  { marker: /^phpunit\.xml(?:\.dist)?$/, tools: 'php phpunit', checks: [['tests', 'phpunit']] },
  { marker: /^deno\.jsonc?$/, tools: 'deno', checks: [['tests', 'deno test']] },
  {
    marker: /^tests\/testthat(?:\/|\.R$)/,
    tools: 'Rscript',
    checks: [
      ['tests', `Rscript -e 'testthat::test_local(".", stop_on_failure = TRUE)'`, 'testthat::test_local()'],
    ],
  },
  {
    marker: /^DESCRIPTION$/,
    holds: /^Package:/m,
    tools: 'R',
    checks: [['tests', 'R CMD check --no-manual --output="$TMPDIR" .', 'R CMD check']],
  },
  {
    marker: /^[^/]+\.tf$/,
    tools: 'terraform',
    // The lock file that init writes is no work of the plan, where the repository has none.
    setup: `echo .terraform.lock.hcl >>"$(git rev-parse --git-path info/exclude)" && ${terraform} init -backend=false -input=false`,
    keyFiles: ['.terraform.lock.hcl'],
    checks: [['types', `${terraform} validate`, 'terraform validate']],
  },
  {
    marker: /^tests\/[^/]+\.tftest\.hcl$/,
    tools: 'terraform',
    checks: [['tests', `${terraform} test`, 'terraform test']],
  },
  {
    marker: /^t\/.*\.t$/,
    holds: /perl|Test::More|Test2::/,
    tools: 'prove',
    checks: [['tests', 'prove --lib --recurse t']],
  },
  { marker: /^\.busted$|^spec\/.*_spec\.lua$/, tools: 'busted', checks: [['tests', 'busted']] },
  { marker: /^Package\.swift$/, tools: 'swift', checks: [['tests', 'swift test']] },
  { marker: /^test\/.*_test\.dart$/, tools: 'dart', setup: 'dart pub get', checks: [['tests', 'dart test']] },
  { marker: /^stack\.yaml$/, tools: 'stack', checks: [['tests', 'stack test']] },
  { marker: /^[^/]+\.cabal$/, tools: 'cabal', checks: [['tests', 'cabal test']] },
  { marker: /^dune-project$/, tools: 'dune', checks: [['tests', 'dune test']] },
  { marker: /^build\.zig$/, tools: 'zig', checks: [['tests', 'zig build test']] },
  { marker: /^build\.sbt$/, tools: 'sbt', checks: [['tests', 'sbt test']] },
  {
    marker: /^[^/]+\.tex$/,
    holds: /\\documentclass/,
    tools: 'latexmk',
    checks: [
      ['build', 'latexmk -pdf -interaction=nonstopmode -halt-on-error -outdir="$TMPDIR/latex"', 'latexmk'],
    ],
  },
]

/** Files that mark the top of a project of these languages, for monorepos without one at the root. */
export const isOthersMarker = (name: string): boolean =>
  /^(?:Cargo\.toml|go\.mod|CMakeLists\.txt|meson\.build|pom\.xml|build\.gradle(?:\.kts)?|mix\.exs|Rakefile|\.rspec|DESCRIPTION|deno\.jsonc?|Package\.swift|[^/]+\.tf)$/.test(
    name,
  )

export async function detectOthers(tree: Tree, machine: Machine): Promise<Finding> {
  const found: Detected[] = []
  const families = new Set<string>()
  for (const recipe of RECIPES) {
    const family = recipe.marker.source.includes('gradle') ? 'gradle' : (recipe.tools.split(' ')[0] ?? '')
    if (families.has(family) && family !== 'terraform') continue
    const marker = await markerOf(tree, recipe)
    if (marker === null) continue
    families.add(family === 'Rscript' ? 'R' : family)
    found.push(byRecipe(recipe, await isBundled(tree, recipe), marker, machine))
  }
  return found.length === 0 ? null : together(found)
}

async function markerOf(tree: Tree, { marker, holds, among = marker }: Recipe): Promise<string | null> {
  const found = tree.paths.find((path) => marker.test(path)) ?? null
  if (found === null || holds === undefined) return found
  const candidates = tree.paths.filter((path) => among.test(path) && !OTHERS.test(path))
  for (const path of candidates.slice(0, 50)) if (holds.test((await tree.read(path)) ?? '')) return found
  return null
}

async function isBundled(tree: Tree, { gem }: Recipe): Promise<boolean> {
  if (gem === undefined || !tree.has('Gemfile')) return false
  const files = tree.paths.filter((path) => /^(?:Gemfile(?:\.lock)?|[^/]+\.gemspec)$/.test(path))
  const texts = await Promise.all(files.map(async (path) => (await tree.read(path)) ?? ''))
  return texts.some((text) => gem.test(text.replaceAll(/#.*/g, '')))
}

function byRecipe(recipe: Recipe, bundled: boolean, marker: string, machine: Machine): Detected {
  const { kind = 'other', keyFiles = [], checks, runs = [] } = recipe
  const tools = bundled ? 'ruby bundle' : recipe.tools
  const setup = bundled ? 'bundle install' : recipe.setup
  const missing = tools.split(' ').find((names) => !names.split('|').some((name) => machine.has(name)))
  if (missing !== undefined)
    return onlyNote(
      kind,
      `${missing.replaceAll('|', ' or ')} is not on this machine, and ${marker} needs it: nothing was set up, and no checks are taken from it.`,
    )
  return {
    kind,
    setup:
      setup === undefined
        ? []
        : [
            {
              command: setup,
              timeoutMs: QUICK_MS,
              keyFiles: bundled ? ['Gemfile', 'Gemfile.lock'] : keyFiles,
            },
          ],
    checks: checks.map(([checkKind, command, shown = command]) => ({
      command: bundled ? `bundle exec ${command}` : command,
      shown: bundled && shown === command ? `bundle exec ${shown}` : shown,
      kind: checkKind,
      timeoutMs: checkKind === 'types' ? QUICK_MS : FULL_MS,
      files: runs,
    })),
    notes: [],
  }
}

/** Bats files are found wherever they lie. */
export function detectBats(tree: Tree, machine: Machine): Finding {
  const files = tree.paths.filter((path) => path.endsWith('.bats') && !path.includes('node_modules/'))
  if (files.length === 0) return null
  const own = tree.paths.find((path) => /(?:^|\/)bats(?:-core)?\/bin\/bats$/.test(path))
  if (own === undefined && !machine.has('bats'))
    return onlyNote('other', `bats is not on this machine, and ${files[0]} needs it for its tests.`)
  const tests = files.filter((path) => !/(?:^|\/)(?:bats(?:-core|-\w+)?|fixtures)\//.test(path)).slice(0, 100)
  return {
    kind: 'other',
    setup: [],
    checks: [
      {
        command: `${own === undefined ? 'bats' : `bash ${quote(own)}`} ${tests.map(quote).join(' ')}`,
        shown: 'bats',
        kind: 'tests',
        timeoutMs: FULL_MS,
        files: [],
      },
    ],
    notes: [],
  }
}
