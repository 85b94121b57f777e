// Finds set-up commands that a repository spells out for agents: first its own file for this agent, then files for other tools,
// then targets of make and just. The first file found is used. It is read from a commit. Pure over a Tree.
import { z } from 'zod'
import { quote } from './detect-shapes.ts'
import type { SetupCommand } from './detect-shapes.ts'
import type { Tree } from './detect-tree.ts'
import type { Machine } from '../machine/programs.ts'
import { parseJson } from '../../src/shared/json.ts'

export interface ExplicitSetup {
  /** The file that the commands come from. */
  from: string
  commands: SetupCommand[]
}

const TIMEOUT_MS = 20 * 60_000
/** Targets that set a project up. `install` is not one of them, because it usually writes into the system. */
const TARGETS = ['setup', 'bootstrap', 'deps']

type Reader = (text: string, file: string, machine: Machine) => string[]

const FILES: [file: string, read: Reader][] = [
  ['.ralph/setup.sh', (_, file) => [`bash ${file}`]],
  ['.codex/environments/environment.toml', readCodex],
  ['.codex/setup.sh', (_, file) => [`bash ${file}`]],
  [
    '.cursor/environment.json',
    (text) => fromJson(text, z.object({ install: Commands }), ({ install }) => install),
  ],
  [
    '.cursor/worktrees.json',
    (text) => fromJson(text, z.object({ 'setup-worktree': Commands }), (it) => it['setup-worktree']),
  ],
  [
    'conductor.json',
    (text) =>
      fromJson(text, z.object({ scripts: z.object({ setup: Commands }) }), ({ scripts }) => scripts.setup),
  ],
  ['.github/workflows/copilot-setup-steps.yml', readRunSteps],
  [
    '.devcontainer/devcontainer.json',
    (text) => fromJson(text, z.object({ postCreateCommand: Commands }), (it) => it.postCreateCommand),
  ],
  ['mise.toml', (_, __, machine) => (machine.has('mise') ? ['mise trust --yes && mise install --yes'] : [])],
  ['.tool-versions', (_, __, machine) => (machine.has('mise') ? ['mise install --yes'] : [])],
  ['justfile', (text, _, machine) => readTargets(text, 'just', machine)],
  ['Makefile', (text, _, machine) => readTargets(text, 'make', machine)],
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
  for (const [file, read] of FILES) {
    const text = await tree.read(file)
    if (text === null) continue
    const commands = read(text, file, machine)
    if (commands.length > 0)
      return {
        from: file,
        commands: commands.map((command) => ({ command, timeoutMs: TIMEOUT_MS, keyFiles: [file] })),
      }
  }
  return null
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

/** Reads `script = """…"""` from the [setup] table. */
function readCodex(text: string): string[] {
  const table = /^\[setup\]\s*$([\s\S]*?)(?=^\[|$(?![\s\S]))/m.exec(text)?.[1] ?? ''
  const found =
    /^script\s*=\s*(?:"""\n?([\s\S]*?)"""|'''\n?([\s\S]*?)'''|"((?:[^"\\\n]|\\.)*)"|'([^'\n]*)')/m.exec(table)
  const script = found
    ?.slice(1)
    .find((part) => part !== undefined)
    ?.trim()
  return script === undefined || script === '' ? [] : [script]
}

/** Returns each `run:` of a workflow, one line or a block. Steps that use an action cannot run here and are left out. */
function readRunSteps(text: string): string[] {
  const steps: string[] = []
  const lines = text.split(/\r?\n/)
  for (let index = 0; index < lines.length; index++) {
    const [, indent = '', rest = ''] = /^(\s*(?:-\s+)?)run:\s*(.*)$/.exec(lines[index] ?? '') ?? []
    if (rest === '') continue
    if (!/^[|>][+-]?$/.test(rest)) {
      steps.push(rest.replace(/^(["'])(.*)\1$/, '$2'))
      continue
    }
    const block: string[] = []
    while (
      index + 1 < lines.length &&
      (/^\s*$/.test(lines[index + 1] ?? '') || indentOf(lines[index + 1] ?? '') > indent.length)
    )
      block.push(lines[++index] ?? '')
    const least = Math.min(...block.filter((line) => line.trim() !== '').map(indentOf))
    steps.push(
      block
        .map((line) => line.slice(least))
        .join(rest.startsWith('>') ? ' ' : '\n')
        .trim(),
    )
  }
  return steps.filter((step) => step !== '' && !step.includes('${{'))
}

const indentOf = (line: string): number => line.length - line.trimStart().length

function readTargets(text: string, tool: 'make' | 'just', machine: Machine): string[] {
  const target = TARGETS.find((name) => new RegExp(`^@?${name}\\s*:(?!=)`, 'm').test(text))
  return target === undefined || !machine.has(tool) ? [] : [`${tool} ${target}`]
}
