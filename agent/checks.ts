// Checks after the work: shell commands the person declared, or the repository carries in .ralph/.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CheckResult } from '../src/protocol.ts'
import { clipText } from './output.ts'
import type { PlanRun } from './plan-run.ts'
import { runShell } from './shell.ts'

const CHECK_TIMEOUT_MS = 30 * 60_000
const MAX_CHECKS = 50

export async function runChecks(plan: PlanRun, baseHead: string | null): Promise<CheckResult[]> {
  const results: CheckResult[] = []
  const commands = [
    ...plan.start.checks.map((command) => ({ command, shown: command })),
    ...(await repositoryChecks(plan, baseHead)),
  ]
  for (const [index, { command, shown }] of commands.slice(0, MAX_CHECKS).entries()) {
    const logFile = join(plan.home, `.ralph/out/check-${index + 1}.log`)
    const { exitCode, seconds } = await runShell({
      ...shellOf(plan),
      command,
      timeoutMs: CHECK_TIMEOUT_MS,
      logFile,
    })
    results.push({ command: clipText(shown, 2_000), exitCode, seconds, newFailure: exitCode !== 0 })
    plan.report({
      kind: 'event',
      type: 'check',
      text: clipText(`${exitCode === 0 ? 'passed' : `failed (exit ${exitCode})`}: ${shown}`, 500),
      data: { exit_code: exitCode, seconds },
    })
  }
  return results
}

/** .ralph/checks.sh as it was before the work: the plan must not judge itself by a file it may have changed. */
async function repositoryChecks(
  { git, home }: PlanRun,
  baseHead: string | null,
): Promise<{ command: string; shown: string }[]> {
  if (baseHead === null) return []
  const file = await git.try(['cat-file', 'blob', `${baseHead}:.ralph/checks.sh`])
  if (file.code !== 0) return []
  const path = join(home, '.ralph/checks.sh')
  writeFileSync(path, file.stdout, { mode: 0o600 })
  return [{ command: `bash ${path}`, shown: '.ralph/checks.sh' }]
}

function shellOf({ start, env, report }: PlanRun) {
  return { cwd: start.checkout, env, onActivity: () => report({ kind: 'activity' }) }
}
