// Lists the commands that decide about a plan. The baseline and the proof use the same list. A command is
// declared by the person, stands in the repository's .ralph/ at the base commit, or is detected.
import { quote, runsTheCode } from './detect-shapes.ts'
import type { DetectedCheck } from './detect-shapes.ts'
import { detect } from './detect.ts'
import { readTree } from './detect-tree.ts'
import type { Git } from '../git/git.ts'
import { findTools } from '../machine/programs.ts'
import { namedFiles } from './named-files.ts'

export interface Check extends DetectedCheck {
  /** head: detected only in the work's own commit and not at the base, so it says less: `own_checks`. */
  from: 'base' | 'head'
}

export interface CheckList {
  checks: Check[]
  /** Why something of the base or the head is not checked: a missing program, a language without known checks. */
  notes: string[]
}

export interface CheckListInput {
  git: Git
  env: NodeJS.ProcessEnv
  baseHead: string | null
  /** The work's commit. Its own detected checks are added where the base has none of that kind. */
  headCommit?: string | null
  declared: { checks: readonly string[] }
}

/** A check that hangs is killed after this. The environment variable is for tests and slow machines. */
const CHECK_TIMEOUT_MS = Number(process.env['RALPH_CHECK_MS'] ?? 30 * 60_000)
const MAX_CHECKS = 50
const CHECK_SCRIPT = '.ralph/checks.sh'

/** Errors: GitError when a commit cannot be read. */
export async function listChecks(input: CheckListInput): Promise<CheckList> {
  const { git, env, baseHead, headCommit = null, declared } = input
  const tree = await readTree(git, baseHead)
  const machine = findTools(env)
  const detected = await detect(tree, machine)
  const script = await tree.read(CHECK_SCRIPT)
  const shared = { timeoutMs: CHECK_TIMEOUT_MS, kind: 'declared', from: 'base' } as const
  const checks: Check[] = []
  for (const command of declared.checks)
    checks.push({ ...shared, command, shown: command, files: await namedFiles(tree, command) })
  if (script !== null)
    checks.push({
      ...shared,
      // The script's text is passed as an argument, because an earlier command could change the file.
      command: `bash -c ${quote(script)} ${CHECK_SCRIPT}`,
      shown: CHECK_SCRIPT,
      files: await namedFiles(tree, script),
    })
  const add = (found: readonly DetectedCheck[], from: Check['from']) =>
    checks.push(
      ...found
        // `npm test` both declared and detected is one check.
        .filter(({ shown }) => checks.every((check) => plain(check.shown) !== plain(shown)))
        .map((check) => ({ ...check, from, timeoutMs: Math.min(check.timeoutMs, CHECK_TIMEOUT_MS) })),
    )
  add(detected.checks, 'base')
  const notes = [...detected.notes]
  if (headCommit !== null) {
    const own = await detect(await readTree(git, headCommit), machine)
    add(ownChecks(detected.checks, own.checks, checks.some(runsTheCode)), 'head')
    notes.push(...own.notes)
  }
  return { checks: checks.slice(0, MAX_CHECKS), notes: [...new Set(notes)] }
}

/** The head's tests where the base detects none; its build and type check only where nothing at the base runs the code. */
const ownChecks = (base: readonly DetectedCheck[], head: readonly DetectedCheck[], isRun: boolean) =>
  head.filter((check) =>
    check.kind === 'tests' ? base.every(({ kind }) => kind !== 'tests') : runsTheCode(check) && !isRun,
  )

const plain = (command: string): string =>
  command.trim().replace(/^(npm|pnpm|yarn|bun) run test\b/, '$1 test')
