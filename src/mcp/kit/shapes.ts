// Turns snapshots (camelCase, from the object) into the shapes of tool answers (snake_case, ISO 8601). Every text that a VM, a
// repository or a stranger may have influenced is cleaned and capped here, even if the object did so before.
import type { BranchReport, PlanEvent, PlanSnapshot, WorkspaceSnapshot } from '../../workspace/contract.ts'
import { isPlanStatus } from '../../shared/words.ts'
import { UserError } from '../../lib/errors.ts'
import { cleanLine, cleanText } from '../../lib/text.ts'
import { showUnseen } from '../../shared/text.ts'
import { wholeCheck } from '../../shared/protocol.ts'
import type { CheckResult, DiffFile } from '../../shared/protocol.ts'
import { shortenTests } from '../../shared/results.ts'
import type { TestsReport } from '../../shared/results.ts'
import { jsonBytes } from './answer-size.ts'

const MAX_DATA_CHARS = 1_000

export const iso = (atMs: number): string => new Date(atMs).toISOString()

/** Leaves null and undefined out: an optional field of an answer is absent, never null. */
function present<Fields extends object>(fields: Fields): { [K in keyof Fields]?: NonNullable<Fields[K]> } {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== null && value !== undefined),
  ) as { [K in keyof Fields]?: NonNullable<Fields[K]> } // fromEntries forgets the keys
}

export function toWorkspace(snapshot: WorkspaceSnapshot) {
  return {
    name: snapshot.name,
    git_remote: snapshot.gitRemote,
    branch: snapshot.branch,
    status: snapshot.status,
    status_detail: cleanLine(snapshot.statusDetail, 500),
    vm: {
      id: snapshot.vm.id,
      url: snapshot.vm.url === null ? null : cleanLine(snapshot.vm.url, 300),
      status: cleanLine(snapshot.vm.status, 60),
      adopted: snapshot.vm.adopted,
    },
    webhook: { status: snapshot.webhook.status, how_to: cleanLine(snapshot.webhook.howTo, 500) },
    active_plans: snapshot.activePlans,
    queued_plans: snapshot.queuedPlans,
    warnings: snapshot.warnings.slice(0, 10).map((warning) => cleanLine(warning, 300)),
    created_at: iso(snapshot.createdAtMs),
  }
}

/** How much of a plan's texts an answer can carry: one plan in full, or many in a list. */
interface Caps {
  text: number
  question: number
  line: number
  commits: number
  checks: number
  /** Entries of each list of the tests, and characters of each test name, path and reason. */
  names: number
  name: number
}
const FULL: Caps = {
  text: 4_000,
  question: 4_000,
  line: 200,
  commits: 30,
  checks: 20,
  names: 100,
  name: 300,
}
const BRIEF: Caps = { text: 300, question: 300, line: 100, commits: 3, checks: 3, names: 0, name: 100 }
/** While a full plan is too long, it is shortened in this order: names of tests first, the question never. */
const SHORTER: Caps[] = [
  { ...FULL, names: 30 },
  { ...FULL, names: 10 },
  { ...FULL, names: 3 },
  { ...FULL, names: 2, name: 150, commits: 10, checks: 10, line: 150 },
  { ...FULL, names: 0, name: 100, commits: 5, checks: 5, line: 100, text: 800 },
]
/** Leaves room for one long event and the next step. */
const MAX_PLAN_BYTES = 28_000

export type PlanShape = ReturnType<typeof shapeOf>

/** Throws UserError for a plan in a state that only a newer version of this runtime knows. */
export function toPlan(snapshot: PlanSnapshot, detail: 'full' | 'brief' = 'full'): PlanShape {
  if (!isPlanStatus(snapshot.status))
    throw new UserError(
      `Plan ${snapshot.id} is in the state "${cleanLine(snapshot.status, 40)}", which a newer version of this runtime gave it; this one leaves it as it is. Ask again when that version is deployed, or end it with plan_cancel.`,
      'newer_version',
      409,
    )
  if (detail === 'brief') return shapeOf(snapshot, BRIEF)
  let shape = shapeOf(snapshot, FULL)
  for (const caps of SHORTER) {
    if (jsonBytes(shape) <= MAX_PLAN_BYTES) break
    shape = shapeOf(snapshot, caps)
  }
  return shape
}

function shapeOf(snapshot: PlanSnapshot, caps: Caps) {
  return {
    id: snapshot.id,
    workspace: snapshot.workspace,
    title: cleanLine(snapshot.title, 120),
    plan_chars: snapshot.planChars,
    branch: snapshot.branch,
    base: snapshot.base,
    status: snapshot.status,
    attempt: snapshot.attempt,
    outcome_reasons: snapshot.outcomeReasons,
    checks: snapshot.checks.slice(0, caps.checks).map((check) => toCheck(check, caps.line)),
    look_first: snapshot.lookFirst.map(({ path, line, why }) => ({
      path: cleanLine(path, caps.name),
      ...present({ line }),
      why: cleanLine(why, caps.name),
    })),
    commits: toCommits(snapshot.commits, caps.commits, caps.line),
    diff: snapshot.diff,
    merge_status: snapshot.mergeStatus,
    budget_usd: snapshot.budgetUsd,
    spent_usd: snapshot.spentUsd,
    tokens: {
      input: snapshot.tokens.input,
      output: snapshot.tokens.output,
      cache_read: snapshot.tokens.cacheRead,
      cache_write: snapshot.tokens.cacheWrite,
    },
    model: snapshot.model,
    created_at: iso(snapshot.createdAtMs),
    ...present({
      status_detail: snapshot.statusDetail === null ? null : cleanLine(snapshot.statusDetail, 500),
      phase: snapshot.phase,
      last_activity_at: isoOrNull(snapshot.lastActivityAtMs),
      outcome: snapshot.outcome,
      proof: snapshot.proof,
      summary: cleaned(snapshot.summary, caps.text),
      question: cleaned(snapshot.question, caps.question),
      paused_reason: snapshot.pausedReason,
      tests: snapshot.tests === null ? null : toTests(snapshot.tests, caps),
      error: cleaned(snapshot.error, Math.min(caps.text, 1_000)),
      head: snapshot.head,
      pushed_head: snapshot.pushedHead,
      pr_url: snapshot.prUrl === null ? null : cleanLine(snapshot.prUrl, 500),
      started_at: isoOrNull(snapshot.startedAtMs),
      finished_at: isoOrNull(snapshot.finishedAtMs),
    }),
  }
}

function toCheck(check: CheckResult, maxChars: number) {
  const { command, state, exitCode, seconds, base, flaky, newFailure } = wholeCheck(check)
  return {
    command: cleanLine(command, maxChars),
    state,
    exit_code: exitCode,
    seconds,
    base: base === null ? null : { state: base.state, exit_code: base.exitCode },
    flaky,
    new_failure: newFailure,
  }
}

function toTests(tests: TestsReport, caps: Caps) {
  const { leftOut, ...shown } = shortenTests(tests, caps.names)
  const name = (text: string): string => cleanLine(text, caps.name)
  return {
    passed: shown.passed,
    failed: shown.failed,
    skipped: shown.skipped,
    newly_passing: shown.newlyPassing.map(name),
    newly_failing: shown.newlyFailing.map(name),
    missing: shown.missing.map(name),
    changed: shown.changed.map(({ path, why }) => ({ path: name(path), why: name(why) })),
    ...(leftOut === undefined ? {} : { left_out: toLeftOut(leftOut) }),
  }
}

/** How many entries each list lost to a cap, on the VM or here. */
const toLeftOut = (counts: NonNullable<TestsReport['leftOut']>) => ({
  newly_passing: counts.newlyPassing,
  newly_failing: counts.newlyFailing,
  missing: counts.missing,
  changed: counts.changed,
})

function cleaned(text: string | null, maxChars: number): string | null {
  return text === null ? null : cleanText(text, maxChars)
}

const isoOrNull = (atMs: number | null): string | null => (atMs === null ? null : iso(atMs))

function toCommits(commits: { sha: string; subject: string }[], count: number, chars: number) {
  return commits
    .slice(0, count)
    .map((commit) => ({ sha: commit.sha, subject: cleanLine(commit.subject, chars) }))
}

export function toEvent(event: PlanEvent) {
  return {
    seq: event.seq,
    at: iso(event.atMs),
    type: cleanLine(event.type, 40),
    text: cleanLine(event.text, 2_000),
    ...present({ data: event.data === undefined ? undefined : cleanData(event.data) }),
  }
}

/** Cleans every string of the data. Long data is left out whole, because a cut-off part would mean something else. */
function cleanData(data: Record<string, unknown>): Record<string, unknown> | undefined {
  const json = JSON.stringify(data, (_key, value: unknown) =>
    typeof value === 'string' ? cleanText(value, MAX_DATA_CHARS) : value,
  )
  return json.length > MAX_DATA_CHARS ? undefined : JSON.parse(json)
}

export function toBranch(report: BranchReport) {
  return {
    branch: report.branch,
    plan_id: report.planId,
    plan_status: report.planStatus,
    merge_status: report.mergeStatus,
    head: report.head,
    ahead: report.ahead,
    behind: report.behind,
    conflicts: report.conflicts,
    commits: toCommits(report.commits, 5, 120),
    ...(report.prUrl === null ? {} : { pr_url: cleanLine(report.prUrl, 500) }),
  }
}

/** Cleans the file a second time. Hidden characters in code are shown by name, so this changes nothing that was clean. */
export function toDiffFile(file: DiffFile) {
  return {
    path: showUnseen(file.path),
    ...(file.oldPath === undefined ? {} : { old_path: showUnseen(file.oldPath) }),
    status: file.status,
    ...(file.binary === true ? { binary: true } : {}),
    ...(file.mode === undefined ? {} : { mode: showUnseen(file.mode) }),
    hunks: file.hunks.map((hunk) => ({
      header: showUnseen(hunk.header),
      text: showUnseen(hunk.text),
      ...(hunk.part === undefined ? {} : { part: hunk.part, parts: hunk.parts }),
      ...(hunk.clippedLines === undefined ? {} : { clipped_lines: hunk.clippedLines }),
    })),
  }
}
