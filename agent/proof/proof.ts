// Proves one head, or measures the baseline of one base. Root leads it in a fresh sandbox: checkout, set-up, each check once with the
// base's own tests, then a judge. The result goes only to the supervisor.
import type { CheckResult } from '../../src/shared/protocol.ts'
import type { LookFirst, TestsReport } from '../../src/shared/results.ts'
import type { OutcomeReason } from '../../src/shared/words.ts'
import { listChecks } from '../checks/check-list.ts'
import type { Check } from '../checks/check-list.ts'
import { planSetup } from '../checks/setup.ts'
import { runsTheCode } from '../checks/detect-shapes.ts'
import type { SetupCommand } from '../checks/detect-shapes.ts'
import { isTestFile } from '../checks/test-files.ts'
import { isDocument } from '../checks/detect-documents.ts'
import { findBase, readDifference } from '../git/difference.ts'
import type { Difference } from '../git/difference.ts'
import { readWork } from '../git/work-summary.ts'
import type { Typed, Verdict } from '../machine/plan-pipe.ts'
import type { FromProver, ProofOrder, ProofReport } from '../machine/prover-pipe.ts'
import type { TokenHolder } from '../plan/token.ts'
import { toBaseline } from './baseline.ts'
import type { Baseline } from './baseline.ts'
import { runChecks, runSetup } from './check-runs.ts'
import type { CheckRun } from './check-runs.ts'
import { openProofShell } from './clean-checkout.ts'
import type { ProofShell } from './clean-checkout.ts'
import { compareRun, summarize, toCheckResults } from './compare.ts'
import type { Compared } from './compare.ts'
import { askAboutTests } from './judge-tests.ts'
import { askJudge } from './judge.ts'
import type { JudgeAnswer } from './judge.ts'
import { computeNotes } from './notes.ts'
import { putBack } from './put-back.ts'
import type { PutBack } from './put-back.ts'

type Report = (message: Typed<FromProver>) => void
type Stop = Extract<Verdict, { kind: 'paused' | 'revoked' }>

/** What the runs found. */
interface Finding {
  /** Why the work is rejected, for the model; null when it is not. */
  text: string | null
  reasons: OutcomeReason[]
  checks: CheckResult[]
  tests: TestsReport | null
  putBack: string[]
  logs: { command: string; tail: string }[]
  /** What a reader should know of the checks. */
  notes: string[]
}

export async function measureBaseline(order: ProofOrder, report: Report): Promise<Baseline> {
  const shell = await openProofShell(order, order.head, report)
  const { setup, checks } = await listAt(shell, order.head)
  const problem = await runSetup(shell, setup)
  return toBaseline(
    order.head,
    problem,
    await runChecks(shell, checks, { commit: order.head, where: 'at the base' }),
  )
}

export async function proveHead(
  order: ProofOrder,
  baseline: Baseline | null,
  token: TokenHolder,
  report: Report,
): Promise<ProofReport> {
  const shell = await openProofShell(order, order.head, report)
  const base = await findBase(shell.git, order.baseHead, order.head)
  const work = await readWork(shell.git, base, [])
  const difference = await readDifference(shell.git, base, order.head)
  const input: ExamineInput = { shell, token, base, baseline, difference, ...(await listAt(shell, base)) }
  const finding = await examine(input)
  if ('kind' in finding) return { verdict: finding, work }
  const { notes, lookFirst } = computeNotes({
    difference,
    planText: order.text,
    isTest: isTestFile,
    putBack: finding.putBack,
    changedTests: finding.tests?.changed ?? [],
    removedTests: finding.tests?.missing ?? [],
    checks: [...finding.notes, ...input.notes],
  })
  const judged =
    finding.text === null
      ? await askJudge({ order, token, report, difference, finding: { notes, logs: finding.logs } })
      : null
  const verdict = decide(order, finding, judged, lookFirst)
  return { verdict, work: { ...work, checks: finding.checks } }
}

interface Listed {
  setup: SetupCommand[]
  checks: Check[]
  /** Why something is not checked. */
  notes: string[]
}

interface ExamineInput extends Listed {
  shell: ProofShell
  token: TokenHolder
  base: string | null
  baseline: Baseline | null
  difference: Difference
}

/** Returns the set-up and the checks of the base. What the base lacks is taken from the head. */
async function listAt({ git, env, order }: ProofShell, base: string | null): Promise<Listed> {
  const planned = (commit: string | null) => planSetup({ git, env, commit, declared: order.setup })
  const { checks, notes } = await listChecks({
    git,
    env,
    baseHead: base,
    headCommit: order.head,
    declared: order,
  })
  // Checks that came with the work may need packages that came with it too.
  const needsHead = checks.some((check) => runsTheCode(check) && check.from === 'head')
  const atBase = await planned(base)
  const { commands } = needsHead || atBase.commands.length === 0 ? await planned(order.head) : atBase
  return { setup: commands, checks, notes }
}

async function examine(input: ExamineInput): Promise<Finding | Stop> {
  const { shell, base, baseline, difference, setup, checks } = input
  if (difference.changes.length === 0)
    return finding({ text: 'The branch holds no change.', reasons: ['nothing_changed'] })
  // Everything is put back before the set-up, so that its scripts also run the base's versions.
  const back: PutBack =
    base === null
      ? { paths: [], installed: [] }
      : await putBack(shell, {
          base,
          difference,
          named: new Set([...checks, ...setup].flatMap(({ files = [] }) => files)),
        })
  const setupProblem = await runSetup(shell, setup)
  if (setupProblem !== null && (baseline?.setup ?? null) === null)
    return finding({ text: setupText(setupProblem), reasons: ['setup_failed'], putBack: back.paths })
  const reasons: OutcomeReason[] = setupProblem === null ? [] : ['setup_failed']
  const first = await runChecks(shell, checks, {
    commit: base ?? shell.order.head,
    where: 'in a clean checkout',
  })
  const settled = await withChangedTests(input, back, first)
  if ('kind' in settled) return settled
  const { compared, changed, ownRed } = settled
  const broken = compared.flatMap((one) => (one.broken === null ? [] : [{ ...one, broken: one.broken }]))
  const facts = {
    checks: toCheckResults(compared),
    tests: summarize(compared, changed),
    putBack: back.paths,
    logs: compared.map(({ run }) => ({ command: run.check.shown, tail: run.tail })),
    notes: notesOf(compared),
  }
  if (broken.length > 0)
    return finding({
      ...facts,
      text: brokenText(broken, back.paths),
      reasons: [...new Set(broken.flatMap(({ reason }) => reason ?? []))],
    })
  if (ownRed.length > 0) return finding({ ...facts, text: ownRedText(ownRed), reasons: ['check_failed'] })
  reasons.push(...compared.flatMap(({ reason }) => reason ?? []))
  const decisive = checks.filter(runsTheCode)
  const isOfDocuments = checks.length > 0 && difference.changes.every(({ path }) => isDocument(path))
  if (decisive.length === 0 && !isOfDocuments) reasons.push('no_checks')
  else if (decisive.length > 0 && decisive.every(({ from }) => from === 'head')) reasons.push('own_checks')
  return finding({ ...facts, reasons: [...new Set(reasons)] })
}

interface Settled {
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
async function withChangedTests(
  { shell, token, base, baseline, difference }: ExamineInput,
  back: PutBack,
  first: CheckRun[],
): Promise<Settled | Stop> {
  const compare = (runs: readonly CheckRun[], mayMiss: boolean) =>
    runs.map((run) => compareRun(run, baseline, mayMiss))
  let compared = compare(first, false)
  if (base === null || back.paths.length === 0) return { compared, changed: [], ownRed: [] }
  const { order, report } = shell
  const red = compared.filter(isRed)
  let changed: TestsReport['changed'] = []
  let left = back.paths
  if (red.length > 0) {
    const files = difference.files
      .filter(({ path }) => back.paths.includes(path))
      .map(({ path, text }) => ({ path, diff: text }))
    const failing = red.map((one) => one.broken ?? one.run.tail).join('\n\n')
    const answer = await askAboutTests({ order, token, report }, files, failing)
    if (answer.kind === 'paused' || answer.kind === 'revoked') return answer
    changed = answer.kind === 'answered' ? answer.allowed : []
    if (changed.length === 0) return { compared, changed, ownRed: [] }
    const allowed = changed.map(({ path }) => path)
    await shell.takeFrom(order.head, allowed)
    left = back.paths.filter((path) => !allowed.includes(path))
    compared = await rerun(compared, isRed)
    if (compared.some((one) => one.broken !== null)) return { compared, changed, ownRed: [] }
  }
  if (left.length === 0 && red.length === compared.length) return { compared, changed, ownRed: [] }
  await shell.takeFrom(order.head, left)
  const green = compared.filter(({ run }) => run.state === 'passed')
  const own = await runChecks(
    shell,
    green.map(({ run }) => run.check),
    { commit: order.head, where: "with the work's own tests" },
  )
  const ownRed = own.filter(({ state }) => state !== 'passed')
  // The work's own tests are those that people will run, so their results are shown.
  const shown = compare(own, true)
  return {
    compared: compared.map((one) => shown.find(({ run }) => run.check === one.run.check) ?? one),
    changed,
    ownRed,
  }

  async function rerun(before: Compared[], needs: (one: Compared) => boolean): Promise<Compared[]> {
    const again = await runChecks(
      shell,
      before.filter(needs).map(({ run }) => run.check),
      { commit: order.head, where: 'with the changed tests' },
    )
    const fresh = compare(again, true)
    return before.map((one) => fresh.find(({ run }) => run.check === one.run.check) ?? one)
  }
}

const finding = (parts: Partial<Finding>): Finding => ({
  text: null,
  reasons: [],
  checks: [],
  tests: null,
  putBack: [],
  logs: [],
  notes: [],
  ...parts,
})

function decide(
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
const notesOf = (compared: readonly Compared[]): string[] =>
  compared.flatMap(({ run, reason }) => [
    ...(run.flaky ? [`\`${run.check.shown}\` failed once and passed at the second try: it is flaky.`] : []),
    ...(run.check.from === 'head'
      ? [`\`${run.check.shown}\` came with the work; the base has no such check.`]
      : []),
    ...(reason === null ? [] : [`\`${run.check.shown}\`: ${reason}, as at the base.`]),
  ])

const setupText = (problem: string): string =>
  `Not accepted: in a clean checkout of your work the set-up fails, and it does not at the base. Is a file missing from the commit?\n\n${problem}`

function brokenText(broken: readonly { broken: string }[], putBackPaths: readonly string[]): string {
  const shown = putBackPaths.slice(0, 20).join(', ')
  const back =
    putBackPaths.length === 0
      ? ''
      : ` The tests and check settings of the base were used; put back as they were: ${shown}. Change the code so that they pass, unless the plan asks for them to be changed.`
  return `Not accepted: in a clean checkout of your work, as another user, these checks fail and did not fail before it.${back} Is a file missing from the commit, or does something exist only in your checkout? Fix it and call finish again.\n\n${broken.map((one) => one.broken).join('\n\n')}`
}

const ownRedText = (runs: readonly CheckRun[]): string =>
  `Not accepted: the checks pass with the tests of the base, and fail with the tests and settings as you changed them. Fix your tests and call finish again.\n\n${runs.map(({ tail }) => tail).join('\n\n')}`
