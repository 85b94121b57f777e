// The finish gate: it examines the work when the model calls finish. Cheap steps come first: it commits what is left, refuses an
// empty difference and work that is not merged. Then it pushes the head to the checkpoint ref and asks for a proof of it. The proof
// runs elsewhere, as the supervisor's prover; only its result makes a plan verified. The second rejection ends the attempt, unverified.
import type { OutcomeReason } from '../../src/shared/words.ts'
import { commitLeftovers } from '../publish/commits.ts'
import { commitOf } from '../git/git.ts'
import { baseIn, recordsOf } from '../plan/journal.ts'
import type { FinishOutcome, JournalRecord } from '../plan/journal.ts'
import { takeNotices } from '../plan/notices.ts'
import { clipText } from '../machine/output.ts'
import { PauseError, RevokedError } from '../plan/plan-context.ts'
import type { GateVerdict, PlanContext } from '../plan/plan-context.ts'
import { changedPaths } from '../git/difference.ts'
import { pushForProof } from '../publish/push.ts'
import { workElsewhere } from '../publish/elsewhere.ts'
import { rebaseOntoBase, resolveConflict, stillBehind } from '../publish/rebase.ts'
import { unmergedWork } from '../publish/unmerged.ts'
import { endBackground } from './end-background.ts'
import { settleUnmerged } from './keep-beside.ts'

const MAX_REJECTIONS = 2
/** Reasons that are not the work's fault. The model is told once, because mending them may be what the plan asks for. */
const OLD_FAULTS: readonly OutcomeReason[] = [
  'baseline_red',
  'setup_failed',
  'check_timed_out',
  'check_killed',
]

/** Files that only describe work. Adding such a file alone does not count as a change. */
const NOTES =
  /^(?:docs\/)?(?:notes?|progress|summary|todo|done|status|changes|handoff|plan|result|implementation[\w-]*|work[-_]?log)(?:\.(?:md|txt|markdown|rst))?$/i

type Notice = Extract<JournalRecord, { kind: 'rejected' }>['notice']

export function createGate(plan: PlanContext): (summary: string) => Promise<GateVerdict> {
  return async (summary) => {
    const { text: why, notice, isLast, ...outcome } = await examine(plan, summary)
    const text = why === null ? null : [why, ...takeNotices(plan)].join('\n')
    const rejected = counted(plan)
    if (text !== null) {
      plan.journal.append({ kind: 'rejected', text, ...(notice === undefined ? {} : { notice }) })
      plan.report({ kind: 'event', type: 'rejected', text: clipText(text, 1_500) })
    }
    if (text !== null && isLast !== true && (notice !== undefined || rejected + 1 < MAX_REJECTIONS)) {
      plan.report({ kind: 'phase', phase: 'working' })
      return { kind: 'rejected', text }
    }
    plan.journal.append({ kind: 'finished', summary, outcome })
    return { kind: text === null ? 'accepted' : 'exhausted' }
  }
}

/**
 * text says why the work is rejected; null means it is accepted. A notice is told once and does not count. isLast: the model was told
 * that another finish is not asked for.
 */
type Finding = FinishOutcome & { text: string | null; notice?: Notice; isLast?: true }

async function examine(plan: PlanContext, summary: string): Promise<Finding> {
  const { git, start, report } = plan
  report({ kind: 'phase', phase: 'verifying' })
  const open = await unmergedWork(plan)
  if (open.length > 0) return notMerged(plan, summary, open)
  const committed = await commitLeftovers(plan, summary, 'run')
  if (committed.kind === 'hook_failed') return hookFailed(plan, summary, committed.output)
  const rebased = await rebaseOntoBase(plan)
  if (rebased.kind === 'conflict' && !wasTold(plan, 'conflict'))
    return { ...refused('unmerged', resolveConflict(start.base, rebased)), notice: 'conflict' }
  if (rebased.kind === 'conflict')
    return { ...refused('unmerged', stillBehind(start.base, rebased)), isLast: true }
  const elsewhere = wasTold(plan, 'elsewhere') ? [] : await workElsewhere(plan)
  if (elsewhere.length > 0)
    return { ...refused('proof_missing', elsewhereText(elsewhere)), notice: 'elsewhere' }
  const head = await commitOf(git, 'HEAD')
  const changes = head === null ? [] : await changedPaths(git, baseIn(plan.journal.records()), head)
  const asked = withoutFences(start.text)
  const work = changes.filter(({ path }) => !isNote(path) || asked.includes(nameOf(path)))
  if (work.length === 0)
    return refused(
      'nothing_changed',
      changes.length === 0
        ? NOTHING
        : `${NOTHING} Only notes were added: ${changes.map(({ path }) => path).join(', ')}.`,
    )
  return prove(plan, summary)
}

const counted = (plan: PlanContext): number =>
  rejections(plan).filter(({ notice }) => notice === undefined).length

const wasTold = (plan: PlanContext, notice: Notice): boolean =>
  rejections(plan).some((record) => record.notice === notice)

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

/** If this rejection ends the attempt, what is there is kept: the operation beside the branch, the rest on it. */
async function notMerged(plan: PlanContext, summary: string, open: string[]): Promise<Finding> {
  if (counted(plan) + 1 >= MAX_REJECTIONS) await settleUnmerged(plan, summary)
  return refused(
    'unmerged',
    `Not accepted: the work is not merged.\n${list(open)}\nResolve it so that both sides keep their meaning, commit, and call finish again.`,
  )
}

async function prove(plan: PlanContext, summary: string): Promise<Finding> {
  // The push may rewrite the history to remove a secret, so the head is the one that was pushed.
  const head = await pushForProof(plan)
  const ended = endBackground(plan)
  const verdict = await plan.prove(head, rejections(plan).length + 1, clipText(summary, 8_000))
  if (verdict.kind === 'revoked') throw new RevokedError()
  if (verdict.kind === 'paused') throw new PauseError(verdict.reason, verdict.detail)
  const { kind, reasons, proof, checks } = verdict
  const outcome = { reasons: withDefault(reasons, kind), proof, checks }
  if (kind === 'rejected') return { ...outcome, text: `${verdict.text}${endedText(ended)}` }
  const old = reasons.filter((reason) => OLD_FAULTS.includes(reason))
  const isAboutWork = reasons.every((reason) => old.includes(reason))
  if (old.length > 0 && isAboutWork && !wasTold(plan, 'red'))
    return { ...outcome, text: `${stillRedText(checks, old)}${endedText(ended)}`, notice: 'red' }
  return { ...outcome, text: null }
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

const NOTHING =
  'Not accepted: the branch holds no change against its base. If the plan asks for one, make it and call finish again; if nothing needs to change, call finish again and say why.'

/** Told to the model once: it may be left over on purpose. */
const elsewhereText = (what: readonly string[]): string =>
  `Not accepted yet: some work is not on the branch that is delivered, and would not count.\n${list(what)}\nBring over what belongs to the plan (merge, cherry-pick, git stash pop). What does not may stay; then call finish again.`

/** Told to the model once: what failed before may be what the plan should fix, or may have nothing to do with it. */
function stillRedText(checks: FinishOutcome['checks'], reasons: readonly OutcomeReason[]): string {
  const red = checks.filter(({ exitCode }) => exitCode !== 0).map(({ command }) => command)
  const what =
    red.length > 0
      ? `these checks fail, as they did before your work: ${red.join(', ')}`
      : `the set-up fails, as it did before your work`
  return `Not accepted yet (${reasons.join(', ')}): in a clean checkout ${what}. If fixing this is part of the plan, do it. If not, call finish again and say in the summary that it failed before.`
}

const endedText = (count: number): string =>
  count === 0 ? '' : '\n\nThe processes that you had started in the background were ended for the proof.'

/** The text without fenced blocks: what stands there is code to use, not a wish. */
const withoutFences = (text: string): string =>
  text.replaceAll(/^([`~]{3,})[^\n]*\n[\s\S]*?(?:^\1[^\n]*$|$(?![\s\S]))/gm, '')
const isNote = (path: string): boolean => NOTES.test(path)
const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1)
const list = (what: readonly string[]): string => what.map((one) => `- ${one}`).join('\n')
