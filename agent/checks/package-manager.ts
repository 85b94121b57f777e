// Chooses the package manager of a Node project by `packageManager`, else by the lock file, and says how it installs and runs scripts.
import { z } from 'zod'
import { inFolder, quote } from './detect-shapes.ts'
import type { SetupCommand } from './detect-shapes.ts'
import type { Tree } from './detect-tree.ts'
import type { Machine } from '../machine/programs.ts'
import { namedFiles } from './named-files.ts'

const SETUP_TIMEOUT_MS = 10 * 60_000
const Dependencies = z.record(z.string(), z.string()).optional().catch(undefined)

export const PackageJson = z.object({
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
export type PackageJson = z.infer<typeof PackageJson>

type Tool = 'npm' | 'pnpm' | 'yarn' | 'bun'

const LOCKS: readonly [lock: string, tool: Tool][] = [
  ['pnpm-lock.yaml', 'pnpm'],
  ['yarn.lock', 'yarn'],
  ['bun.lock', 'bun'],
  ['bun.lockb', 'bun'],
  ['package-lock.json', 'npm'],
  ['npm-shrinkwrap.json', 'npm'],
]

export interface Manager {
  tool: Tool
  lock: string | null
}

export interface Project {
  tree: Tree
  machine: Machine
  folder: string
  manifest: PackageJson
  notes: string[]
}

/** Returns null, with a note, when the project asks for a package manager that is not on this machine. */
export function chooseManager({ tree, machine, folder, manifest, notes }: Project): Manager | null {
  const named = /^(npm|pnpm|yarn|bun)@/.exec(manifest.packageManager ?? '')?.[1]
  const locks = LOCKS.filter(([lock]) => tree.has(inFolder(folder, lock)))
  const asked = named === undefined ? [] : LOCKS.filter(([, tool]) => tool === named)
  const inQuestion = asked.length === 0 ? locks : asked
  const found = inQuestion.find(([, tool]) => canRun(machine, tool))
  if (found !== undefined) {
    const own = locks.find(([, tool]) => tool === found[1])
    return { tool: found[1], lock: own?.[0] ?? null }
  }
  const missing = inQuestion[0]?.[1] ?? 'npm'
  if ((locks.length === 0 && asked.length === 0) || !needsInstall(manifest)) {
    if (machine.has('npm')) return { tool: 'npm', lock: null }
  }
  notes.push(
    `${missing} is not on this machine, and ${inFolder(folder, 'package.json')} needs it: nothing is installed, and its scripts are no checks.`,
  )
  return null
}

const canRun = (machine: Machine, tool: Tool): boolean =>
  machine.has(tool) || ((tool === 'pnpm' || tool === 'yarn') && machine.has('corepack'))

const needsInstall = ({ dependencies, devDependencies, optionalDependencies, workspaces }: PackageJson) =>
  workspaces !== undefined ||
  Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies }).length > 0

/** Returns the commands that install the packages; none when the project needs none. */
export async function installCommands(project: Project, manager: Manager): Promise<SetupCommand[]> {
  const { tree, machine, folder, manifest } = project
  const { tool, lock } = manager
  const setup: SetupCommand[] = []
  const isCorepacks = (tool === 'pnpm' || tool === 'yarn') && machine.has('corepack')
  // Scripts and hooks call pnpm and yarn by name. Corepack puts both into a folder that is on every plan's PATH.
  if (isCorepacks)
    setup.push({
      command: `command -v ${tool} >/dev/null || { mkdir -p "$HOME/.local/bin" && corepack enable --install-directory "$HOME/.local/bin" ${tool}; }`,
      timeoutMs: SETUP_TIMEOUT_MS,
      keyFiles: [],
      isTool: true,
    })
  if (!needsInstall(manifest) && !tree.has(inFolder(folder, 'pnpm-workspace.yaml'))) return setup
  const install = installText(project, manager)
  const keyFiles = ['package.json', '.npmrc', ...(lock === null ? [] : [lock]), 'pnpm-workspace.yaml']
  setup.push({
    command: `${folder === '' ? '' : `cd ${quote(folder)} && `}${install}`,
    timeoutMs: SETUP_TIMEOUT_MS,
    keyFiles: keyFiles
      .filter((name) => name === 'package.json' || name === '.npmrc' || tree.has(inFolder(folder, name)))
      .map((name) => inFolder(folder, name)),
    files: await namedFiles(tree, 'npm run preinstall install postinstall prepare', folder),
  })
  return setup
}

function installText({ tree, folder, manifest }: Project, { tool, lock }: Manager): string {
  if (tool === 'npm')
    return lock === null
      ? // The repository has no lock file, and the set-up must not add one.
        'npm install --no-package-lock --no-audit --no-fund'
      : 'npm ci --prefer-offline --no-audit --no-fund'
  if (tool === 'pnpm') return `pnpm install ${lock === null ? '--no-lockfile' : '--frozen-lockfile'}`
  if (tool === 'bun') return `bun install ${lock === null ? '--no-save' : '--frozen-lockfile'}`
  const isClassic =
    !tree.has(inFolder(folder, '.yarnrc.yml')) && !/^yarn@(?:[2-9]|\d\d)/.test(manifest.packageManager ?? '')
  if (isClassic) return `yarn install ${lock === null ? '--no-lockfile' : '--frozen-lockfile'}`
  return lock === null ? 'yarn install --no-immutable' : 'yarn install --immutable'
}

/** Returns the command that runs a script as a person would. The package manager sets the environment that scripts expect. */
export const runScript = (tool: Tool, name: string): string =>
  tool === 'npm' && name === 'test' ? 'npm test' : `${tool} run ${name}`
