// Runs set-up and checks of a proof in a clean checkout of the head. If a check fails it also runs at the base, in the same way, to
// see whether the failure is new.
import type { CheckResult } from '../../src/shared/protocol.ts'
import { listChecks } from '../checks/check-list.ts'
import type { Check, CheckList } from '../checks/check-list.ts'
import type { SetupCommand } from '../checks/detect-shapes.ts'
import { clipOutput, clipText } from '../machine/output.ts'
import { openProofShell } from './clean-checkout.ts'
import type { ProofShell } from './clean-checkout.ts'
import { planSetup } from '../checks/setup.ts'

/** The set-up commands and checks of a proof. */
export type ProofList = CheckList & { setup: SetupCommand[] }

/**
 * Makes a fresh home and checkout and runs the set-up, so that no earlier run can leave something that tells runs apart. files are
 * written before the set-up. problem says what failed in the set-up. A shell opened earlier then uses this checkout too.
 */
export async function standAt(
  { order, report }: ProofShell,
  list: ProofList,
  commit: string,
  files: ReadonlyMap<string, string | null> = new Map(),
): Promise<{ fresh: ProofShell; problem: string | null }> {
  const fresh = await openProofShell(order, commit, report)
  await fresh.put(new Map(files))
  return { fresh, problem: await runSetup(fresh, list) }
}

export interface CheckRun extends CheckResult {
  check: Check
  /** Text for the model: how the check ended and its last lines. */
  tail: string
  output: string
}

/** Returns the set-up commands of the base. If the base has none, the work may have added some, so those of the head are used. */
export async function setupFor(
  { git, env, order }: ProofShell,
  base: string | null,
): Promise<SetupCommand[]> {
  const planned = (commit: string | null) => planSetup({ git, env, commit, declared: order.setup })
  const atBase = await planned(base)
  return atBase.commands.length > 0 ? atBase.commands : (await planned(order.head)).commands
}

export function checksFor({ order, git, env }: ProofShell, base: string | null): Promise<CheckList> {
  return listChecks({ git, env, baseHead: base, declared: order, planText: order.text })
}

/** Runs the set-up. Returns a text for the model that says what failed, or null. */
export async function runSetup(shell: ProofShell, { setup }: ProofList): Promise<string | null> {
  for (const { command, timeoutMs } of setup) {
    const result = await shell.run(command, 'setup', timeoutMs)
    if (result.exitCode !== 0)
      return `In a clean checkout of the pushed head the set-up fails. Is a file missing from the commit?\n\n${describeRun(command, result)}`
  }
  return null
}

export async function runChecks(shell: ProofShell, checks: readonly Check[]): Promise<CheckRun[]> {
  const runs: CheckRun[] = []
  for (const check of checks) {
    const result = await shell.run(check.command, check.shown, check.timeoutMs)
    const { exitCode, seconds, output } = result
    runs.push({
      check,
      command: clipText(check.shown, 2_000),
      exitCode,
      seconds,
      newFailure: exitCode !== 0,
      tail: describeRun(check.shown, result),
      output,
    })
    shell.report({
      kind: 'event',
      type: 'check',
      text: clipText(
        `${exitCode === 0 ? 'passed' : `failed (exit ${exitCode})`} in a clean checkout: ${check.shown}`,
        500,
      ),
      data: { exit_code: exitCode, seconds },
    })
  }
  return runs
}

/** Returns the failed checks that pass at the base, in an equally clean checkout. The checkout stays at the base. */
export async function newlyFailed(
  shell: ProofShell,
  base: string | null,
  list: ProofList,
  failed: readonly CheckRun[],
): Promise<readonly CheckRun[]> {
  if (failed.length === 0 || base === null) return failed
  const { fresh: atBase, problem } = await standAt(shell, list, base)
  if (problem !== null) return []
  const before = await runChecks(
    atBase,
    failed.map(({ check }) => check),
  )
  return failed.filter((_, at) => before[at]?.exitCode === 0)
}

export function mark(runs: readonly CheckRun[], fresh: readonly CheckRun[]): CheckResult[] {
  return runs.map(({ command, exitCode, seconds, check }) => ({
    command,
    exitCode,
    seconds,
    newFailure: fresh.some((run) => run.check === check),
  }))
}

function describeRun(
  command: string,
  {
    exitCode,
    seconds,
    stopped,
    output,
  }: { exitCode: number; seconds: number; stopped: string | null; output: string },
): string {
  const how =
    stopped === 'timeout'
      ? ' (timed out and was killed)'
      : stopped === 'too_much_output'
        ? ' (printed more than 64 MB and was killed)'
        : ''
  return `$ ${clipText(command, 500)}\nexit code ${exitCode}${how}, ${seconds} s\n${clipOutput(output, 'the log of this machine').slice(-6_000)}`
}
