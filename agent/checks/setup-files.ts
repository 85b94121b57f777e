// Finds set-up commands that a repository spells out for agents: first its own file for this agent, then files for other tools,
// then targets of make and just. The first file found is used. It is read from a commit. Pure over a Tree.
import { parse as parseToml } from 'smol-toml'
import { parse as parseYaml } from 'yaml'
import { z } from 'zod'
import { parseWith } from './detect-node.ts'
import { quote } from './detect-shapes.ts'
import type { SetupCommand } from './detect-shapes.ts'
import type { Tree } from './detect-tree.ts'
import type { Machine } from '../machine/programs.ts'
import { namedFiles } from './named-files.ts'
import { parseJson } from '../../src/shared/json.ts'

export interface ExplicitSetup {
  /** The file that the commands come from. */
  from: string
  commands: SetupCommand[]
  /** Says which files were passed over, and why. */
  notes: string[]
}

const TIMEOUT_MS = 20 * 60_000
/** Targets that set a project up. `install` is not one of them, because it usually writes into the system. */
const TARGETS = ['setup', 'bootstrap', 'deps']

type Reader = (text: string, file: string, machine: Machine) => string[]

/** `ours` files are meant for this machine. The commands of the others were written for another image. */
const FILES: [file: string, meantFor: 'us' | 'others', read: Reader][] = [
  ['.ralph/setup.sh', 'us', (_, file) => [`bash ${file}`]],
  ['.codex/environments/environment.toml', 'others', readCodex],
  ['.codex/setup.sh', 'others', (_, file) => [`bash ${file}`]],
  [
    '.cursor/environment.json',
    'others',
    (text) => fromJson(text, z.object({ install: Commands }), ({ install }) => install),
  ],
  [
    '.cursor/worktrees.json',
    'others',
    (text) => fromJson(text, z.object({ 'setup-worktree': Commands }), (it) => it['setup-worktree']),
  ],
  [
    'conductor.json',
    'others',
    (text) =>
      fromJson(text, z.object({ scripts: z.object({ setup: Commands }) }), ({ scripts }) => scripts.setup),
  ],
  ['.github/workflows/copilot-setup-steps.yml', 'others', readSteps],
  ['.github/workflows/copilot-setup-steps.yaml', 'others', readSteps],
  ['.devcontainer/devcontainer.json', 'others', readContainer],
  ['.devcontainer.json', 'others', readContainer],
  ['justfile', 'others', (text, _, machine) => readTargets(text, 'just', machine)],
  ['Makefile', 'others', (text, _, machine) => readTargets(text, 'make', machine)],
]

/** The forms these files share: one command, a list of commands, or several commands by name. */
const Commands = z
  .union([
    z.string().transform((text) => [text]),
    z.array(z.string()),
    z
      .record(z.string(), z.union([z.string(), z.array(z.string())]))
      .transform((named) =>
        Object.values(named).map((it) => (typeof it === 'string' ? it : it.map(quote).join(' '))),
      ),
  ])
  .transform((commands) => commands.filter((command) => command.trim() !== ''))

export async function findExplicitSetup(tree: Tree, machine: Machine): Promise<ExplicitSetup | null> {
  const notes: string[] = []
  for (const [file, meantFor, read] of FILES) {
    const text = await tree.read(file)
    if (text === null) continue
    const commands = read(text, file, machine)
    if (commands.length === 0) continue
    // A make or just target is judged by its recipe.
    const run = /^(?:make|just) (\w+)$/.exec(commands[0] ?? '')?.[1]
    const texts = run === undefined ? commands : [recipeOf(text, run)]
    const foreign = meantFor === 'us' ? null : await foreignProgram(tree, machine, texts)
    if (foreign !== null) {
      notes.push(`The set-up in ${file} is for another machine (${foreign}): it gives way to the lock files.`)
      continue
    }
    const setup = commands.map(async (command) => ({
      command,
      timeoutMs: TIMEOUT_MS,
      keyFiles: [file],
      files: await namedFiles(tree, command),
    }))
    return { from: file, commands: await Promise.all(setup), notes }
  }
  return notes.length === 0 ? null : { from: '', commands: [], notes }
}

/** Tools that a repository asks mise for. They come before the lock files' commands and do not replace them. */
export function findToolVersions(tree: Tree, machine: Machine): SetupCommand[] {
  const file = ['mise.toml', '.mise.toml', '.tool-versions'].find((name) => tree.has(name))
  if (file === undefined || !machine.has('mise')) return []
  const trust = file.endsWith('.toml') ? 'mise trust --yes && ' : ''
  return [{ command: `${trust}mise install --yes`, timeoutMs: TIMEOUT_MS, keyFiles: [file], isTool: true }]
}

const SHELL_WORDS = new Set(
  'if then elif else fi for while until do done case esac in function select time ! { } [ [[ ( ) : . source cd echo printf read set unset export local declare readonly shift test true false exit return exec eval command type hash alias trap wait kill umask ulimit pushd popd let bash sh'.split(
    ' ',
  ),
)
/** These change the system, which a plan's user may not do, or install into a Python that the distribution manages. */
const SYSTEM =
  /^(?:sudo|su|apt|apt-get|apk|dnf|yum|pacman|zypper|brew|choco|pip|pip3|systemctl|service|docker)$/
const SYSTEM_WIDE =
  /\b(?:npm|pnpm|yarn)\b[^&|;\n]*\s(?:-g|--global|global)\b|\bcorepack enable(?!.*--install-directory)/

/** Returns a program that this machine does not have or that needs rights over the system; null when all can run. */
async function foreignProgram(
  tree: Tree,
  machine: Machine,
  commands: readonly string[],
): Promise<string | null> {
  const texts = [...commands]
  for (const command of commands) {
    const script = /^(?:(?:bash|sh)\s+)?(?:\.\/)?([\w./-]+\.sh)\s*$/.exec(command.trim())?.[1]
    if (script !== undefined) texts.push((await tree.read(script)) ?? '')
  }
  for (const text of texts) {
    const wide = SYSTEM_WIDE.exec(text)?.[0]
    if (wide !== undefined) return wide.trim()
    for (const program of text.includes('<<') ? [] : programsIn(text)) {
      if (SYSTEM.test(program)) return program
      const isBuiltIn = SHELL_WORDS.has(program) || functionsOf(text).includes(program)
      if (!isBuiltIn && !machine.has(program) && !(isNodes(program) && machine.has('corepack')))
        return program
    }
  }
  return null
}

const functionsOf = (text: string) => [...text.matchAll(/([\w.+-]+)\s*\(\)/g)].map(([, name]) => name)
const isNodes = (program: string): boolean => program === 'pnpm' || program === 'yarn'

/** Returns the first word of each simple command. Paths, variables and what stands in quotes are left out. */
function programsIn(text: string): string[] {
  return text
    .replaceAll(/\\\n/g, ' ')
    .replaceAll(/'[^']*'|"(?:[^"\\]|\\.)*"/g, '""')
    .replaceAll(/(?:^|\s)#[^\n]*/g, '')
    .split(/&&|\|\||[;|&\n(]|\b(?:then|do|else|if|elif|while|!)\s/)
    .map((part) => part.trim().replace(/^[@-]+/, ''))
    .map((part) => part.replace(/^(?:(?:\w+=\S*|exec|command|time|env|nohup)\s+)+/, ''))
    .map((part) => part.split(/\s/)[0] ?? '')
    .filter((word) => /^[a-z][\w.+-]*$/.test(word))
}

function fromJson<T>(text: string, schema: z.ZodType<T>, pick: (value: T) => string[]): string[] {
  const parsed = schema.safeParse(parseJson(withoutComments(text)))
  return parsed.success ? pick(parsed.data) : []
}

/** Removes comments and trailing commas, which these JSON files may have. Strings are left as they are. */
const withoutComments = (text: string): string =>
  text
    .replaceAll(
      /("(?:[^"\\]|\\.)*")|\/\/[^\n]*|\/\*[\s\S]*?\*\//g,
      (_, kept: string | undefined) => kept ?? '',
    )
    .replaceAll(/("(?:[^"\\]|\\.)*")|,(?=\s*[\]}])/g, (_, kept: string | undefined) => kept ?? '')

function readContainer(text: string): string[] {
  const schema = z.object({
    onCreateCommand: Commands.optional(),
    updateContentCommand: Commands.optional(),
    postCreateCommand: Commands.optional(),
  })
  return fromJson(text, schema, (it) =>
    [it.onCreateCommand, it.updateContentCommand, it.postCreateCommand].flatMap((commands) => commands ?? []),
  )
}

const Codex = z.object({ setup: z.object({ script: z.string() }) })

function readCodex(text: string): string[] {
  const script = Codex.safeParse(parseWith(parseToml, text)).data?.setup.script.trim() ?? ''
  return script === '' ? [] : [script]
}

const Env = z
  .record(z.string(), z.union([z.string(), z.number(), z.boolean()]).transform(String))
  .optional()
  .catch(undefined)
const Defaults = z
  .object({ run: z.object({ 'working-directory': z.string().optional(), shell: z.string().optional() }) })
  .optional()
  .catch(undefined)
const Step = z.object({
  run: z.string().optional().catch(undefined),
  if: z.union([z.string(), z.boolean()]).optional().catch(undefined),
  shell: z.string().optional().catch(undefined),
  'working-directory': z.string().optional().catch(undefined),
  env: Env,
})
const Workflow = z.object({
  env: Env,
  defaults: Defaults,
  jobs: z.object({ 'copilot-setup-steps': z.object({ env: Env, defaults: Defaults, steps: z.array(Step) }) }),
})

/** Returns the `run:` steps of the one job that counts. Steps that use an action cannot run here and are left out. */
function readSteps(text: string): string[] {
  const workflow = Workflow.safeParse(parseWith(parseYaml, text)).data
  if (workflow === undefined) return []
  const job = workflow.jobs['copilot-setup-steps']
  const defaults = { ...workflow.defaults?.run, ...job.defaults?.run }
  return job.steps.flatMap((step) => {
    const run = step.run?.trim() ?? ''
    const shell = step.shell ?? defaults.shell ?? 'bash'
    const env = Object.entries({ ...workflow.env, ...job.env, ...step.env })
    if (run === '' || !/^(?:bash|sh)\b/.test(shell) || !isTaken(step.if) || run.includes('${{')) return []
    const folder = step['working-directory'] ?? defaults['working-directory']
    const lines = [
      ...(/\$\{?GITHUB_/.test(run)
        ? ['export GITHUB_ENV=/dev/null GITHUB_PATH=/dev/null GITHUB_OUTPUT=/dev/null']
        : []),
      ...env
        .filter(([, value]) => !value.includes('${{'))
        .map(([name, value]) => `export ${name}=${quote(value)}`),
      ...(folder === undefined || folder === '.' ? [] : [`cd ${quote(folder)}`]),
      run,
    ].join('\n')
    return [lines.includes('\n') ? `set -e\n${lines}` : lines]
  })
}

/** Conditions that hold only elsewhere, or only after a failure, are not met here. All others are taken as met. */
const isTaken = (condition: string | boolean | undefined): boolean =>
  condition !== false &&
  !/^(?:\$\{\{\s*)?(?:false|failure\(\)|cancelled\(\))|windows|macos|cache-hit\s*==\s*'true'/i.test(
    String(condition),
  )

function readTargets(text: string, tool: 'make' | 'just', machine: Machine): string[] {
  const target = TARGETS.find((name) => new RegExp(`^@?${name}\\s*:(?!=)`, 'm').test(text))
  return target === undefined || !machine.has(tool) ? [] : [`${tool} ${target}`]
}

function recipeOf(text: string, target: string): string {
  const lines = text.split('\n')
  const from = lines.findIndex((line) => new RegExp(`^@?${target}\\s*:(?!=)`).test(line)) + 1
  const end = lines.slice(from).findIndex((line) => !/^[\t ]|^$/.test(line))
  return lines
    .slice(from, end === -1 ? undefined : from + end)
    .map((line) => line.replaceAll(/\$[({][^)}]*[)}]/g, '""'))
    .join('\n')
}
