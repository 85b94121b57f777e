// What happens outside the agent: steps applied to a scratch folder, and the hidden reference run on a folder of files. The
// reference says REFERENCE-OK with a word chosen for this run as its very last act, so code that ends the process early, or
// makes every assertion pass, does not get it said.
import { execFile, execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { replaceText } from '../../agent/tools/edit.ts'
import type { Exercise, Step } from './exercise.ts'

export type ReferenceResult = { verdict: 'right' | 'wrong' | 'hangs'; said: string }

const REFERENCE_TIMEOUT_MS = 20_000
const SYSTEM_PATH = '/usr/local/bin:/usr/bin:/bin'
const NOBODY = 65_534

/** What commands of an exercise see, inside and outside the agent alike. */
export const TOOLS_PATH = `${dirname(process.execPath)}:${SYSTEM_PATH}`

export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'exercise-'))
  chmodSync(folder, 0o777)
  return folder
}

export function writeFiles(folder: string, files: Record<string, string>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), content)
  }
}

/** As the agent's tools would. Only for steps of ours that stay in the folder: right solutions and mutants of them. */
export function applySteps(folder: string, steps: Step[]): void {
  for (const step of steps) {
    if (step.tool === 'write') writeFiles(folder, { [step.path]: step.content })
    else if (step.tool === 'edit') {
      const file = join(folder, step.path)
      writeFileSync(file, replaceText(readFileSync(file, 'utf8'), step.old_text, step.new_text, false).text)
    } else
      execFileSync('bash', ['-ec', step.command], { cwd: folder, env: { PATH: TOOLS_PATH, HOME: folder } })
  }
}

/** Runs the exercise's hidden reference on a copy of the folder. */
export async function runReference({ reference }: Exercise, folder: string): Promise<ReferenceResult> {
  const bench = makeFolder()
  const word = randomBytes(8).toString('hex')
  try {
    const root = join(bench, 'root')
    cpSync(folder, root, {
      recursive: true,
      verbatimSymlinks: true,
      filter: (path) => !path.endsWith('/.git'),
    })
    const file = join(bench, `reference.${reference.language}`)
    writeFileSync(
      file,
      { mjs: JS, py: PYTHON, go: GO }[reference.language] + reference.code + endings[reference.language],
    )
    const [program, ...args] = commandFor(reference.language, root, file)
    const env = { PATH: TOOLS_PATH, HOME: bench, GOFLAGS: '-mod=mod', WORD: word, GOCACHE: goCache() }
    const said = await execute(program, [...args, root, word], { cwd: root, env, ...asNobody() })
    const isRight = said.output.includes(`REFERENCE-OK ${word}`)
    return { verdict: said.timedOut ? 'hangs' : isRight ? 'right' : 'wrong', said: said.output.slice(-2_000) }
  } finally {
    rmSync(bench, { recursive: true, force: true })
  }
}

/** The check a person would run, on a folder of files: the exercise's own test asks it. */
export async function runCheck({ check }: Exercise, folder: string): Promise<boolean> {
  const env = { PATH: TOOLS_PATH, HOME: makeFolder(), CI: '1', GOCACHE: goCache() }
  const { failed } = await execute('bash', ['-c', check], { cwd: folder, env })
  rmSync(env.HOME, { recursive: true, force: true })
  return !failed
}

/** Why exercises of a kind cannot run here; null: they can. */
export function whatIsMissing(kind: Exercise['kind']): string | null {
  const probes: Partial<Record<Exercise['kind'], [string, string[], string]>> = {
    python: ['python3', ['-c', 'import pytest'], 'python3 with pytest (Debian: python3-pytest)'],
    go: ['go', ['version'], 'go (Debian: golang-go)'],
  }
  const probe = probes[kind]
  if (probe === undefined) return null
  try {
    execFileSync(probe[0], probe[1], { env: { PATH: TOOLS_PATH, HOME: '/nonexistent' }, stdio: 'ignore' })
    return null
  } catch {
    return `${probe[2]} is not installed`
  }
}

function goCache(): string {
  const cache = join(tmpdir(), `exercise-go-cache-${process.pid}`)
  mkdirSync(cache, { recursive: true })
  chmodSync(cache, 0o777)
  return cache
}
process.once('exit', () =>
  rmSync(join(tmpdir(), `exercise-go-cache-${process.pid}`), { recursive: true, force: true }),
)

function commandFor(
  language: Exercise['reference']['language'],
  root: string,
  file: string,
): [string, ...string[]] {
  if (language === 'go') return goCommand(root, file)
  return language === 'mjs' ? [process.execPath, file] : ['python3', '-I', file]
}

/** The reference is a test of the package, in place of whatever tests the solution left there. */
function goCommand(root: string, file: string): [string, ...string[]] {
  for (const name of readdirSync(root)) if (name.endsWith('_test.go')) rmSync(join(root, name))
  cpSync(file, join(root, 'reference_test.go'))
  return ['go', 'test', '-vet=off', '-count=1', '-run', '^TestReference$', '-v', '.', '-args']
}

function execute(
  program: string,
  args: string[],
  options: { cwd: string; env: NodeJS.ProcessEnv; uid?: number; gid?: number },
): Promise<{ output: string; timedOut: boolean; failed: boolean }> {
  return new Promise((resolve) => {
    execFile(
      program,
      args,
      { ...options, timeout: REFERENCE_TIMEOUT_MS, killSignal: 'SIGKILL', maxBuffer: 4_000_000 },
      (error, stdout, stderr) => {
        const timedOut = error !== null && error.killed === true
        resolve({ output: `${stderr}${stdout}`, timedOut, failed: error !== null })
      },
    )
  })
}

const asNobody = () => (process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {})

const JS = `import { readFileSync, existsSync, readdirSync, lstatSync } from 'node:fs'
const [root, word] = process.argv.slice(2)
const load = (path) => import('file://' + root + '/' + path)
const read = (path) => readFileSync(root + '/' + path, 'utf8')
const isFile = (path) => existsSync(root + '/' + path) && lstatSync(root + '/' + path).isFile()
const fail = (...what) => { process.stderr.write(what.map((part) => typeof part === 'string' ? part : JSON.stringify(part)).join(' ') + '\\n'); process.reallyExit(1) }
const same = (actual, expected, what = '') => JSON.stringify(actual) === JSON.stringify(expected) || fail(what, actual, 'is not', expected)
const throws = (run, what = 'nothing thrown') => { try { run() } catch { return } fail(what) }
const write = process.stdout.write.bind(process.stdout)
`
const PYTHON = `import sys, os, json
root, word = sys.argv[1:3]
sys.path.insert(0, root)
out = os.fdopen(os.dup(1), "w")
def fail(*what):
    print(*what, file=sys.stderr, flush=True)
    os._exit(1)
def same(actual, expected, what=""):
    if actual != expected or type(actual) is not type(expected):
        fail(what, repr(actual), "is not", repr(expected))
def throws(run, kind=Exception, what="nothing raised"):
    try:
        run()
    except kind:
        return
    fail(what)
`
const GO = ''
const endings = {
  mjs: '\nwrite(`REFERENCE-OK ${word}\\n`)\n',
  py: '\nout.write("REFERENCE-OK %s\\n" % word)\nout.flush()\n',
  go: '',
}
