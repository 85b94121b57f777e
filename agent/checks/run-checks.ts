// Runs the checks in the plan's own checkout as the plan's user. This tells the model quickly what fails; it proves nothing.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { CheckResult } from '../../src/shared/protocol.ts'
import { listChecks } from './check-list.ts'
import type { Check, CheckList } from './check-list.ts'
import { clipOutput, clipText } from '../machine/output.ts'
import type { PlanContext } from '../plan/plan-context.ts'
import { runShell } from '../machine/shell.ts'
import type { ShellResult } from '../machine/shell.ts'

export interface LocalRun extends CheckResult {
  check: Check
  /** Text for the model: the command, how it ended, its output. */
  text: string
}

/** Returns the same list that the proof uses. The proof makes it again as root, for the base that the supervisor knows. */
export function listFor({ git, env, start }: PlanContext, baseHead: string | null): Promise<CheckList> {
  return listChecks({ git, env, baseHead, declared: start, planText: start.text })
}

/** Runs the checks one after the other. `where` becomes part of the history line. */
export async function runChecks(
  plan: PlanContext,
  checks: readonly Check[],
  where: string,
): Promise<LocalRun[]> {
  const runs: LocalRun[] = []
  for (const [index, check] of checks.entries()) {
    const { command, shown, timeoutMs } = check
    const logFile = join(plan.home, `.ralph/out/check-${index + 1}.log`)
    const result = await runShell({ ...shellOf(plan), command, timeoutMs, logFile })
    const { exitCode, seconds } = result
    const text = describeRun(shown, result, logFile)
    runs.push({ check, command: clipText(shown, 2_000), exitCode, seconds, newFailure: exitCode !== 0, text })
    plan.report({
      kind: 'event',
      type: 'check',
      text: clipText(`${exitCode === 0 ? 'passed' : `failed (exit ${exitCode})`} ${where}: ${shown}`, 500),
      data: { exit_code: exitCode, seconds },
    })
  }
  return runs
}

/** Runs work() and then removes what it left: new files are deleted, changed ones restored. They are no work of the plan. */
export async function leavingNothing<T>({ git, start }: PlanContext, work: () => Promise<T>): Promise<T> {
  const untracked = async () => {
    const listed = await git.try(['ls-files', '-z', '--others', '--exclude-standard'])
    return new Set(listed.stdout.split('\0').filter((path) => path !== ''))
  }
  const changed = async () => {
    const listed = await git.try(['diff', '--name-only', '-z', '--no-ext-diff'])
    return listed.stdout.split('\0').filter((path) => path !== '')
  }
  const [before, dirty] = [await untracked(), new Set(await changed())]
  try {
    return await work()
  } finally {
    const made = [...(await untracked())].filter((path) => !before.has(path))
    for (const path of made) rmSync(join(start.checkout, path), { recursive: true, force: true })
    const spoilt = (await changed()).filter((path) => !dirty.has(path))
    // The names go through standard input, because they are untrusted and may be many.
    if (spoilt.length > 0)
      await git.try(['checkout', '--quiet', '--pathspec-from-file=-', '--pathspec-file-nul'], {
        input: spoilt.map((path) => `:(literal,top)${path}\0`).join(''),
      })
  }
}

export function describeRun(
  command: string,
  { exitCode, seconds, stopped, output }: ShellResult,
  logFile: string,
): string {
  const how = {
    timeout: ' (timed out and was killed; it may have waited for a terminal, which there is none)',
    too_much_output: ' (printed more than 64 MB and was killed)',
    cancelled: ' (was cancelled)',
  }
  return `$ ${clipText(command, 500)}\nexit code ${exitCode}${stopped === null ? '' : how[stopped]}, ${seconds} s\n${clipOutput(output, logFile).slice(-6_000)}`
}

/** What all commands of the agent in the checkout share. */
export function shellOf({ start, env, report }: PlanContext) {
  return { cwd: start.checkout, env, onActivity: () => report({ kind: 'activity' }) }
}
