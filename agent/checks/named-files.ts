// Finds the files that a check stands on: what its command names, what the scripts and makefiles it calls name in turn, and golden
// files. Scripts of package.json are followed by name. Reads one commit. The work's own sources are left out.
import { posix } from 'node:path'
import { z } from 'zod'
import { matchesGlob } from '../machine/glob.ts'
import { inFolder } from './detect-shapes.ts'
import type { Tree } from './detect-tree.ts'
import { isCheckScript, isManifest, isRunnerSetting, isTestFile } from './test-files.ts'
import { parseJson } from '../../src/shared/json.ts'

export type Scripts = Readonly<Record<string, string>>

const MAX_FILES = 200
const MAX_READ = 40
const MAX_TEXT_CHARS = 100_000
const READABLE = /(?:^|\/)[^./]+$|\.(?:sh|bash|mk|[cm]?[jt]s|py|rb|pl|ya?ml|toml|just)$/
const DATA = /\.(?:txt|json|csv|tsv|out|ref|dat|xml|html|tap|log|md|stdout|stderr)$/
const COMPARES = /\b(?:diff|cmp|comm)\b/
const GOLDEN = /(?:^|[/._-])(?:expected|golden|want|reference|approved)(?:[/._-]|$)/i
/** Without one of these words a text means no script of package.json by `test`. */
const RUNS_SCRIPTS =
  /\b(?:npm|pnpm|yarn|bun|bunx|run-s|run-p|npm-run-all\d?|concurrently|turbo|nx|lerna|wireit|wsrun)\b|--run\b/
/** Programs and the files that they read without being told. */
const READ_BY = new Map<string, string[]>(
  Object.entries({
    make: ['GNUmakefile', 'Makefile', 'makefile'],
    just: ['justfile', 'Justfile', '.justfile'],
    task: ['Taskfile.yml', 'Taskfile.yaml'],
    rake: ['Rakefile'],
    invoke: ['tasks.py'],
    nox: ['noxfile.py'],
    tox: ['tox.ini'],
    ...Object.fromEntries(['npm', 'pnpm', 'yarn', 'bun', 'node'].map((tool) => [tool, ['package.json']])),
  }),
)

/** Returns the files of the tree, in the order in which they are found. `folder` is where the command runs. */
export async function namedFiles(tree: Tree, command: string, folder = ''): Promise<string[]> {
  const found = new Set<string>()
  const queue = [{ text: command, folder }]
  const seen = new Set<string>()
  let reads = 0
  const take = async (path: string, text: string) => {
    if (found.has(path) || found.size >= MAX_FILES || !belongs(path, text)) return
    found.add(path)
    if (isManifest(path) || !READABLE.test(path) || ++reads > MAX_READ) return
    const content = (await tree.read(path)) ?? ''
    if (content.length <= MAX_TEXT_CHARS) queue.push({ text: content, folder: posix.dirname(path) })
  }
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const named = wordsOf(next.text)
    const folders = [...new Set([next.folder, folder, '', ...named.filter((word) => isProject(tree, word))])]
    for (const home of RUNS_SCRIPTS.test(next.text) ? folders : [])
      for (const [name, text] of await scriptsNamed(tree, home === '.' ? '' : home, named)) {
        const key = `${home}:${name}`
        if (!seen.has(key)) queue.push({ text, folder: home })
        seen.add(key)
      }
    for (const word of named) for (const path of pathsOf(tree, word, folders)) await take(path, next.text)
  }
  return [...found]
}

const isProject = (tree: Tree, word: string): boolean => tree.has(`${word.replace(/\/$/, '')}/package.json`)

/** A script's own text and the texts of the scripts that it calls. */
export function scriptChain(scripts: Scripts, name: string): string {
  const names = new Set([name])
  for (const called of names)
    for (const word of around(called).flatMap((it) => wordsOf(textOf(scripts, it) ?? '')))
      for (const other of matching(scripts, word)) names.add(other)
  return [...names]
    .flatMap((called) => around(called))
    .flatMap((called) => textOf(scripts, called) ?? [])
    .join('\n')
}

/** Any word may be asked for, also one like `constructor` that every object has. */
const textOf = (scripts: Scripts, name: string): string | undefined =>
  Object.hasOwn(scripts, name) ? scripts[name] : undefined

const around = (name: string): string[] => [`pre${name}`, name, `post${name}`]

/** `test:*` names every script that begins so. */
const matching = (scripts: Scripts, word: string): string[] => {
  const name = word.replace(/^npm:/, '')
  if (!name.includes('*')) return Object.hasOwn(scripts, name) ? [name] : []
  const start = name.slice(0, name.indexOf('*'))
  return start.length < 2 ? [] : Object.keys(scripts).filter((other) => other.startsWith(start))
}

const Manifest = z.object({ scripts: z.record(z.string(), z.string()) })

async function scriptsNamed(
  tree: Tree,
  folder: string,
  named: readonly string[],
): Promise<[name: string, text: string][]> {
  const text = await tree.read(inFolder(folder, 'package.json'))
  const scripts = Manifest.safeParse(parseJson(text ?? '')).data?.scripts ?? {}
  return named
    .flatMap((word) => matching(scripts, word))
    .flatMap(around)
    .flatMap((name): [string, string][] => {
      const script = textOf(scripts, name)
      return script === undefined ? [] : [[name, script]]
    })
}

function wordsOf(text: string): string[] {
  const split = text.split(/[\s'"`;&|()<>={},:$]+|(?<=\s)-I/)
  return [...new Set([...split, ...text.split(/[\s'"`;&|()]+/)])]
    .map((word) => word.replace(/^\.?\/+|^-+include=/, ''))
    .filter((word) => word !== '')
}

function pathsOf(tree: Tree, word: string, folders: readonly string[]): string[] {
  if (word.includes('*')) {
    const isGlob = /^[\w./*-]+$/.test(word) && word.replaceAll(/[*/.]/g, '').length >= 2
    return isGlob ? tree.paths.filter((path) => matchesGlob(word, path)) : []
  }
  const implied = READ_BY.get(word) ?? []
  return [word, `${word}.js`, `${word}.mjs`, `${word}.ts`, `${word}.py`, `${word}.sh`, ...implied].flatMap(
    (name) => {
      const candidates = folders.map((folder) => posix.join(folder, name))
      return [...new Set(candidates)].filter((path) => tree.has(path))
    },
  )
}

/** The work's own programs are not part of a check, though it names them: the base's version would be run in place of the work. */
const belongs = (path: string, text: string): boolean =>
  isTestFile(path) ||
  isRunnerSetting(path) ||
  isManifest(path) ||
  isCheckScript(path) ||
  (DATA.test(path) && (COMPARES.test(text) || GOLDEN.test(path)))
