// Lists the commands that decide about a plan. The baseline, the finish gate and the proof use the same list. A command is
// declared by the person, stands in the repository's .ralph/ at the base commit, or is detected at the base commit.
import { quote } from './detect-shapes.ts'
import { detectAt } from './detect.ts'
import type { Git } from '../git/git.ts'
import { withoutFences } from './plan-words.ts'

export interface Check {
  command: string
  shown: string
  timeoutMs: number
  /** Files of the base that the command names or reads its settings from. */
  files: string[]
}

export interface CheckList {
  checks: Check[]
}

export interface CheckListInput {
  git: Git
  env: NodeJS.ProcessEnv
  baseHead: string | null
  declared: { checks: readonly string[] }
  planText: string
}

/** A check that hangs is killed after this. The environment variable is for tests and slow machines. */
const CHECK_TIMEOUT_MS = Number(process.env['RALPH_CHECK_MS'] ?? 30 * 60_000)
const MAX_CHECKS = 50
const CHECK_SCRIPT = '.ralph/checks.sh'

/** Errors: GitError when the base cannot be read. */
export async function listChecks(input: CheckListInput): Promise<CheckList> {
  const { git, env, baseHead, declared, planText } = input
  const detected = await detectAt({ git, commit: baseHead, env, planText: withoutFences(planText) })
  const script = await checkScript(git, baseHead)
  const paths = baseHead === null ? [] : await pathsAt(git, baseHead)
  const checks: Check[] = declared.checks.map((command) => ({
    command,
    shown: command,
    timeoutMs: CHECK_TIMEOUT_MS,
    files: filesIn(command, paths),
  }))
  if (script !== null)
    checks.push({
      // The script's text is passed as an argument, because an earlier command could change the file.
      command: `bash -c ${quote(script)} ${CHECK_SCRIPT}`,
      shown: CHECK_SCRIPT,
      timeoutMs: CHECK_TIMEOUT_MS,
      files: filesIn(script, paths),
    })
  // `npm test` both declared and detected is one check.
  const others = detected.checks.filter(({ shown }) =>
    checks.every(({ command }) => command.trim() !== shown),
  )
  for (const check of others)
    checks.push({ ...check, timeoutMs: Math.min(check.timeoutMs, CHECK_TIMEOUT_MS) })
  return { checks: checks.slice(0, MAX_CHECKS) }
}

async function checkScript(git: Git, baseHead: string | null): Promise<string | null> {
  if (baseHead === null) return null
  const file = await git.try(['cat-file', 'blob', `${baseHead}:${CHECK_SCRIPT}`])
  return file.code === 0 ? file.stdout : null
}

export async function pathsAt(git: Git, commit: string): Promise<string[]> {
  const listed = await git.must(['ls-tree', '-r', '-z', '--name-only', '--full-tree', commit])
  return listed.split('\0').filter((path) => path !== '')
}

function filesIn(command: string, paths: readonly string[]): string[] {
  const words = new Set(command.split(/[\s'"`;&|()=<>]+/).map((word) => word.replace(/^\.\//, '')))
  return paths.filter((path) => words.has(path))
}
