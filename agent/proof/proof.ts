// Proves one pushed head. Root leads the proof: it checks the head out as a fresh user, runs set-up and checks, runs the base's own
// tests and probes against the work, and asks a judge. The result goes only to the supervisor.
import type { Typed, Verdict } from '../machine/plan-pipe.ts'
import { askJudge } from './judge.ts'
import type { Finding, JudgeAnswer } from './judge.ts'
import { findBase, readDifference } from '../git/difference.ts'
import type { Difference } from '../git/difference.ts'
import { agreeing, plantsFor, runProbed } from './probe-rounds.ts'
import { checksFor, mark, newlyFailed, runChecks, runSetup, setupFor, standAt } from './clean-checks.ts'
import type { CheckRun, ProofList } from './clean-checks.ts'
import { guardedFiles, suspicions } from './restore-tests.ts'
import type { FromProver, ProofOrder, ProofReport } from '../machine/prover-pipe.ts'
import { openProofShell } from './clean-checkout.ts'
import type { ProofShell } from './clean-checkout.ts'
import { installedFiles } from './test-files.ts'
import type { TokenHolder } from '../plan/token.ts'
import { readWork } from '../git/work-summary.ts'

type Ending = Pick<Extract<Verdict, { kind: 'accepted' }>, 'reasons' | 'proof' | 'checks'>

export async function proveHead(
  order: ProofOrder,
  token: TokenHolder,
  report: (message: Typed<FromProver>) => void,
): Promise<ProofReport> {
  const shell = await openProofShell(order, order.head, report)
  const base = await findBase(shell.git, order.baseHead, order.head)
  const work = await readWork(shell.git, base, [])
  const list = { ...(await checksFor(shell, base)), setup: await setupFor(shell, base) }
  const difference = await readDifference(shell.git, base, order.head)
  const finding = await examine({ shell, base, list, difference })
  const judged = finding.text === null ? await askJudge({ order, token, report, difference, finding }) : null
  return { verdict: decide(order, finding, judged), work: { ...work, checks: finding.checks } }
}

interface ExamineInput {
  shell: ProofShell
  base: string | null
  list: ProofList
  difference: Difference
}

async function examine({ shell, base, list, difference }: ExamineInput): Promise<Finding> {
  if (difference.changes.length === 0)
    return finding({ text: 'The pushed branch holds no change.', reasons: ['nothing_changed'] })
  const installed = installedFiles(difference.changes)
  const without = new Map(installed.map((path) => [path, null]))
  const guard = await guardedFiles({ shell, base, list, difference })
  const files = new Map([...without, ...guard.files])
  // The files are restored before the set-up, so that its scripts also run the base's versions.
  await shell.put(files)
  const setupProblem = await runSetup(shell, list)
  if (setupProblem !== null) return finding({ text: setupProblem, reasons: ['check_failed'] })
  if (list.checks.length === 0) return finding({ reasons: ['no_checks'] })
  const notes = guard.allowed.map(
    (path) => `The plan's text allows changing the test or check ${path}: see that it is not weakened.`,
  )
  // The base's own tests run first, because an earlier run could have changed something for a later one.
  const input = { shell, base, list, difference, files }
  const plants = await plantsFor({ ...input, guard })
  await shell.put(agreeing(plants))
  const probed = await runChecks(shell, list.checks)
  const { runs: first, vouch } = await runProbed(input, plants, probed)
  const isAsPushed = guard.files.size + plants.length === 0
  const pushed = isAsPushed ? null : await standAt(shell, list, shell.order.head, without)
  if (pushed !== null && pushed.problem !== null)
    return finding({ text: pushed.problem, reasons: ['check_failed'] })
  const runs = pushed === null ? first : await runChecks(pushed.fresh, list.checks)
  const healed = first.filter(({ exitCode }, at) => exitCode !== 0 && runs[at]?.exitCode === 0)
  const failed = runs.filter(({ exitCode }) => exitCode !== 0)
  const fresh = await newlyFailed(shell, base, list, failed)
  const checks = mark(runs, fresh)
  const logs = runs.map(({ command, tail }) => ({ command, tail }))
  const rejected = (text: string) => finding({ text, reasons: ['check_failed'], checks, logs })
  if (fresh.length > 0) return rejected(failedText(fresh))
  if (healed.length > 0) return rejected(weakenedText(healed, [...guard.files.keys()]))
  const suspects = suspicions(difference, shell.order.text).filter(
    ({ kind }) => kind === 'forge' || vouch !== 'vouched',
  )
  if (vouch === 'ignored' || suspects.length > 0) return rejected(forgedText(vouch === 'ignored', suspects))
  return finding({ reasons: failed.length > 0 ? ['baseline_red'] : [], checks, notes, logs })
}

const finding = (parts: Partial<Finding>): Finding => ({
  text: null,
  reasons: [],
  checks: [],
  notes: [],
  logs: [],
  ...parts,
})

function decide(
  { user }: ProofOrder,
  { text, reasons, checks }: Finding,
  judged: JudgeAnswer | null,
): Verdict {
  const proof = checks.length === 0 ? 'none' : user.ids === null ? 'in_place' : 'clean_checkout'
  const ending: Ending = { reasons, proof, checks }
  if (text !== null) return { kind: 'rejected', text, ...ending }
  if (judged === null || judged.kind === 'unavailable')
    return { kind: 'accepted', outcome: 'unverified', ...ending, reasons: [...reasons, 'proof_missing'] }
  if (judged.kind === 'paused' || judged.kind === 'revoked') return judged
  if (judged.kind === 'incomplete')
    return { kind: 'rejected', text: judged.text, ...ending, reasons: [...reasons, 'judge_rejected'] }
  if (reasons.length > 0) return { kind: 'accepted', outcome: 'unverified', ...ending }
  // Without a user of its own, the plan's user could have interfered with the proof.
  return proof === 'clean_checkout'
    ? { kind: 'accepted', outcome: 'verified', ...ending }
    : { kind: 'accepted', outcome: 'unverified', ...ending, reasons: ['proof_missing'] }
}

const failedText = (runs: readonly CheckRun[]): string =>
  `Not accepted: in a clean checkout of the pushed head, as another user, these checks fail and did not fail before your work. Is a file missing from the commit, or does something exist only in your checkout? Fix it and call finish again.\n\n${runs.map(({ tail }) => tail).join('\n\n')}`

const weakenedText = (runs: readonly CheckRun[], files: readonly string[]): string =>
  `Not accepted: the tests and check settings of the base commit fail with this work. Put back as they were: ${files.slice(0, 20).join(', ')}. Change the code so that they pass; the plan does not ask for them to be changed.\n\n${runs.map(({ tail }) => tail).join('\n\n')}`

const forgedText = (isIgnored: boolean, suspects: readonly { path: string; line: string }[]): string =>
  [
    isIgnored
      ? 'Not accepted: the checks do not notice a test that fails, or say something else once a harmless test stands beside the others. Something in this work ends the test run early, or changes what a test or the runner does.'
      : 'Not accepted: these added lines can end a test run or change what a test sees.',
    ...suspects.slice(0, 10).map(({ path, line }) => `${path}: ${line}`),
    'Take it out, do the work itself, and call finish again.',
  ].join('\n')
