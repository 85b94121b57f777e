// Turns what a proof found into its verdict and into the words that the model, the judge and the person read. Pure.
import type { CheckResult } from '../../src/shared/protocol.ts'
import type { LookFirst, TestsReport } from '../../src/shared/results.ts'
import type { OutcomeReason } from '../../src/shared/words.ts'
import type { Verdict } from '../machine/plan-pipe.ts'
import type { ProofOrder } from '../machine/prover-pipe.ts'
import type { CheckRun } from './check-runs.ts'
import type { Compared } from './compare.ts'
import type { JudgeAnswer } from './judge.ts'

/** What the runs found. */
export interface Finding {
  /** Why the work is rejected, for the model; null when it is not. */
  text: string | null
  reasons: OutcomeReason[]
  checks: CheckResult[]
  tests: TestsReport | null
  putBack: string[]
  logs: { tail: string }[]
  /** What a reader should know of the checks. */
  notes: string[]
}

export const finding = (parts: Partial<Finding>): Finding => ({
  text: null,
  reasons: [],
  checks: [],
  tests: null,
  putBack: [],
  logs: [],
  notes: [],
  ...parts,
})

export function decide(
  { user, isolated, isOnBase }: ProofOrder,
  { text, reasons, checks, tests }: Finding,
  judged: JudgeAnswer | null,
  lookFirst: LookFirst,
): Verdict {
  const proof = checks.length === 0 ? 'none' : user.ids === null || !isolated ? 'in_place' : 'clean_checkout'
  const missing: OutcomeReason[] = [
    ...reasons,
    ...(isOnBase ? [] : (['unmerged'] as const)),
    // Without a place of its own, the plan's user could have interfered with the proof.
    ...(proof === 'in_place' ? (['proof_missing'] as const) : []),
  ]
  const ending = { proof, checks, lookFirst, ...(tests === null ? {} : { tests }) } as const
  if (text !== null) return { kind: 'rejected', text, ...ending, reasons }
  if (judged?.kind === 'paused' || judged?.kind === 'revoked') return judged
  if (judged?.kind === 'incomplete')
    return { kind: 'rejected', text: judged.text, ...ending, reasons: [...reasons, 'judge_rejected'] }
  if (judged?.kind !== 'complete' || judged.unread.length > 0) missing.push('proof_missing')
  const all = [...new Set(missing)]
  return { kind: 'accepted', outcome: all.length === 0 ? 'verified' : 'unverified', ...ending, reasons: all }
}

/** What a reader should know of the checks beside their logs. */
export const notesOf = (compared: readonly Compared[]): string[] =>
  compared.flatMap(({ run, reason, broken }) => [
    ...(run.flaky ? [`\`${run.check.shown}\` failed once and passed at the second try: it is flaky.`] : []),
    ...(run.check.from === 'head'
      ? [`\`${run.check.shown}\` came with the work; the base has no such check.`]
      : []),
    ...(reason === null || broken !== null ? [] : [`\`${run.check.shown}\`: ${reason}, as at the base.`]),
  ])

export const setupText = (problem: string): string =>
  `Not accepted: in a clean checkout of your work the set-up fails, and it does not at the base. Is a file missing from the commit?\n\n${problem}`

export function brokenText(broken: readonly { broken: string }[], putBackPaths: readonly string[]): string {
  const shown = putBackPaths.slice(0, 20).join(', ')
  const back =
    putBackPaths.length === 0
      ? ''
      : ` The tests and check settings of the base were used; put back as they were: ${shown}. Change the code so that they pass, unless the plan asks for them to be changed.`
  return `Not accepted: in a clean checkout of your work, as another user, these checks fail and did not fail before it.${back} Is a file missing from the commit, or does something exist only in your checkout? Fix it and call finish again.\n\n${broken.map((one) => one.broken).join('\n\n')}`
}

export const ownRedText = (runs: readonly CheckRun[]): string =>
  `Not accepted: the checks pass with the tests of the base, and fail with the tests and settings as you changed them. Fix your tests and call finish again.\n\n${runs.map(({ tail }) => tail).join('\n\n')}`
