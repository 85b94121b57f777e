// The finish gate: it examines the work when the model calls finish. Cheap steps come first: it commits what is left, refuses an
// empty diff, and runs the checks in the checkout. Only then it pushes the branch and asks for a proof of the head. The proof runs
// elsewhere, in the supervisor's prover; only its result makes a plan verified. The second rejection ends the attempt, unverified.
import type { OutcomeReason } from '../../src/shared/words.ts'
import { before, knownBaseline, SLOW_SECONDS } from '../checks/baseline.ts'
import { leavingNothing, listFor, runChecks } from '../checks/run-checks.ts'
import type { LocalRun } from '../checks/run-checks.ts'
import { commitLeftovers } from '../publish/commits.ts'
import { commitOf } from '../git/git.ts'
import { baseIn, recordsOf } from '../plan/journal.ts'
import type { FinishOutcome } from '../plan/journal.ts'
import { takeNotices } from '../plan/notices.ts'
import { clipText } from '../machine/output.ts'
import { PauseError, RevokedError } from '../plan/plan-context.ts'
import type { GateVerdict, PlanContext } from '../plan/plan-context.ts'
import { names, withoutFences } from '../checks/plan-words.ts'
import { readDifference } from '../git/difference.ts'
import { pushBranch } from '../publish/push.ts'
import { rebaseOntoBase, resolveConflict } from '../publish/rebase.ts'

const MAX_REJECTIONS = 2
/** Files that only describe work. Adding such a file alone does not count as a change. */
const NOTES =
  /^(?:docs\/)?(?:notes?|progress|summary|todo|done|status|changes|handoff|plan|result|implementation[\w-]*|work[-_]?log)(?:\.(?:md|txt|markdown|rst))?$/i

export function createGate(plan: PlanContext): (summary: string) => Promise<GateVerdict> {
  return async (summary) => {
    const { text: why, notice, ...outcome } = await examine(plan, summary)
    const text = why === null ? null : [why, ...takeNotices(plan)].join('\n')
    const rejected = counted(plan)
    if (text !== null) {
      plan.journal.append({ kind: 'rejected', text, ...(notice === undefined ? {} : { notice }) })
      plan.report({ kind: 'event', type: 'rejected', text: clipText(text, 1_500) })
    }
    if (text !== null && (notice !== undefined || rejected + 1 < MAX_REJECTIONS)) {
      plan.report({ kind: 'phase', phase: 'working' })
      return { kind: 'rejected', text }
    }
    plan.journal.append({ kind: 'finished', summary, outcome })
    return { kind: text === null ? 'accepted' : 'exhausted' }
  }
}

/** text says why the work is rejected; null means it is accepted. */
type Finding = FinishOutcome & { text: string | null; notice?: 'conflict' | 'red' }

async function examine(plan: PlanContext, summary: string): Promise<Finding> {
  const { git, start, report } = plan
  report({ kind: 'phase', phase: 'verifying' })
  const committed = await commitLeftovers(plan, summary, 'run')
  if (committed.kind === 'hook_failed') return hookFailed(plan, summary, committed.output)
  const startedFrom = baseIn(plan.journal.records())
  const rebased = await rebaseOntoBase(plan)
  if (rebased.kind === 'conflict' && !rejections(plan).some(({ notice }) => notice === 'conflict'))
    return { ...refused('proof_missing', resolveConflict(start.base, rebased)), notice: 'conflict' }
  const baseHead = baseIn(plan.journal.records())
  const list = await listFor(plan, baseHead)
  const head = await commitOf(git, 'HEAD')
  const paths =
    head === null ? [] : (await readDifference(git, baseHead, head)).changes.map(({ path }) => path)
  const planText = withoutFences(start.text)
  const work = paths.filter((path) => !NOTES.test(path) || names(planText, path))
  if (head === null || work.length === 0)
    return {
      ...refused(
        'nothing_changed',
        paths.length === 0 ? NOTHING : `${NOTHING} Only notes were added: ${paths.join(', ')}.`,
      ),
      ...(list.checks.length === 0 ? { reasons: ['no_checks', 'nothing_changed'] } : {}),
    }
  // When the base has moved, the baseline of the old base says nothing about the new one.
  const baseline = baseHead === startedFrom ? knownBaseline(plan) : []
  const quick = list.checks.filter((check) => (before(baseline, check)?.seconds ?? 0) <= SLOW_SECONDS)
  const runs = await leavingNothing(plan, () => runChecks(plan, quick, 'in the checkout'))
  // Without a baseline a failure may be old, so it does not reject here; the proof runs the check on the base as well.
  const fresh = runs.filter(
    ({ check, exitCode }) => exitCode !== 0 && before(baseline, check)?.exitCode === 0,
  )
  if (fresh.length > 0) return { ...refused('check_failed', failedText(fresh)), ...inPlace(runs, fresh) }
  const stillRed = runs.filter(({ exitCode }) => exitCode !== 0)
  if (stillRed.length > 0 && !rejections(plan).some(({ notice }) => notice !== 'conflict'))
    return { ...refused('baseline_red', stillRedText(stillRed)), notice: 'red', ...inPlace(runs, []) }
  return prove(plan, summary)
}

const counted = (plan: PlanContext): number =>
  rejections(plan).filter(({ notice }) => notice === undefined).length

const rejections = ({ journal, start }: PlanContext) =>
  recordsOf(journal.records(), start.attempt).filter((record) => record.kind === 'rejected')

/** The model may fix the work as it stands. If this rejection ends the attempt, the work is committed without the hook. */
async function hookFailed(plan: PlanContext, summary: string, output: string): Promise<Finding> {
  plan.report({
    kind: 'event',
    type: 'check',
    text: clipText(`failed: the repository's own commit hook: ${output}`, 1_000),
  })
  if (counted(plan) + 1 >= MAX_REJECTIONS) await commitLeftovers(plan, summary)
  return refused(
    'check_failed',
    `The repository's own commit hook refused the commit of your work:\n${output}\nFix what it names, or commit in the way it wants, then call finish again.`,
  )
}

async function prove(plan: PlanContext, summary: string): Promise<Finding> {
  plan.report({ kind: 'phase', phase: 'pushing' })
  await pushBranch(plan)
  plan.report({ kind: 'phase', phase: 'verifying' })
  // The push may have rewritten the history to remove a secret, so the head is read again.
  const head = (await commitOf(plan.git, 'HEAD')) ?? ''
  const verdict = await plan.prove(head, clipText(summary, 8_000))
  if (verdict.kind === 'revoked') throw new RevokedError()
  if (verdict.kind === 'paused') throw new PauseError(verdict.reason, verdict.detail)
  const { reasons, proof, checks } = verdict
  return {
    text: verdict.kind === 'rejected' ? verdict.text : null,
    reasons: withDefault(reasons, verdict.kind),
    proof,
    checks,
  }
}

/** Adds a reason when there is none. Only the supervisor can make an end verified; this reason counts where it has no record. */
const withDefault = (reasons: OutcomeReason[], kind: 'accepted' | 'rejected'): OutcomeReason[] =>
  reasons.length > 0 ? reasons : [kind === 'accepted' ? 'proof_missing' : 'check_failed']

const refused = (reason: OutcomeReason, text: string): Finding => ({
  text,
  reasons: [reason],
  proof: 'none',
  checks: [],
})

const inPlace = (
  runs: readonly LocalRun[],
  fresh: readonly LocalRun[],
): Pick<Finding, 'proof' | 'checks'> => ({
  proof: 'in_place',
  checks: runs.map((run) => {
    const { command, exitCode, seconds } = run
    return { command, exitCode, seconds, newFailure: fresh.includes(run) }
  }),
})

const NOTHING =
  'Not accepted: the branch holds no change against its base. If the plan asks for one, make it and call finish again; if nothing needs to change, call finish again and say why.'

/** Told to the model once: a check that failed before may be what the plan should fix, or may have nothing to do with it. */
const stillRedText = (runs: readonly LocalRun[]): string =>
  `Not accepted yet: these checks fail, as they did before your work. If fixing what they show is part of the plan, do it. If not, call finish again and say in the summary that they failed before.\n\n${runs.map(({ text }) => text).join('\n\n')}`

const failedText = (runs: readonly LocalRun[]): string =>
  `Not accepted: these checks fail, and passed before your work. Fix what they show without changing the check itself, commit, and call finish again.\n\n${runs.map(({ text }) => text).join('\n\n')}`
