// The proof of one pushed head, led by root: a clean checkout as a user nobody has used, set up and checked; the base's own tests
// against the work; a canary that must be noticed; and a judge with fresh eyes. Every word here goes to the supervisor alone.
import type { CheckResult, OutcomeReason } from '../src/protocol.ts'
import { listChecks } from './check-list.ts'
import type { Check, CheckList } from './check-list.ts'
import type { SetupCommand } from './detect-shapes.ts'
import { clipOutput, clipText } from './output.ts'
import type { Verdict } from './pipe.ts'
import { askJudge } from './judge.ts'
import type { JudgeAnswer } from './judge.ts'
import { findBase, readDifference } from './proof-diff.ts'
import type { Difference } from './proof-diff.ts'
import { guardedFiles, makeCanaries, offendsTheBaseToo, suspicions, vouchFor } from './proof-guard.ts'
import type { GuardedFiles, Vouch } from './proof-guard.ts'
import type { FromProver, ProofOrder, ProofReport } from './proof-pipe.ts'
import { openProofShell } from './proof-shell.ts'
import type { ProofShell } from './proof-shell.ts'
import { planSetup } from './setup.ts'
import { installedFiles } from './test-guard.ts'
import type { TokenHolder } from './token.ts'
import { readWork } from './work.ts'

interface CheckRun extends CheckResult {
  check: Check
  /** For the model: how it ended and its last lines. */
  tail: string
  output: string
}

type Ending = Pick<Extract<Verdict, { kind: 'accepted' }>, 'reasons' | 'proof' | 'checks'>

export async function proveHead(
  order: ProofOrder,
  token: TokenHolder,
  report: (message: FromProver) => void,
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

export interface Finding {
  /** What the model is told; null: nothing to turn down. */
  text: string | null
  reasons: OutcomeReason[]
  checks: CheckResult[]
  /** For the judge: what it should look at. */
  notes: string[]
  logs: { command: string; tail: string }[]
}

/** What is done in a checkout before anything is believed of it. */
export type ProofList = CheckList & { setup: SetupCommand[] }

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
  await shell.put(new Map(installed.map((path) => [path, null])))
  const guard = await guardedFiles({ shell, base, list, difference })
  // Before set-up too: what its scripts run is the base's, not the work's.
  await shell.put(guard.files)
  const setupProblem = await runSetup(shell, list)
  if (setupProblem !== null) return finding({ text: setupProblem, reasons: ['check_failed'] })
  if (list.checks.length === 0) return finding({ reasons: ['no_checks'] })
  const notes = guard.allowed.map(
    (path) => `The plan's words allow a change of the test or check ${path}: see that it is not weakened.`,
  )
  // The base's own tests first: what runs later may have been touched by what ran before.
  const { first, vouch } = await holdAgainstBase({ shell, base, list, difference }, guard)
  if (guard.files.size > 0) await reset(shell, installed)
  const runs = guard.files.size === 0 ? first : await runChecks(shell, list.checks)
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

/** The checks with the base's tests, in which canaries sleep: whoever behaves only where it sees one, behaves here. */
async function holdAgainstBase(
  { shell, base, list, difference }: ExamineInput,
  guard: GuardedFiles,
): Promise<{ first: CheckRun[]; vouch: Vouch }> {
  if (base === null) return { first: await runChecks(shell, list.checks), vouch: 'unknown' }
  const canaries = await makeCanaries({ shell, base, list, difference, guard })
  await shell.put(new Map(canaries.map(({ path, asleep }) => [path, asleep])))
  const asleep = await runChecks(shell, list.checks)
  await shell.put(new Map(canaries.map(({ path, plain }) => [path, plain])))
  const red = asleep.filter(({ exitCode }) => exitCode !== 0)
  const again =
    canaries.length === 0
      ? red
      : await runChecks(
          shell,
          red.map(({ check }) => check),
        )
  const first = asleep.map((run) => again.find(({ check }) => check === run.check) ?? run)
  const flipped = again.filter(({ exitCode }) => exitCode === 0).map(({ check }) => check)
  if (flipped.length > 0 && !(await offendsTheBaseToo({ shell, base, list, guard }, flipped, canaries)))
    return { first, vouch: 'ignored' }
  const isGreen = first.every(({ exitCode }) => exitCode === 0)
  return { first, vouch: isGreen ? await vouchFor({ shell, base, list, canaries }) : 'unknown' }
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
  // Without a user of its own the proof ran where the plan's user could reach it.
  return proof === 'clean_checkout'
    ? { kind: 'accepted', outcome: 'verified', ...ending }
    : { kind: 'accepted', outcome: 'unverified', ...ending, reasons: ['proof_missing'] }
}

/** As of the base; a repository that had no set-up there may have got one with the work. */
async function setupFor({ git, env, order }: ProofShell, base: string | null): Promise<SetupCommand[]> {
  const planned = (commit: string | null) => planSetup({ git, env, commit, declared: order.setup })
  const atBase = await planned(base)
  return atBase.commands.length > 0 ? atBase.commands : (await planned(order.head)).commands
}

function checksFor(shell: ProofShell, base: string | null): Promise<CheckList> {
  const { order: given, git, env } = shell
  return listChecks({
    git,
    env,
    baseHead: base,
    declared: given,
    planText: given.text,
    place: async (name, text) => {
      await shell.put(new Map([[`.git/ralph-${name}`, text]]))
      return `.git/ralph-${name}`
    },
  })
}

/** What went wrong, for the model; null: nothing. */
async function runSetup(shell: ProofShell, { setup }: ProofList): Promise<string | null> {
  for (const { command, timeoutMs } of setup) {
    const result = await shell.run(command, 'setup', timeoutMs)
    if (result.exitCode !== 0)
      return `In a clean checkout of the pushed head the set-up fails. Is a file missing from the commit?\n\n${describeRun(command, result)}`
  }
  return null
}

async function runChecks(shell: ProofShell, checks: readonly Check[]): Promise<CheckRun[]> {
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

/** Of these failed checks those that pass at the base, asked there in the same clean way. The checkout is left at the base. */
async function newlyFailed(
  shell: ProofShell,
  base: string | null,
  list: ProofList,
  failed: readonly CheckRun[],
): Promise<readonly CheckRun[]> {
  if (failed.length === 0 || base === null) return failed
  const atBase = await openProofShell(shell.order, base, shell.report)
  if ((await runSetup(atBase, list)) !== null) return []
  const before = await runChecks(
    atBase,
    failed.map(({ check }) => check),
  )
  return failed.filter((_, at) => before[at]?.exitCode === 0)
}

async function reset({ git, put }: ProofShell, installed: string[]): Promise<void> {
  await git.must(['reset', '--quiet', '--hard'])
  await git.must(['clean', '--quiet', '-fd'])
  await put(new Map(installed.map((path) => [path, null])))
}

function mark(runs: readonly CheckRun[], fresh: readonly CheckRun[]): CheckResult[] {
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

const failedText = (runs: readonly CheckRun[]): string =>
  `Not accepted: in a clean checkout of the pushed head, as another user, these checks fail and did not fail before your work. Is a file missing from the commit, or does something only exist on your side? Mend it and call finish again.\n\n${runs.map(({ tail }) => tail).join('\n\n')}`

const weakenedText = (runs: readonly CheckRun[], files: readonly string[]): string =>
  `Not accepted: the tests and check settings of the base commit fail with this work. Put back as they were: ${files.slice(0, 20).join(', ')}. Change the code so that they pass; the plan does not ask for them to be changed.\n\n${runs.map(({ tail }) => tail).join('\n\n')}`

const forgedText = (isIgnored: boolean, suspects: readonly { path: string; line: string }[]): string =>
  [
    isIgnored
      ? 'Not accepted: a failing test that was put into the tests of the base commit is not noticed. Something in this work ends the test run early, or changes what a test or the runner does.'
      : 'Not accepted: these added lines can end a test run or change what a test sees.',
    ...suspects.slice(0, 10).map(({ path, line }) => `${path}: ${line}`),
    'Take it out, do the work itself, and call finish again.',
  ].join('\n')
