// Pure: turns rows into one JSON document about a plan: its facts, its attempts and its events. `seen_by` names who saw each fact, so
// that readers can tell what the Worker measured from what the VM, which runs untrusted code, claims about itself.
import { redact } from '../../lib/redact.ts'
import { cleanText } from '../../lib/text.ts'
import { VERSION } from '../../lib/version.ts'
import { PROTOCOL_VERSION, wholeCheck } from '../../shared/protocol.ts'
import { attemptsOf, secondsRunning } from './plan-record-attempts.ts'
import type { AttemptStory } from './plan-record-attempts.ts'
import type { PlanRecord, WorkspaceRecord } from '../records/records.ts'
import type { PlanEvent } from '../contract.ts'

/** Grows when a fact changes its place or its meaning; not when one is added. */
const FORMAT_VERSION = 2

/** Who saw which fact. The gateway counted or recorded it as it passed through; nothing else saw what the VM claims. */
const SEEN_BY = {
  worker:
    'id workspace git_remote title text text_sha256 model effort budget_usd declared_checks on_question runtime protocol branch base merge_status pr_url status outcome created_at started_at finished_at seconds_running',
  gateway: 'pushed_head checkpoint_head spent_usd tokens',
  vm: 'agent_sha256 base_commit head commits diff outcome_reasons proof summary question checks tests look_first',
  /** See `reason_seen_by` of the last attempt. */
  last_attempt: 'status_detail paused_reason error',
}
const FACTS = Object.entries(SEEN_BY).flatMap(([who, names]) =>
  names.split(' ').map((name): [string, string] => [name, who]),
)

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
export function toExport({ workspace, plan, text, diffBase, stateEvents, eventCount, nowMs }: ExportRows) {
  const attempts = attemptsOf(stateEvents)
  const facts = toSnake({
    ...plan,
    workspace: workspace.name,
    gitRemote: workspace.gitRemote,
    runtime: VERSION,
    protocol: PROTOCOL_VERSION,
    // The agent of the workspace's supervisor when it was last heard; it may have been replaced since this plan ended.
    agentSha256: workspace.supervisor.agentSha256 || null,
    base: plan.base || null,
    checks: plan.checks.map(wholeCheck),
    baseCommit: diffBase ?? plan.baseHead,
    createdAt: iso(plan.createdAtMs),
    startedAt: iso(plan.startedAtMs),
    finishedAt: iso(plan.finishedAtMs),
    secondsRunning: secondsRunning(attempts, nowMs),
  })
  const shownFacts = FACTS.map(([name]): [string, unknown] => [name, shown(facts[name])])
  return {
    format: 'agent-execution-runtime/plan',
    format_version: FORMAT_VERSION,
    exported_at: iso(nowMs),
    // The owner's own text, unchanged except for redacted secrets. The hash is of the submitted text.
    plan: { ...Object.fromEntries(shownFacts), text: redact(text) },
    seen_by: Object.fromEntries(FACTS),
    attempts: attempts.map(toAttempt),
    event_count: eventCount,
  }
}

function toAttempt({ attempt, queuedAtMs, startedAtMs, stoppedAtMs, end }: AttemptStory) {
  return {
    attempt,
    queued_at: iso(queuedAtMs),
    started_at: iso(startedAtMs),
    stopped_at: iso(stoppedAtMs),
    ended_as: end?.type ?? null,
    reason: shown(end?.data?.['reason'] ?? end?.text ?? null),
    reason_seen_by: end === null ? 'worker' : eventSeenBy(end),
  }
}

export function toExportEvent(event: PlanEvent) {
  const { seq, atMs, type, text, data } = event
  return {
    seq,
    at: iso(atMs),
    type: shown(type),
    seen_by: eventSeenBy(event),
    text: shown(text),
    ...(data === undefined ? {} : { data: shown(data) }),
  }
}

/** A line of the VM carries its attempt and number (history-rows.ts); the end of an attempt, whose word it is (decisions.ts). */
function eventSeenBy({ type, data }: PlanEvent): 'vm' | 'gateway' | 'worker' {
  if (data?.['attempt'] !== undefined && data['n'] !== undefined) return 'vm'
  if (data?.['told_by'] === 'vm') return 'vm'
  return type === 'pushed' || type === 'checkpoint_stored' ? 'gateway' : 'worker'
}

const iso = (atMs: number | null): string | null => (atMs === null ? null : new Date(atMs).toISOString())

const snakeName = (key: string): string => key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** createdAt → created_at, at every depth. */
function toSnake(value: object): Record<string, unknown> {
  const deep = (one: unknown): unknown => {
    if (Array.isArray(one)) return one.map(deep)
    return typeof one === 'object' && one !== null ? toSnake(one) : one
  }
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [snakeName(key), deep(one)]))
}

/** No text is cut, so that the export is complete. */
const NO_CAP = 1e9

/** Removes secrets (a setting may be newer than the row) and characters that hide or reorder words. */
function shown(value: unknown): unknown {
  if (typeof value === 'string') return cleanText(redact(value), NO_CAP)
  if (Array.isArray(value)) return value.map(shown)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [shown(key), shown(one)]))
}
