// Drains the outbox into D1. A row is deleted only after D1 confirmed it; the alarm stays armed while any row is left.
import { errorFields, log } from '../../lib/log.ts'
import { appendHistory } from '../../history/append.ts'
import type { HistoryRows } from '../../history/append.ts'
import { githubRepo } from '../../github/api.ts'
import { requireWorkspace } from '../core/core.ts'
import type { Core } from '../core/core.ts'
import type { PlanRecord } from '../records/records.ts'
import { toPlanSnapshot, toWorkspaceSnapshot } from '../records/snapshots.ts'
import type { PlanEvent, WorkspaceSnapshot } from '../contract.ts'

const BATCH_ROWS = 200
/** D1 takes 2 MB in one value. A batch that D1 refuses would be refused for ever, and everything behind it would wait. */
const BATCH_BYTES = 1_000_000
/** A batch is at most five statements, and the Free plan allows 50 per invocation. */
const MAX_BATCHES = 10

/** One thing to tell D1. */
type Item =
  | { kind: 'event'; plan: string; event: PlanEvent }
  | { kind: 'plan' | 'erase' | 'workspace'; plan: string; revision: number }

export async function drainOutbox(core: Core): Promise<void> {
  const workspace = requireWorkspace(core)
  if (workspace.outboxRetryAtMs !== null && workspace.outboxRetryAtMs > core.now()) return
  if (!core.store.outboxIsUrgent() && !core.store.linesAreDue(core.now())) return
  try {
    for (let batch = 0; batch < MAX_BATCHES && !core.store.outboxIsEmpty(); batch++) {
      const { items, history } = fitting(core, collect(core))
      await appendHistory(core.env.DB, history)
      confirm(core, items)
    }
    if (core.store.outboxIsEmpty()) core.store.noteTold(core.now())
    if (requireWorkspace(core).outboxRetryAtMs !== null)
      core.store.changeWorkspace((record) =>
        Object.assign(record, { outboxRetryAtMs: null, outboxRetries: 0 }),
      )
  } catch (error) {
    core.store.changeWorkspace((record) => {
      record.outboxRetries += 1
      record.outboxRetryAtMs = core.now() + Math.min(2 ** record.outboxRetries, 60) * 1_000
    })
    log('history.retry', { workspace: workspace.name, ...errorFields(error) })
  }
}

function collect(core: Core): Item[] {
  return core.store.outbox(BATCH_ROWS).flatMap(({ kind, plan, seq }): Item[] => {
    if (kind === 'events')
      return core.store.events(plan, seq - 1, BATCH_ROWS).map((event) => ({ kind: 'event', plan, event }))
    return [{ kind, plan, revision: revisionOf(core, kind, plan) }]
  })
}

/** Returns the first items that fit into one batch, at least one. One row always fits, because its texts are capped when they come in. */
function fitting(core: Core, items: Item[]): { items: Item[]; history: HistoryRows } {
  const history = toHistory(core, items)
  const bytes = () => new TextEncoder().encode(JSON.stringify(history)).byteLength
  if (items.length <= 1 || bytes() <= BATCH_BYTES) return { items, history }
  return fitting(core, items.slice(0, Math.ceil(items.length / 2)))
}

/** Deletes what D1 has confirmed. What changed or was added while D1 answered stays in the outbox. */
function confirm(core: Core, items: Item[]): void {
  const lastSeq = new Map<string, number>()
  for (const item of items) {
    if (item.kind === 'event') lastSeq.set(item.plan, item.event.seq)
    else if (item.revision === revisionOf(core, item.kind, item.plan)) core.store.told(item)
  }
  for (const [plan, seq] of lastSeq)
    if (core.store.newestEvent(plan) > seq) core.store.toldEventsBefore(plan, seq + 1)
    else core.store.told({ kind: 'events', plan })
}

function revisionOf(core: Core, kind: 'plan' | 'erase' | 'workspace', plan: string): number {
  if (kind === 'erase') return 0 // an erased plan never changes
  return kind === 'workspace' ? requireWorkspace(core).revision : core.store.planRevision(plan)
}

function toHistory(core: Core, items: Item[]): HistoryRows {
  const { name } = requireWorkspace(core)
  const history: HistoryRows = { events: [], plans: [], workspaces: [], erased: [] }
  for (const item of items) {
    if (item.kind === 'event') {
      const { atMs: at, data, ...event } = item.event
      history.events.push({
        ...event,
        plan: item.plan,
        at,
        data: data === undefined ? null : JSON.stringify(data),
      })
    } else if (item.kind === 'erase') history.erased.push(item.plan)
    else if (item.kind === 'workspace') history.workspaces.push(workspaceRow(core))
  }
  // A plan's row goes along with each of its events, because a change of its spending has no outbox row of its own.
  for (const id of new Set(
    items.flatMap(({ kind, plan }) => (kind === 'event' || kind === 'plan' ? [plan] : [])),
  )) {
    const plan = core.store.plan(id)
    if (plan !== null) history.plans.push(planRow(core, plan, name))
  }
  return history
}

function workspaceRow(core: Core): HistoryRows['workspaces'][number] {
  const { name, gitRemote, status, createdAtMs, revision } = requireWorkspace(core)
  const snapshot = JSON.stringify(workspaceSnapshot(core))
  return { name, gitRemote, status, createdAt: createdAtMs, revision, snapshot }
}

const planRow = (core: Core, plan: PlanRecord, workspace: string): HistoryRows['plans'][number] => ({
  id: plan.id,
  workspace,
  branch: plan.branch,
  status: plan.status,
  createdAt: plan.createdAtMs,
  revision: core.store.planRevision(plan.id),
  snapshot: JSON.stringify(toPlanSnapshot(plan, workspace)),
})

export function workspaceSnapshot(core: Core): WorkspaceSnapshot {
  const workspace = requireWorkspace(core)
  const settings = core.settings()
  const isGithub = githubRepo(workspace.gitRemote, settings.githubApiUrl, settings.local) !== null
  return toWorkspaceSnapshot({
    workspace,
    openPlans: core.store.plansByStatus('queued', 'running'),
    webhookUrl: isGithub ? `${settings.publicUrl}/webhooks/github` : null,
    hasCredential: core.remote(workspace.gitRemote).credential !== null,
    nowMs: core.now(),
  })
}
