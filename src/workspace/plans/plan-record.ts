// Pure: turns rows into one JSON document about a plan, in which each fact says who saw it. Readers can tell what the Worker measured from
// what the VM, which runs untrusted code, claims about itself.
import { redact } from '../../lib/redact.ts'
import { cleanText } from '../../lib/text.ts'
import { VERSION } from '../../lib/version.ts'
import { PROTOCOL_VERSION } from '../../shared/protocol.ts'
import { attemptsOf, secondsRunning } from './plan-record-attempts.ts'
import type { AttemptStory } from './plan-record-attempts.ts'
import type { PlanRecord, WorkspaceRecord } from '../records/records.ts'
import type { PlanEvent } from '../contract.ts'

/** Grows when a fact changes its place or its meaning; not when one is added. */
const FORMAT_VERSION = 1

const SEEN_BY = {
  worker: 'Decided or timed by the Worker, told to it by the owner, or answered to it by the git host.',
  gateway: 'Counted or recorded by the gateway as it passed through: heads pushed, tokens, dollars.',
  vm: "A claim of the VM, which runs the plan's code: nothing else saw it.",
}
type SeenBy = keyof typeof SEEN_BY

interface Fact {
  value: unknown
  seen_by: SeenBy
}

export interface ExportRows {
  workspace: WorkspaceRecord
  plan: PlanRecord
  text: string
  /** The base of the diff that was uploaded for the pushed head. */
  diffBase: string | null
  /** The result of store.stateEvents. */
  stateEvents: PlanEvent[]
  eventCount: number
  nowMs: number
}

/** Returns everything except the events. They follow one by one (toExportEvent), because there may be thousands. */
export function toExport(rows: ExportRows) {
  const { workspace, plan, text, stateEvents, nowMs } = rows
  const attempts = attemptsOf(stateEvents)
  const last = stateEvents.at(-1)
  // The reason is attributed to whatever caused the last state change.
  const reason = (value: unknown) => fact(last === undefined ? 'worker' : eventSeenBy(last), value)
  return {
    format: 'agent-execution-runtime/plan',
    format_version: FORMAT_VERSION,
    exported_at: iso(nowMs),
    seen_by: SEEN_BY,
    plan: {
      id: worker(plan.id),
      workspace: worker(workspace.name),
      git_remote: worker(workspace.gitRemote),
      title: worker(plan.title),
      // The owner's own text, unchanged except for redacted secrets. The hash is of the submitted text.
      text: { value: redact(text), seen_by: 'worker' },
      text_sha256: worker(plan.textSha256),
    },
    settings: {
      model: worker(plan.model),
      effort: worker(plan.effort),
      budget_usd: worker(plan.budgetUsd),
      checks: worker(plan.declaredChecks),
      on_question: worker(plan.onQuestion),
    },
    versions: {
      runtime: worker(VERSION),
      protocol: worker(PROTOCOL_VERSION),
      // The agent of the workspace's supervisor when it was last heard; it may have been replaced since this plan ended.
      agent_sha256: vm(workspace.supervisor.agentSha256 || null),
    },
    git: {
      branch: worker(plan.branch),
      base: worker(plan.base || null),
      base_commit: vm(rows.diffBase ?? plan.baseHead),
      head: vm(plan.head),
      pushed_head: gateway(plan.pushedHead),
      checkpoint_head: gateway(plan.checkpointHead),
      commits: vm(plan.commits),
      diff: vm(plan.diff),
      merge_status: worker(plan.mergeStatus),
      pr_url: worker(plan.prUrl),
    },
    result: {
      status: worker(plan.status),
      status_detail: reason(plan.statusDetail),
      paused_reason: reason(plan.pausedReason),
      error: reason(plan.error),
      outcome: worker(plan.outcome),
      // The Worker itself adds only one reason: that the claim was not proven.
      outcome_reasons: fact(
        plan.outcomeReasons.every((one) => one === 'proof_missing') ? 'worker' : 'vm',
        plan.outcomeReasons,
      ),
      proof: vm(plan.proof),
      summary: vm(plan.summary),
      question: vm(plan.question),
      checks: vm(
        plan.checks.map(({ command, exitCode, seconds, newFailure }) => ({
          command,
          exit_code: exitCode,
          seconds,
          new_failure: newFailure,
        })),
      ),
    },
    spending: {
      spent_usd: gateway(plan.spentUsd),
      tokens: gateway({
        input: plan.tokens.input,
        output: plan.tokens.output,
        cache_read: plan.tokens.cacheRead,
        cache_write: plan.tokens.cacheWrite,
      }),
    },
    timings: {
      created_at: worker(iso(plan.createdAtMs)),
      started_at: worker(iso(plan.startedAtMs)),
      finished_at: worker(iso(plan.finishedAtMs)),
      seconds_running: worker(secondsRunning(attempts, nowMs)),
    },
    attempts: attempts.map(toAttempt),
    event_count: rows.eventCount,
  }
}

function toAttempt({ attempt, queuedAtMs, startedAtMs, stoppedAtMs, end }: AttemptStory) {
  return {
    attempt: worker(attempt),
    queued_at: worker(iso(queuedAtMs)),
    started_at: worker(iso(startedAtMs)),
    stopped_at: worker(iso(stoppedAtMs)),
    ended_as: worker(end?.type ?? null),
    reason: fact(end === null ? 'worker' : eventSeenBy(end), end?.data?.['reason'] ?? end?.text ?? null),
  }
}

export function toExportEvent(event: PlanEvent): Fact {
  const { seq, atMs, type, text, data } = event
  return fact(eventSeenBy(event), {
    seq,
    at: iso(atMs),
    type,
    text,
    ...(data === undefined ? {} : { data }),
  })
}

/** A line of the VM carries its attempt and number (history-rows.ts). The end of an attempt says who reported it (decisions.ts). */
function eventSeenBy({ type, data }: PlanEvent): SeenBy {
  if (data?.['attempt'] !== undefined && data['n'] !== undefined) return 'vm'
  if (data?.['told_by'] === 'vm') return 'vm'
  return type === 'pushed' || type === 'checkpoint_stored' ? 'gateway' : 'worker'
}

const iso = (atMs: number | null): string | null => (atMs === null ? null : new Date(atMs).toISOString())

const fact = (seenBy: SeenBy, value: unknown): Fact => ({ value: shown(value), seen_by: seenBy })
const worker = (value: unknown) => fact('worker', value)
const gateway = (value: unknown) => fact('gateway', value)
const vm = (value: unknown) => fact('vm', value)

/** No text is cut, so that the export is complete. */
const NO_CAP = 1e9

/** Removes secrets (a setting may be newer than the row) and characters that hide or reorder words. */
function shown(value: unknown): unknown {
  if (typeof value === 'string') return cleanText(redact(value), NO_CAP)
  if (Array.isArray(value)) return value.map(shown)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [shown(key), shown(one)]))
}
