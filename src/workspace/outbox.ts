// Drains the outbox into D1. Rows are deleted only once D1 confirmed them; while any is left the alarm stays armed.
import { errorFields, log } from '../lib/log.ts'
import { appendHistory } from '../history/append.ts'
import type { HistoryRows } from '../history/append.ts'
import { githubRepo } from '../github/api.ts'
import { requireWorkspace } from './core.ts'
import type { Core } from './core.ts'
import type { PlanRecord } from './records.ts'
import { openPlans, toPlanSnapshot, toWorkspaceSnapshot } from './snapshots.ts'
import type { WorkspaceSnapshot } from './state.ts'
import type { OutboxRow } from './store-history.ts'

const BATCH_ROWS = 200
/** D1 takes 2 MB in one value; a batch it refuses would be refused for ever, and all behind it would wait. */
const BATCH_BYTES = 1_000_000
/** Of at most five statements each: 50 an invocation on the Free plan. */
const MAX_BATCHES = 10

export async function drainOutbox(core: Core): Promise<void> {
  const workspace = requireWorkspace(core)
  if (workspace.outboxRetryAtMs !== null && workspace.outboxRetryAtMs > core.now()) return
  try {
    for (let batch = 0; batch < MAX_BATCHES; batch++) {
      const rows = fitting(core, core.store.outbox(BATCH_ROWS))
      if (rows.length === 0) break
      const revisions = new Map(rows.map((row) => [row.id, revisionOf(core, row)]))
      await appendHistory(core.env.DB, toHistory(core, rows))
      // A plan that changed while D1 answered has its row in here already (UNIQUE made the second a no-op): keep that row.
      core.store.clearOutbox(
        rows.filter((row) => revisions.get(row.id) === revisionOf(core, row)).map((row) => row.id),
      )
    }
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

/** The oldest of these that make one batch; the first in any case: what one row may say is capped where it is taken in. */
function fitting(core: Core, rows: OutboxRow[]): OutboxRow[] {
  const isTooLong = (some: OutboxRow[]) =>
    new TextEncoder().encode(JSON.stringify(toHistory(core, some))).byteLength > BATCH_BYTES
  let some = rows
  while (some.length > 1 && isTooLong(some)) some = some.slice(0, Math.ceil(some.length / 2))
  return some
}

function revisionOf(core: Core, row: OutboxRow): number {
  if (row.kind === 'event' || row.kind === 'erase') return 0 // never changes
  return row.kind === 'workspace' ? requireWorkspace(core).revision : core.store.planRevision(row.plan)
}

function toHistory(core: Core, rows: OutboxRow[]): HistoryRows {
  const { name } = requireWorkspace(core)
  const history: HistoryRows = { events: [], plans: [], workspaces: [], erased: [] }
  // With a line of a plan goes the plan as it is: what it has spent has no row of its own here.
  for (const id of new Set(rows.filter(({ kind }) => kind !== 'workspace').map(({ plan }) => plan))) {
    const plan = core.store.plan(id)
    if (plan !== null) history.plans.push(planRow(core, plan, name))
  }
  for (const row of rows) {
    if (row.kind === 'event') {
      const event = core.store.event(row.plan, row.seq)
      if (event !== undefined)
        history.events.push({
          plan: row.plan,
          seq: event.seq,
          at: event.atMs,
          type: event.type,
          text: event.text,
          data: event.data === undefined ? null : JSON.stringify(event.data),
        })
    } else if (row.kind === 'erase') {
      history.erased.push(row.plan)
    } else if (row.kind === 'workspace') {
      const workspace = requireWorkspace(core)
      history.workspaces.push({
        name,
        gitRemote: workspace.gitRemote,
        status: workspace.status,
        createdAt: workspace.createdAtMs,
        revision: workspace.revision,
        snapshot: JSON.stringify(workspaceSnapshot(core)),
      })
    }
  }
  return history
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
    openPlans: openPlans(core.store.plansByStatus('queued', 'running')),
    webhookUrl: isGithub ? `${settings.publicUrl}/webhooks/github` : null,
    nowMs: core.now(),
  })
}
