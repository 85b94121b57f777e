// Detects Node projects. The scripts of package.json are the checks, and the project's own package manager runs them.
import { parse as parseYaml } from 'yaml'
import { z } from 'zod'
import { matchesGlob } from '../machine/glob.ts'
import { inFolder, quote } from './detect-shapes.ts'
import type { CheckKind, DetectedCheck, Finding, SetupCommand } from './detect-shapes.ts'
import type { Tree } from './detect-tree.ts'
import type { Machine } from '../machine/programs.ts'
import { namedFiles, scriptChain } from './named-files.ts'
import type { Scripts } from './named-files.ts'
import { chooseManager, installCommands, PackageJson, runScript } from './package-manager.ts'
import type { Manager, Project } from './package-manager.ts'
import { parseJson } from '../../src/shared/json.ts'

const MINUTE_MS = 60_000
const MAX_PACKAGES = 20

const TYPES = ['typecheck', 'type-check', 'types', 'check-types', 'check:types', 'types:check', 'tsc']
const LINTS = ['lint', 'lint:check', 'eslint']
const TESTS = ['test', 'test:ci', 'tests', 'test:unit', 'unit', 'test:run', 'spec']
/** Scripts named test:* that need a person, a browser or a server, or that change the expectations. */
const NO_TEST = /\b(?:watch|debug|ui|dev|open|headed|inspect|update|fix|e2e|live|browser|bench\w*|perf)\b/

const LINTERS =
  'eslint|xo|standard|ts-standard|oxlint|biome|prettier|oxfmt|dprint|stylelint|markdownlint(?:-cli2)?|cspell|knip|publint|remark|rome|jshint|tslint|ls-lint|actionlint|commitlint|depcheck|prettydiff|editorconfig-checker'
const TYPERS = 'tsc|vue-tsc|svelte-check|tsgo|flow|tsd|attw|astro'
const BUILDERS =
  'vite build|next build|ng build|nuxt build|tsup|tsdown|rollup|webpack|esbuild|rspack|parcel build'
/** A script for CI may publish. */
const PUBLISHES = /\b(?:publish|release|deploy)\b/
const TESTERS =
  /\b(?:vitest|jest|mocha|ava|tap|tape|qunit|karma|playwright|cypress|uvu|jasmine|zora|wtr|web-test-runner|c8|nyc|bun test|deno test)\b|--test\b|\breact-scripts test\b/
const REWRITES = /\s--(?:fix|write|apply|apply-unsafe|fix-dangerously|unsafe)(?=\s|=true|$|["'&|;])/
/** What makes a runner watch. jest's `-w` is short for `--maxWorkers`. */
const WATCHES =
  /\s--watch(?:All)?(?:=true)?(?=\s|$|["'&|;])|(?<=\b(?:mocha|tsc|vitest|ava|tap)\b[^&|;]*)\s-w(?=\s|$|["'&|;])|(?<=\bvitest )(?:watch|dev)\b/g
const isWatcher = (text: string): boolean =>
  text.search(WATCHES) !== -1 || /^\s*(?:npx\s+)?nodemon\b/.test(text)
const NOTHING = /no test specified|^\s*(?:exit 0|true|:|echo\b[^&|;]*)?\s*$/

export async function detectNode(tree: Tree, machine: Machine, folder = ''): Promise<Finding> {
  if (!tree.has(inFolder(folder, 'package.json'))) return null
  const notes: string[] = []
  const none = { kind: 'node' as const, setup: [], checks: [], notes }
  const manifest = await readManifest(tree, folder, notes)
  if (manifest === null) return none
  const project = { tree, machine, folder, manifest, notes }
  const manager = chooseManager(project)
  await noteVersion(tree, notes)
  if (manager === null) return none
  const setup: SetupCommand[] = await installCommands(project, manager)
  const checks = await checksOf(project, manager)
  if (!checks.some(({ kind }) => kind === 'tests'))
    for (const inner of await workspaceFolders(project)) {
      const innerManifest = await readManifest(tree, inner, notes)
      if (innerManifest === null) continue
      const found = await checksOf({ ...project, folder: inner, manifest: innerManifest }, manager)
      const has = new Set(checks.filter(({ shown }) => !shown.includes(' in ')).map(({ kind }) => kind))
      checks.push(...found.filter(({ kind }) => !has.has(kind)))
    }
  return { kind: 'node', setup, checks, notes }
}

const PnpmWorkspace = z.object({ packages: z.array(z.string()) })

async function workspaceFolders({ tree, folder, manifest }: Project): Promise<string[]> {
  const pnpm = PnpmWorkspace.safeParse(
    parseWith(parseYaml, await tree.read(inFolder(folder, 'pnpm-workspace.yaml'))),
  )
  const patterns = [...(manifest.workspaces ?? []), ...(pnpm.data?.packages ?? [])]
  // Patterns end in a name or in stars (packages/*, apps/**), which all package managers share.
  const matches = (path: string, start: RegExp) =>
    patterns.some(
      (pattern) => start.test(pattern) && matchesGlob(pattern.replace(/^!?(?:\.\/)?|\/$/g, ''), path),
    )
  const start = folder === '' ? '' : `${folder}/`
  return tree.paths
    .filter(
      (path) => path.startsWith(start) && path.endsWith('/package.json') && !path.includes('node_modules/'),
    )
    .map((path) => path.slice(0, -'/package.json'.length))
    .filter((path) => path !== folder)
    .filter((path) => {
      const inside = path.slice(start.length)
      return matches(inside, /^[^!]/) && !matches(inside, /^!/)
    })
    .slice(0, MAX_PACKAGES)
}

/** null when the text is missing or is not in the format. */
export function parseWith(parse: (text: string) => unknown, text: string | null): unknown {
  try {
    return text === null ? null : parse(text)
  } catch {
    return null // a damaged file says nothing
  }
}

async function readManifest(tree: Tree, folder: string, notes: string[]): Promise<PackageJson | null> {
  const path = inFolder(folder, 'package.json')
  const manifest = PackageJson.safeParse(parseJson((await tree.read(path)) ?? ''))
  if (manifest.success) return manifest.data
  notes.push(`${path} of the base cannot be parsed: no set-up and no checks are taken from it.`)
  return null
}

interface Chosen {
  name: string
  kind: CheckKind
}

async function checksOf(project: Project, manager: Manager): Promise<DetectedCheck[]> {
  const { tree, folder, manifest, notes } = project
  const scripts = manifest.scripts ?? {}
  const checks: DetectedCheck[] = []
  for (const { name, kind } of chooseScripts(scripts, notes)) {
    const run = commandFor(manager, scripts, name)
    checks.push({
      command: folder === '' ? run : `cd ${quote(folder)} && ${run}`,
      shown: `${runScript(manager.tool, name)}${folder === '' ? '' : ` in ${folder}`}`,
      kind,
      timeoutMs: (kind === 'tests' || kind === 'build' ? 30 : 10) * MINUTE_MS,
      files: await namedFiles(tree, `npm run ${name}`, folder),
    })
  }
  return checks
}

/** Chooses at most one script for types, lint and build, and the tests. Pure. */
export function chooseScripts(scripts: Scripts, notes: string[]): Chosen[] {
  const isReal = (name: string) => scripts[name] !== undefined && !NOTHING.test(scripts[name])
  const usable = (name: string, kind: CheckKind) => {
    // A build may write, and a formatter before the tests changes nothing about them.
    const rewrites = kind !== 'build' && kind !== 'tests' && REWRITES.test(scriptChain(scripts, name))
    if (!rewrites) return true
    notes.push(`The script ${name} rewrites files, so it is no check.`)
    return false
  }
  const pick = (names: readonly string[], fallback: CheckKind): Chosen[] => {
    const found = names.filter(isReal).map((name) => ({ name, kind: kindOf(scripts, name, fallback) }))
    const good = found.find(({ name, kind }) => usable(name, kind))
    return good === undefined ? [] : [good]
  }
  const many = Object.keys(scripts).filter(
    (name) =>
      name.startsWith('test:') && isReal(name) && !NO_TEST.test(name) && !isWatcher(scripts[name] ?? ''),
  )
  const plain = TESTS.filter(isReal)
  const still = plain.filter((name) => !isWatcher(scripts[name] ?? ''))
  const tests = pick(still.length > 0 ? still : many.length > 0 ? [] : plain, 'tests')
  const chosen = [
    ...pick(TYPES, 'types'),
    ...pick(LINTS, 'lint'),
    ...pick(['build'], 'build'),
    ...(tests.length > 0 ? tests : many.flatMap((name) => pick([name], 'tests'))),
  ]
  // These often run the others again, so they count only for what the others leave out.
  const ci = PUBLISHES.test(scriptChain(scripts, 'ci')) ? [] : ['ci']
  for (const name of ['check', ...ci])
    chosen.push(...pick([name], 'tests').filter(({ kind }) => chosen.every((other) => other.kind !== kind)))
  return chosen
}

/** A script is what it runs: `test` may be a linter alone, and `lint` may check types. */
function kindOf(scripts: Scripts, name: string, fallback: CheckKind): CheckKind {
  if (fallback === 'build' || fallback === 'types') return fallback
  const text = scriptChain(scripts, name)
  if (TESTERS.test(text)) return fallback === 'lint' ? 'lint' : 'tests'
  const parts = text
    .split(/&&|\|\||[;|&\n]/)
    .map((part) =>
      part.trim().replace(/^(?:(?:npx|cross-env|pnpm exec|yarn|bunx|run-[sp])\s+|\w+=\S*\s+)+/, ''),
    )
    .filter((part) => part !== '' && !/^(?:echo|npm|pnpm|yarn|bun|node --run)\b/.test(part))
  const checksTypes = new RegExp(`\\b(?:${TYPERS})\\b`).test(text)
  const quick = checksTypes ? 'types' : 'lint'
  if (fallback === 'lint') return quick
  if (parts.every(isOf(`${LINTERS}|${TYPERS}`))) return quick
  return parts.every(isOf(`${LINTERS}|${TYPERS}|${BUILDERS}`)) ? 'build' : 'tests'
}

const isOf = (tools: string) => (part: string) =>
  new RegExp(`^(?:[\\w./-]*/)?(?:${tools})(?:\\s|$)`).test(part)

/** A script that only exists as a watcher runs without its watch mode, still within npm's environment. */
function commandFor({ tool }: Manager, scripts: Scripts, name: string): string {
  const text = scripts[name] ?? ''
  if (!isWatcher(text) || tool === 'bun') return runScript(tool, name)
  const once = text.replaceAll(WATCHES, (found) => (/^\s/.test(found) ? '' : 'run'))
  return `npm exec --call ${quote(once)}`
}

async function noteVersion(tree: Tree, notes: string[]): Promise<void> {
  const asked = /^v?(\d+)/.exec((await tree.read('.nvmrc')) ?? (await tree.read('.node-version')) ?? '')?.[1]
  const here = process.versions.node.split('.')[0]
  if (asked !== undefined && asked !== here)
    notes.push(`The repository asks for Node ${asked}; this machine's agent runs on ${here}.`)
}
