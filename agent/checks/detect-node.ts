// Detects Node projects: the lock file names the package manager, and the scripts of the base's package.json are the checks.
import { z } from 'zod'
import { quote } from './detect-shapes.ts'
import type { DetectedCheck, Finding, SetupCommand } from './detect-shapes.ts'
import { resolveScript } from './detect-node-scripts.ts'
import type { Tree } from './detect-tree.ts'
import type { Machine } from '../machine/programs.ts'
import { parseJson } from '../../src/shared/json.ts'

const MINUTE_MS = 60_000
const SETUP_TIMEOUT_MS = 10 * MINUTE_MS
const MAX_PACKAGES = 20

const Dependencies = z.record(z.string(), z.string()).optional().catch(undefined)
const PackageJson = z.object({
  name: z.string().optional().catch(undefined),
  version: z.string().optional().catch(undefined),
  packageManager: z.string().optional().catch(undefined),
  scripts: z.record(z.string(), z.string()).optional().catch(undefined),
  dependencies: Dependencies,
  devDependencies: Dependencies,
  optionalDependencies: Dependencies,
  workspaces: z
    .union([z.array(z.string()), z.object({ packages: z.array(z.string()) }).transform((it) => it.packages)])
    .optional()
    .catch(undefined),
})
type PackageJson = z.infer<typeof PackageJson>

const CHECKS = [
  { names: ['typecheck', 'type-check', 'types', 'check-types', 'check:types', 'tsc'], suite: 'quick' },
  { names: ['lint', 'lint:check', 'eslint'], suite: 'quick' },
  { names: ['test', 'test:ci', 'test:unit', 'tests'], suite: 'full' },
  { names: ['build'], suite: 'full' },
] as const
const SETTINGS =
  /^(?:tsconfig[\w.-]*\.json|vitest\.(?:config|workspace)\.\w+|vite\.config\.\w+|jest\.config\.\w+|\.mocharc[\w.]*|\.?eslint[\w.]*|\.oxlintrc\.json|biome\.jsonc?|playwright\.config\.\w+|babel\.config\.\w+|\.babelrc|karma\.conf\.\w+|ava\.config\.\w+|\.prettierrc[\w.]*)$/

export async function detectNode(tree: Tree, machine: Machine): Promise<Finding> {
  const folders = projectFolders(tree)
  if (folders.length === 0) return null
  const notes: string[] = []
  const setup: SetupCommand[] = []
  const checks: DetectedCheck[] = []
  for (const folder of folders) {
    const manifest = await readManifest(tree, folder, notes)
    if (manifest === null) continue
    const command = installCommand({ tree, machine, folder, manifest, notes })
    if (command !== null) setup.push(command)
    checks.push(...checksOf(tree, folder, manifest, notes))
    if (folder === '' && !checks.some(({ shown }) => shown.startsWith('npm test')))
      for (const inner of workspaceFolders(tree, manifest)) {
        const innerManifest = await readManifest(tree, inner, notes)
        if (innerManifest !== null) checks.push(...checksOf(tree, inner, innerManifest, notes))
      }
  }
  await noteVersion(tree, notes)
  return { kind: 'node', setup, checks, notes }
}

/** Returns the root, or, when the root is no Node project, the project folders directly below it. */
function projectFolders(tree: Tree): string[] {
  if (tree.has('package.json')) return ['']
  return tree.paths
    .filter((path) => /^[^/]+\/package\.json$/.test(path) && !path.startsWith('node_modules/'))
    .map((path) => path.slice(0, -'/package.json'.length))
    .slice(0, 5)
}

function workspaceFolders(tree: Tree, { workspaces = [] }: PackageJson): string[] {
  // Only patterns that end in a name or one star (packages/*) are read; all package managers share these.
  const patterns = workspaces.map(
    (pattern) =>
      new RegExp(
        `^${pattern
          .replace(/^\.\//, '')
          .replace(/\/$/, '')
          .replaceAll(/[.+^${}()|[\]\\?]/g, String.raw`\$&`)
          .replaceAll('**', '.+')
          .replaceAll(/(?<!\.)\*/g, '[^/]+')}/package\\.json$`,
      ),
  )
  return tree.paths
    .filter((path) => !path.includes('node_modules/') && patterns.some((pattern) => pattern.test(path)))
    .map((path) => path.slice(0, -'/package.json'.length))
    .slice(0, MAX_PACKAGES)
}

async function readManifest(tree: Tree, folder: string, notes: string[]): Promise<PackageJson | null> {
  const path = inFolder(folder, 'package.json')
  const manifest = PackageJson.safeParse(parseJson((await tree.read(path)) ?? ''))
  if (manifest.success) return manifest.data
  notes.push(`${path} of the base cannot be parsed: no set-up and no checks are taken from it.`)
  return null
}

interface InstallInput {
  tree: Tree
  machine: Machine
  folder: string
  manifest: PackageJson
  notes: string[]
}

function installCommand({ tree, machine, folder, manifest, notes }: InstallInput): SetupCommand | null {
  const { dependencies, devDependencies, optionalDependencies, workspaces, packageManager } = manifest
  const wanted = { ...dependencies, ...devDependencies, ...optionalDependencies }
  if (Object.keys(wanted).length === 0 && workspaces === undefined) return null
  const has = (name: string) => tree.has(inFolder(folder, name))
  const program = (tool: 'pnpm' | 'yarn' | 'bun'): string | null => {
    if (machine.has(tool)) return tool
    if (machine.has('corepack') && tool !== 'bun') return `corepack ${tool}`
    notes.push(
      `${tool} is not on this machine, and ${inFolder(folder, 'package.json')} needs it for its set-up.`,
    )
    return null
  }
  const cd = folder === '' ? '' : `cd ${quote(folder)} && `
  const command = (start: string | null, rest: string, locks: string[]): SetupCommand | null =>
    start === null
      ? null
      : {
          command: `${cd}${start} ${rest}`,
          timeoutMs: SETUP_TIMEOUT_MS,
          keyFiles: ['package.json', '.npmrc', ...locks].map((name) => inFolder(folder, name)),
        }
  if (has('pnpm-lock.yaml'))
    return command(program('pnpm'), 'install --frozen-lockfile', ['pnpm-lock.yaml', 'pnpm-workspace.yaml'])
  if (has('yarn.lock')) {
    const isClassic = !has('.yarnrc.yml') && !/^yarn@(?:[2-9]|\d\d)/.test(packageManager ?? '')
    return command(program('yarn'), `install ${isClassic ? '--frozen-lockfile' : '--immutable'}`, [
      'yarn.lock',
    ])
  }
  for (const lock of ['bun.lock', 'bun.lockb'])
    if (has(lock)) return command(program('bun'), 'install --frozen-lockfile', [lock])
  if (!machine.has('npm')) {
    notes.push('npm is not on this machine: the packages of package.json are not installed.')
    return null
  }
  for (const lock of ['package-lock.json', 'npm-shrinkwrap.json'])
    if (has(lock)) return command('npm', 'ci --prefer-offline --no-audit --no-fund', [lock])
  // The repository has no lock file, and the set-up must not add one.
  return command('npm', 'install --no-package-lock --no-audit --no-fund', [])
}

function checksOf(tree: Tree, folder: string, manifest: PackageJson, notes: string[]): DetectedCheck[] {
  const scripts = manifest.scripts ?? {}
  return CHECKS.flatMap(({ names, suite }) => {
    const name = names.find((candidate) => isRealScript(scripts[candidate]))
    if (name === undefined) return []
    const resolved = resolveScript(scripts, name)
    const shown = `${name === 'test' ? 'npm test' : `npm run ${name}`}${folder === '' ? '' : ` in ${folder}`}`
    if (resolved.left.length > 0)
      notes.push(`${shown} calls scripts that could not be taken from the base: ${resolved.left.join(', ')}.`)
    const bins = folder === '' ? '$PWD/node_modules/.bin' : '$PWD/node_modules/.bin:$OLDPWD/node_modules/.bin'
    const variables = `npm_lifecycle_event=${quote(name)} npm_package_name=${quote(manifest.name ?? '')} npm_package_version=${quote(manifest.version ?? '')}`
    return [
      {
        command: `${folder === '' ? '' : `cd ${quote(folder)} && `}CI=true PATH="${bins}:$PATH" ${variables} sh -c ${quote(resolved.text)}`,
        shown,
        suite,
        timeoutMs: (suite === 'quick' ? 10 : 30) * MINUTE_MS,
        files: filesOf(tree, folder, resolved.text),
      },
    ]
  })
}

const isRealScript = (text: string | undefined): boolean =>
  text !== undefined && text.trim() !== '' && !/no test specified|^nodemon\b/.test(text)

/** Returns package.json, the settings files at the project's top, and the base's files that the script's text names. */
function filesOf(tree: Tree, folder: string, script: string): string[] {
  const named = script
    .split(/[\s'"`;&|()=]+/)
    .map((word) => inFolder(folder, word.replace(/^\.\//, '')))
    .filter((path) => tree.has(path))
  const settings = tree.paths.filter(
    (path) => path.startsWith(inFolder(folder, '')) && SETTINGS.test(path.slice(inFolder(folder, '').length)),
  )
  return [...new Set([inFolder(folder, 'package.json'), ...settings, ...named])]
}

async function noteVersion(tree: Tree, notes: string[]): Promise<void> {
  const asked = /^v?(\d+)/.exec((await tree.read('.nvmrc')) ?? (await tree.read('.node-version')) ?? '')?.[1]
  const here = process.versions.node.split('.')[0]
  if (asked !== undefined && asked !== here)
    notes.push(`The repository asks for Node ${asked}; this machine's agent runs on ${here}.`)
}

const inFolder = (folder: string, name: string): string => (folder === '' ? name : `${folder}/${name}`)
