// Proves one head, or measures the baseline of one base. Root leads it in a fresh sandbox: checkout, set-up, each check once with the
// base's own tests, then a judge. The result goes only to the supervisor.
import type { OutcomeReason } from '../../src/shared/words.ts'
import { listChecks } from '../checks/check-list.ts'
import type { Check } from '../checks/check-list.ts'
import { planSetup } from '../checks/setup.ts'
import { runsTheCode } from '../checks/detect-shapes.ts'
import type { SetupCommand } from '../checks/detect-shapes.ts'
import { isTestFile } from '../checks/test-files.ts'
import { isDocument } from '../checks/detect-documents.ts'
import { findBase, readDifference } from '../git/difference.ts'
import { readWork } from '../git/work-summary.ts'
import type { Typed } from '../machine/plan-pipe.ts'
import type { FromProver, ProofOrder, ProofReport } from '../machine/prover-pipe.ts'
import type { TokenHolder } from '../plan/token.ts'
import { toBaseline } from './baseline.ts'
import { withChangedTests } from './changed-tests.ts'
import type { ChangedTestsInput, Stop } from './changed-tests.ts'
import type { Baseline } from './baseline.ts'
import { runChecks, runSetup } from './check-runs.ts'
import { openProofShell } from './clean-checkout.ts'
import type { ProofShell } from './clean-checkout.ts'
import { compareRun, summarize, toCheckResults } from './compare.ts'
import { askJudge } from './judge.ts'
import { computeNotes } from './notes.ts'
import { putBack } from './put-back.ts'
import type { PutBack } from './put-back.ts'
import { brokenText, decide, finding, notesOf, ownRedText, setupText } from './verdict.ts'
import type { Finding } from './verdict.ts'

type Report = (message: Typed<FromProver>) => void
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
  const found = await examine(input)
  if ('kind' in found) return { verdict: found, work }
  const { notes, lookFirst } = computeNotes({
    difference,
    planText: order.text,
    isTest: isTestFile,
    putBack: found.putBack,
    changedTests: found.tests?.changed ?? [],
    removedTests: found.tests?.missing ?? [],
    checks: [...found.notes, ...input.notes],
  })
  const judged =
    found.text === null
      ? await askJudge({ order, token, report, difference, finding: { notes, logs: found.logs } })
      : null
  const verdict = decide(order, found, judged, lookFirst)
  return { verdict, work: { ...work, checks: found.checks } }
}

interface Listed {
  setup: SetupCommand[]
  checks: Check[]
  /** Why something is not checked. */
  notes: string[]
}

type ExamineInput = Listed & Omit<ChangedTestsInput, 'back'>

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
  // Git calls below would not find such a file, so a changed test of that name would stay as the work has it.
  const unnamed = difference.changes.flatMap(({ path }) =>
    path.includes('\uFFFD') ? [JSON.stringify(path)] : [],
  )
  if (unnamed.length > 0)
    return finding({
      text: `Not accepted: these names are not UTF-8, so the proof cannot look at the files: ${unnamed.slice(0, 20).join(', ')}. Rename them or leave them as they are at the base, and call finish again.`,
      reasons: ['proof_missing'],
    })
  // Everything is put back before the set-up, so that its scripts also run the base's versions.
  let back: PutBack =
    base === null
      ? { paths: [], unclear: [], installed: [] }
      : await putBack(shell, {
          base,
          difference,
          named: new Set([...checks, ...setup].flatMap(({ files = [] }) => files)),
        })
  const setupProblem = await runSetup(shell, setup)
  if (setupProblem !== null && (baseline?.setup ?? null) === null)
    return finding({ text: setupText(setupProblem), reasons: ['setup_failed'], putBack: back.paths })
  const reasons: OutcomeReason[] = setupProblem === null ? [] : ['setup_failed']
  const commit = base ?? shell.order.head
  let runs = await runChecks(shell, checks, { commit, where: 'in a clean checkout' })
  const { unclear } = back
  if (unclear.length > 0 && runs.every((run) => compareRun(run, baseline).broken === null)) {
    // Such a program may be the check's or the work's, so the checks must hold with both versions of it.
    await shell.takeFrom(shell.order.head, unclear)
    runs = await runChecks(shell, checks, { commit, where: `with the work's ${unclear.join(', ')}` })
    back = { ...back, paths: back.paths.filter((path) => !unclear.includes(path)) }
  }
  const settled = await withChangedTests({ ...input, back }, runs)
  if ('kind' in settled) return settled
  const { compared, changed, ownRed } = settled
  const broken = compared.flatMap((one) => (one.broken === null ? [] : [{ ...one, broken: one.broken }]))
  const facts = {
    checks: toCheckResults(compared),
    tests: summarize(compared, changed),
    putBack: [...back.paths, ...back.installed],
    logs: compared.map(({ run: { tail } }) => ({ tail })),
    notes: notesOf(compared),
  }
  if (ownRed.length > 0) return finding({ ...facts, text: ownRedText(ownRed), reasons: ['check_failed'] })
  if (broken.length > 0)
    return finding({
      ...facts,
      text: brokenText(broken, back.paths),
      reasons: [...new Set(broken.flatMap(({ reason }) => reason ?? []))],
    })
  reasons.push(...compared.flatMap(({ reason }) => reason ?? []))
  const decisive = checks.filter(runsTheCode)
  const isOfDocuments = checks.length > 0 && difference.changes.every(({ path }) => isDocument(path))
  if (decisive.length === 0 && !isOfDocuments) reasons.push('no_checks')
  else if (decisive.length > 0 && decisive.every(({ from }) => from === 'head')) reasons.push('own_checks')
  return finding({ ...facts, reasons: [...new Set(reasons)] })
}
