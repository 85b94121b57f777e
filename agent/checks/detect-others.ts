// Detects Rust, Go and other projects with standard commands, by a table. For make and just, the base's own file is run.
import { onlyNote, quote, together } from './detect-shapes.ts'
import type { Detected, DetectedCheck, Finding, ProjectKind } from './detect-shapes.ts'
import type { Tree } from './detect-tree.ts'
import type { Machine } from '../machine/programs.ts'

const MINUTE_MS = 60_000
const QUICK_MS = 10 * MINUTE_MS
const FULL_MS = 45 * MINUTE_MS

interface Recipe {
  kind: ProjectKind
  marker: RegExp
  tool: string
  setup?: string
  keyFiles?: string[]
  checks: { command: string; suite: 'quick' | 'full' }[]
}

const RECIPES: Recipe[] = [
  {
    kind: 'rust',
    marker: /^Cargo\.toml$/,
    tool: 'cargo',
    setup: 'cargo fetch',
    keyFiles: ['Cargo.toml', 'Cargo.lock'],
    checks: [
      { command: 'cargo check --all-targets', suite: 'quick' },
      { command: 'cargo test', suite: 'full' },
    ],
  },
  {
    kind: 'go',
    marker: /^go\.mod$/,
    tool: 'go',
    setup: 'go mod download',
    keyFiles: ['go.mod', 'go.sum'],
    checks: [
      { command: 'go build ./...', suite: 'quick' },
      { command: 'go vet ./...', suite: 'quick' },
      { command: 'go test ./...', suite: 'full' },
    ],
  },
  {
    kind: 'other',
    marker: /^pom\.xml$/,
    tool: 'mvn',
    checks: [{ command: 'mvn -q -B test', suite: 'full' }],
  },
  {
    kind: 'other',
    marker: /^build\.gradle(?:\.kts)?$/,
    tool: 'gradle',
    checks: [{ command: 'gradle -q test', suite: 'full' }],
  },
  {
    kind: 'other',
    marker: /^[^/]+\.(?:sln|slnx|csproj|fsproj)$/,
    tool: 'dotnet',
    checks: [{ command: 'dotnet test --nologo', suite: 'full' }],
  },
  {
    kind: 'other',
    marker: /^mix\.exs$/,
    tool: 'mix',
    setup: 'mix deps.get',
    keyFiles: ['mix.lock'],
    checks: [{ command: 'mix test', suite: 'full' }],
  },
  {
    kind: 'other',
    marker: /^\.rspec$/,
    tool: 'bundle',
    setup: 'bundle install',
    keyFiles: ['Gemfile.lock'],
    checks: [{ command: 'bundle exec rspec', suite: 'full' }],
  },
  {
    kind: 'other',
    marker: /^phpunit\.xml(?:\.dist)?$/,
    tool: 'composer',
    setup: 'composer install --no-interaction',
    keyFiles: ['composer.lock'],
    checks: [{ command: 'vendor/bin/phpunit', suite: 'full' }],
  },
  {
    kind: 'other',
    marker: /^deno\.jsonc?$/,
    tool: 'deno',
    checks: [{ command: 'deno test', suite: 'full' }],
  },
]
const TARGETS = ['check', 'test'] as const

export async function detectOthers(tree: Tree, machine: Machine): Promise<Finding> {
  const found: Detected[] = []
  for (const recipe of RECIPES) {
    const marker = tree.paths.find((path) => recipe.marker.test(path))
    if (marker !== undefined) found.push(byRecipe(recipe, marker, machine))
  }
  // A Makefile in a project of a known kind usually calls the same commands again, so it is left out.
  const targets = found.length > 0 || tree.has('package.json') ? null : await byTargets(tree, machine)
  if (targets !== null) found.push(targets)
  return found.length === 0 ? null : together(found)
}

function byRecipe(
  { kind, tool, setup, keyFiles = [], checks }: Recipe,
  marker: string,
  machine: Machine,
): Detected {
  if (!machine.has(tool))
    return onlyNote(
      kind,
      `${tool} is not on this machine, and ${marker} needs it: nothing was set up, and no checks are taken from it.`,
    )
  return {
    kind,
    setup: setup === undefined ? [] : [{ command: setup, timeoutMs: QUICK_MS, keyFiles }],
    checks: checks.map(({ command, suite }) => ({
      command,
      shown: command,
      suite,
      timeoutMs: suite === 'quick' ? QUICK_MS : FULL_MS,
      files: [marker],
    })),
    notes: [],
  }
}

async function byTargets(tree: Tree, machine: Machine): Promise<Finding> {
  const file = ['justfile', 'Justfile', '.justfile', 'GNUmakefile', 'Makefile', 'makefile'].find((name) =>
    tree.has(name),
  )
  if (file === undefined || tree.commit === null) return null
  const isMake = file.toLowerCase().endsWith('makefile')
  const tool = isMake ? 'make' : 'just'
  const text = (await tree.read(file)) ?? ''
  const targets = TARGETS.filter((name) =>
    new RegExp(`^@?${name}(?:\\s+[\\w*+]+)*\\s*:(?!=)`, 'm').test(text),
  )
  if (targets.length === 0) return null
  if (!machine.has(tool))
    return onlyNote('make', `${tool} is not on this machine, and ${file} needs it for its checks.`)
  // The file comes from the base's commit, so that an edited file in the checkout has no effect. $f is outside the checkout.
  const start = `f=$(mktemp) && git cat-file blob ${quote(`${tree.commit}:${file}`)} >"$f" && `
  const run = isMake ? 'make -f "$f"' : 'just --justfile "$f" --working-directory .'
  const checks = targets.map((target): DetectedCheck => ({
    command: `${start}${run} ${target}; code=$?; rm -f "$f"; exit $code`,
    shown: `${tool} ${target}`,
    suite: 'full',
    timeoutMs: FULL_MS,
    files: [file, ...tree.paths.filter((path) => path !== file && path.length > 3 && text.includes(path))],
  }))
  return { kind: 'make', setup: [], checks, notes: [] }
}
