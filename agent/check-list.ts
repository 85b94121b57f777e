// The commands that decide about a plan, the same for the baseline, the gate and the proof: declared by the person, carried by the
// repository in .ralph/ as of the base commit, or detected there.
import type { DetectedCheck } from './detect-shapes.ts'
import { detectAt } from './detect.ts'
import type { Git } from './git.ts'
import { withoutFences } from './plan-words.ts'

export interface Check {
  command: string
  shown: string
  timeoutMs: number
  /** Files of the base that the command names or is set up by. */
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
  /** Puts a script of the base where the command can run it; returns the shell word for it. */
  place: (name: string, text: string) => Promise<string>
}

/** A check that hangs ends after this; the setting is for tests and for machines known to be slow. */
const CHECK_TIMEOUT_MS = Number(process.env['RALPH_CHECK_MS'] ?? 30 * 60_000)
const MAX_CHECKS = 50

/** Errors: GitError when the base cannot be read. */
export async function listChecks(input: CheckListInput): Promise<CheckList> {
  const { git, env, baseHead, declared, planText, place } = input
  const detected = await detectAt({ git, commit: baseHead, env, planText: withoutFences(planText) })
  const script = async (name: string): Promise<{ text: string; command: string } | null> => {
    if (baseHead === null) return null
    const file = await git.try(['cat-file', 'blob', `${baseHead}:.ralph/${name}`])
    return file.code === 0 ? { text: file.stdout, command: `bash ${await place(name, file.stdout)}` } : null
  }
  const checkScript = await script('checks.sh')
  const paths = baseHead === null ? [] : await pathsAt(git, baseHead)
  const checks: Check[] = declared.checks.map((command) => ({
    command,
    shown: command,
    timeoutMs: CHECK_TIMEOUT_MS,
    files: filesIn(command, paths),
  }))
  if (checkScript !== null)
    checks.push({
      command: checkScript.command,
      shown: '.ralph/checks.sh',
      timeoutMs: CHECK_TIMEOUT_MS,
      files: filesIn(checkScript.text, paths),
    })
  return {
    checks: [...checks, ...detected.checks.filter((check) => isNew(check, checks)).map(bounded)].slice(
      0,
      MAX_CHECKS,
    ),
  }
}

/** `npm test` declared and detected is one check; the declared one comes first. */
function isNew({ shown }: DetectedCheck, declared: readonly Check[]): boolean {
  return !declared.some(({ command }) => command.trim() === shown)
}

const bounded = (check: DetectedCheck): Check => ({
  ...check,
  timeoutMs: Math.min(check.timeoutMs, CHECK_TIMEOUT_MS),
})

export async function pathsAt(git: Git, commit: string): Promise<string[]> {
  const listed = await git.must(['ls-tree', '-r', '-z', '--name-only', '--full-tree', commit])
  return listed.split('\0').filter((path) => path !== '')
}

function filesIn(command: string, paths: readonly string[]): string[] {
  const words = new Set(command.split(/[\s'"`;&|()=<>]+/).map((word) => word.replace(/^\.\//, '')))
  return paths.filter((path) => words.has(path))
}
