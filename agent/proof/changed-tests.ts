// Lets the work's own versions of tests count where they may. A check that is red with the base's tests: the judge decides file by file
// whether the plan asks for the change. A check that is green: the work's own versions run as well and must pass.
import type { TestsReport } from '../../src/shared/results.ts'
import type { Difference } from '../git/difference.ts'
import type { Verdict } from '../machine/plan-pipe.ts'
import type { TokenHolder } from '../plan/token.ts'
import type { Baseline } from './baseline.ts'
import { runChecks } from './check-runs.ts'
import type { CheckRun } from './check-runs.ts'
import type { ProofShell } from './clean-checkout.ts'
import { compareRun } from './compare.ts'
import type { Compared } from './compare.ts'
import { askAboutTests } from './judge-tests.ts'
import type { PutBack } from './put-back.ts'

/** The proof cannot be finished now, because the judge cannot be asked. */
export type Stop = Extract<Verdict, { kind: 'paused' | 'revoked' }>

export interface ChangedTestsInput {
  shell: ProofShell
  token: TokenHolder
  base: string | null
  baseline: Baseline | null
  difference: Difference
  /** What was put back before the first run. */
  back: PutBack
}

export interface Settled {
  compared: Compared[]
  changed: TestsReport['changed']
  /** Checks that pass with the base's tests and fail with the work's own. */
  ownRed: CheckRun[]
}

const isRed = (one: Compared): boolean => one.broken !== null || one.run.state !== 'passed'

/**
 * Lets the work's own versions of tests count where they may. Red checks: for each changed test the judge decides whether the plan
 * asks for the change. Green checks: the work's own versions run as well and must pass.
 */
export async function withChangedTests(
  { shell, token, base, baseline, difference, back }: ChangedTestsInput,
  first: readonly CheckRun[],
): Promise<Settled | Stop> {
  const compare = (runs: readonly CheckRun[], changed: readonly string[] | 'all' = []) =>
    runs.map((run) => compareRun(run, baseline, changed))
  let compared = compare(first)
  if (base === null || back.paths.length === 0) return { compared, changed: [], ownRed: [] }
  const { order, report } = shell
  const red = compared.filter(isRed)
  let changed: TestsReport['changed'] = []
  let left = back.paths
  if (red.length > 0) {
    const files = difference.files
      // A file whose text cannot be shown is no question for a reader.
      .filter(({ path, isWhole, text }) => back.paths.includes(path) && isWhole && text !== '')
      .map(({ path, text }) => ({ path, diff: text }))
    const failing = red.map((one) => one.broken ?? one.run.tail).join('\n\n')
    const answer = await askAboutTests({ order, token, report }, files, failing)
    if (answer.kind === 'paused' || answer.kind === 'revoked') return answer
    changed = answer.kind === 'answered' ? answer.allowed : []
    const allowed = changed.map(({ path }) => path)
    if (allowed.length > 0) {
      await shell.takeFrom(order.head, allowed)
      left = back.paths.filter((path) => !allowed.includes(path))
      compared = await rerun(compared, allowed)
    }
    if (compared.some((one) => one.broken !== null)) return { compared, changed, ownRed: [] }
  }
  await shell.takeFrom(order.head, left)
  const green = compared.filter(
    ({ run }) =>
      run.state === 'passed' && (left.length > 0 || !red.some((one) => one.run.check === run.check)),
  )
  const own = await runChecks(
    shell,
    green.map(({ run }) => run.check),
    { commit: order.head, where: "with the work's own tests" },
  )
  const ownRed = own.filter(({ state }) => state !== 'passed')
  // The work's own tests are those that people will run, so their results are shown.
  const shown = compare(own, 'all')
  return {
    compared: compared.map((one) => shown.find(({ run }) => run.check === one.run.check) ?? one),
    changed,
    ownRed,
  }

  async function rerun(before: Compared[], allowed: string[]): Promise<Compared[]> {
    const again = await runChecks(
      shell,
      before.filter(isRed).map(({ run }) => run.check),
      { commit: order.head, where: 'with the changed tests' },
    )
    const fresh = compare(again, allowed)
    return before.map((one) => fresh.find(({ run }) => run.check === one.run.check) ?? one)
  }
}
