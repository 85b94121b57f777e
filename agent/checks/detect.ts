// Detects what a repository needs before the work (set-up) and what must hold after it (checks). It reads the files of one
// commit, never the working tree, which the plan may have changed. A missing tool gives a note instead of a command that fails.
import { parse as parseYaml } from 'yaml'
import { z } from 'zod'
import { detectDocuments } from './detect-documents.ts'
import { detectNode, parseWith } from './detect-node.ts'
import { detectBats, detectOthers, FULL_MS, isOthersMarker } from './detect-others.ts'
import { detectPython } from './detect-python.ts'
import { hasTests, inFolder, quote, runsTheCode, together } from './detect-shapes.ts'
import type { Detected, DetectedCheck, Finding } from './detect-shapes.ts'
import { readTree, treeBelow } from './detect-tree.ts'
import type { Tree } from './detect-tree.ts'
import type { Git } from '../git/git.ts'
import { findTools } from '../machine/programs.ts'
import type { Machine } from '../machine/programs.ts'
import { namedFiles } from './named-files.ts'

export interface DetectInput {
  git: Git
  /** The commit whose files are read; null when the repository has no commit. */
  commit: string | null
  /** The plan's environment, for its PATH and home. */
  env: NodeJS.ProcessEnv
}

const MAX_PROJECTS = 10
/** Folders that hold projects of others, or projects that are data of tests. */
const NO_PROJECTS =
  /(?:^|\/)(?:node_modules|vendor|third[-_]party|deps|dist|build|fixtures?|__fixtures__|testdata|tests?|templates?|examples?|samples?|docs?|\.[^/]+)\//i

/** Detects from the commit and the machine's programs. Errors: GitError when the commit cannot be read. */
export async function detectAt({ git, commit, env }: DetectInput): Promise<Detected> {
  return detect(await readTree(git, commit), findTools(env))
}

export async function detect(tree: Tree, machine: Machine): Promise<Detected> {
  const found: Detected[] = []
  for (const [detector, isMarker] of DETECTORS) {
    const atTop = await detector(tree, machine, '')
    if (atTop !== null) found.push(atTop)
    else
      for (const folder of projectFolders(tree, isMarker)) {
        const below = await detector(tree, machine, folder)
        // A folder that nothing can be said about is not set up: its packages may be for anything.
        if (below !== null)
          found.push(below.checks.some(runsTheCode) ? below : { ...below, setup: [], checks: [] })
      }
  }
  // These usually run the same tests again, so they count only where no suite was found.
  for (const detector of [detectTargets, detectBats]) {
    const more = hasTests(found) ? null : await detector(tree, machine)
    if (more !== null) found.push(more)
  }
  const documents = detectDocuments(tree, machine)
  // A vault's documents are checked even when code lies beside them.
  if (documents !== null && (found.length === 0 || documents.kind === 'obsidian')) found.unshift(documents)
  const all = together(found)
  const reason = documents === null && !all.checks.some(runsTheCode) ? unknownFiles(tree) : null
  return reason === null ? all : { ...all, notes: [...all.notes, reason] }
}

type Detector = (tree: Tree, machine: Machine, folder: string) => Finding | Promise<Finding>

const DETECTORS: readonly [Detector, isMarker: (name: string) => boolean][] = [
  [detectNode, (name) => name === 'package.json'],
  [
    inside(detectPython),
    (name) => /^(?:pyproject\.toml|setup\.py|requirements\.txt|pytest\.ini)$/.test(name),
  ],
  [inside(detectOthers), isOthersMarker],
]

/** Returns the project folders one or two levels below the root; none inside another one. */
function projectFolders(tree: Tree, isMarker: (name: string) => boolean): string[] {
  const folders = tree.paths
    .map((path) => path.split('/'))
    .filter((parts) => parts.length === 2 || parts.length === 3)
    .filter((parts) => isMarker(parts.at(-1) ?? '') && !NO_PROJECTS.test(parts.join('/')))
    .map((parts) => parts.slice(0, -1).join('/'))
  const unique = [...new Set(folders)]
  return unique
    .filter((folder) => !unique.some((other) => folder.startsWith(`${other}/`)))
    .slice(0, MAX_PROJECTS)
}

/** Lets a detector see a folder as if it were the root, and runs what it found in that folder. */
function inside(detector: (tree: Tree, machine: Machine) => Finding | Promise<Finding>): Detector {
  return async (tree, machine, folder) => {
    if (folder === '') return detector(tree, machine)
    const found = await detector(treeBelow(tree, folder), machine)
    if (found === null) return null
    const move = (paths: readonly string[]) => paths.map((path) => inFolder(folder, path))
    const cd = `cd ${quote(folder)} && `
    return {
      ...found,
      setup: found.setup.map((setup) => ({
        ...setup,
        command: cd + setup.command,
        keyFiles: move(setup.keyFiles),
        files: move(setup.files ?? []),
      })),
      checks: found.checks.map((check) => ({
        ...check,
        command: cd + check.command,
        shown: `${check.shown} in ${folder}`,
        files: move(check.files),
      })),
      notes: found.notes.map((note) => `${folder}: ${note}`),
    }
  }
}

/** Says which files no check is known for; null when the repository holds none. */
function unknownFiles({ paths }: Tree): string | null {
  const counts = new Map<string, number>()
  for (const path of paths) {
    const extension = /[^/.](\.\w+)$/.exec(path)?.[1] ?? ''
    if (extension !== '') counts.set(extension, (counts.get(extension) ?? 0) + 1)
  }
  const most = [...counts].toSorted(([, a], [, b]) => b - a).slice(0, 3)
  return most.length === 0
    ? null
    : `No test, build or type check was found. Most files here: ${most.map(([extension, count]) => `${extension} (${count})`).join(', ')}.`
}

const MAKEFILES = ['GNUmakefile', 'Makefile', 'makefile']
const RUNNERS: readonly [tool: string, files: string[]][] = [
  ['just', ['justfile', 'Justfile', '.justfile']],
  ['make', MAKEFILES],
  ['task', ['Taskfile.yml', 'Taskfile.yaml']],
]
const TARGETS = ['test', 'tests', 'check']
const SCRIPTS = ['test.sh', 'tests.sh', 'run-tests.sh', 'run_tests.sh', 'tests/run.sh', 'test/run.sh']
const Taskfile = z.object({ tasks: z.record(z.string(), z.unknown()) })

async function detectTargets(tree: Tree, machine: Machine): Promise<Finding> {
  const notes: string[] = []
  for (const [tool, names] of RUNNERS) {
    const file = names.find((name) => tree.has(name))
    if (file === undefined) continue
    const target = findTarget(await withIncluded(tree, (await tree.read(file)) ?? ''), tool)
    if (target === undefined) continue
    if (machine.has(tool)) {
      const check = await testsBy(tree, `${tool} ${target}`, file)
      return { kind: 'make', setup: [], checks: [check], notes }
    }
    notes.push(`${tool} is not on this machine, and ${file} needs it for its checks.`)
  }
  const script = SCRIPTS.find((name) => tree.has(name))
  if (script !== undefined)
    return { kind: 'other', setup: [], checks: [await testsBy(tree, `bash ${script}`, script)], notes }
  return notes.length === 0 ? null : { kind: 'make', setup: [], checks: [], notes }
}

/** A makefile with the fragments that it includes by name. */
async function withIncluded(tree: Tree, text: string): Promise<string> {
  const names = [...text.matchAll(/^-?include[ \t]+(.+)$/gm)].flatMap(([, list = '']) => list.split(/\s+/))
  const parts = names.filter((name) => tree.has(name)).map((name) => tree.read(name))
  return [text, ...(await Promise.all(parts))].join('\n')
}

function findTarget(text: string, tool: string): string | undefined {
  if (tool === 'task') {
    const tasks = Taskfile.safeParse(parseWith(parseYaml, text)).data?.tasks ?? {}
    return TARGETS.find((name) => tasks[name] !== undefined)
  }
  return TARGETS.find((name) => new RegExp(`^@?${name}(?:\\s+[\\w*+]+)*\\s*:(?!=)`, 'm').test(text))
}

const testsBy = async (tree: Tree, command: string, file: string): Promise<DetectedCheck> => ({
  command,
  shown: command,
  kind: 'tests',
  timeoutMs: FULL_MS,
  files: [...new Set([file, ...(await namedFiles(tree, command))])],
})
