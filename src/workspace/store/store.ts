// All SQL of the object: records in, records out. Every method is synchronous, so calls without `await` between them commit
// together. Nothing leaves the object before it is durable (the platform's output gate), so an intent is stored before it is
// acted on.
import { redactAll } from '../../lib/redact.ts'
import {
  newPlanRecord,
  newSupervisorRecord,
  newVmRecord,
  newWorkspaceRecord,
} from '../records/new-records.ts'
import { isKnownLease } from '../records/records.ts'
import type {
  LeaseRecord,
  PlanRecord,
  SupervisorRecord,
  VmRecord,
  WorkspaceRecord,
} from '../records/records.ts'
import { isPlanStatus } from '../../shared/words.ts'
import type { PlanStatus } from '../../shared/words.ts'
import { createDiffStore } from './diff-rows.ts'
import { createForeignStore } from './foreign-rows.ts'
import { createEraseStore } from './erase-rows.ts'
import { createHistoryStore, createQueries } from './history-rows.ts'
import { createOutboxStore } from './outbox-rows.ts'

export type Store = ReturnType<typeof createStore>

/** How old the stored sign of life may be. When the object is lost, this costs one extra doorbell at most. */
const KEEP_LIVENESS_MS = 60_000

export interface Liveness {
  supervisor: Pick<SupervisorRecord, 'lastHeardAtMs' | 'counter' | 'revisionApplied'>
  vm: Pick<VmRecord, 'freeDiskMb'>
}

export function createStore(sql: SqlStorage) {
  const { rows, first } = createQueries(sql)
  const outbox = createOutboxStore(sql)
  /** Signs of life newer than the row; written with the row's next change. */
  let liveness: Liveness | null = null
  const records = (query: string, ...args: SqlStorageValue[]): string[] =>
    rows<{ record: string }>(`SELECT record FROM ${query}`, ...args).map(({ record }) => record)
  const plans = (where: string, ...args: SqlStorageValue[]): PlanRecord[] =>
    records(`plans ${where}`, ...args).map(toPlan)
  const leases = (where: string, ...args: SqlStorageValue[]): LeaseRecord[] =>
    records(`leases ${where}`, ...args)
      .map((record): LeaseRecord => JSON.parse(record))
      .filter(isKnownLease)
  /** Cached total spend of all plans; computing it scans every row. */
  let spentUsd: number | null = null

  const store = {
    workspace(): WorkspaceRecord | null {
      const [record] = records('workspace')
      if (record === undefined) return null
      const parsed: WorkspaceRecord = JSON.parse(record)
      return {
        ...newWorkspaceRecord(parsed),
        ...parsed,
        vm: { ...newVmRecord(parsed.vm.name), ...parsed.vm, ...liveness?.vm },
        supervisor: { ...newSupervisorRecord(), ...parsed.supervisor, ...liveness?.supervisor },
      }
    },

    /** Reads, changes and writes the workspace in one synchronous block: no await can come in between. */
    changeWorkspace(change: (workspace: WorkspaceRecord) => void): WorkspaceRecord {
      const workspace = store.workspace()
      if (workspace === null) throw new Error('no workspace row')
      change(workspace)
      store.saveWorkspace(workspace)
      return workspace
    },

    /** Keeps a sign of life in memory, because a row for each would cost more than everything else a running plan writes. */
    noteLiveness(now: Liveness): void {
      const savedAtMs =
        first<{ at: number | null }>(
          "SELECT json_extract(record, '$.supervisor.lastHeardAtMs') AS at FROM workspace",
        )?.at ?? 0
      liveness = now
      if ((now.supervisor.lastHeardAtMs ?? 0) - savedAtMs >= KEEP_LIVENESS_MS)
        store.changeWorkspace(() => undefined)
    },

    saveWorkspace(workspace: WorkspaceRecord): void {
      liveness = null
      sql.exec(
        'INSERT INTO workspace (id, record) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET record = excluded.record',
        kept(workspace),
      )
    },

    /** Like changeWorkspace; also raises the revision and has D1 told of the workspace's new state. */
    publishWorkspace(change: (workspace: WorkspaceRecord) => void): WorkspaceRecord {
      outbox.toTell('workspace')
      return store.changeWorkspace((workspace) => {
        change(workspace)
        workspace.revision += 1
      })
    },

    plan(id: string): PlanRecord | null {
      return plans('WHERE id = ?', id)[0] ?? null
    },

    plansByStatus(...statuses: PlanStatus[]): PlanRecord[] {
      const marks = statuses.map(() => '?').join(', ')
      return plans(`WHERE status IN (${marks}) ORDER BY ord`, ...statuses)
    },

    /** Returns plans that need work: open, known to the VM, or with an unmerged branch. Plans of a newer version are left out. */
    watchedPlans(): PlanRecord[] {
      return plans('WHERE watched = 1 ORDER BY ord').filter(({ status }) => isPlanStatus(status))
    },

    branchPlans(limit: number): PlanRecord[] {
      return plans('ORDER BY ord DESC LIMIT ?', limit)
    },

    /** Returns plans with a branch at the host that is not known to be merged. */
    unmergedPlans(): PlanRecord[] {
      return plans("WHERE json_extract(record, '$.mergeStatus') IN ('open', 'closed') ORDER BY ord")
    },

    planByBranch(branch: string): PlanRecord | null {
      return plans("WHERE json_extract(record, '$.branch') = ?", branch)[0] ?? null
    },

    insertPlan(plan: PlanRecord, text: string): void {
      const ord = first<{ next: number }>('SELECT COALESCE(MAX(ord), 0) + 1 AS next FROM plans')?.next ?? 1
      sql.exec(
        'INSERT INTO plans (id, ord, status, watched, revision, record) VALUES (?, ?, ?, 1, 0, ?)',
        plan.id,
        ord,
        plan.status,
        kept(plan),
      )
      sql.exec('INSERT INTO texts (plan, text) VALUES (?, ?)', plan.id, text)
      outbox.toTell('workspace')
      store.savePlan(plan)
    },

    /** Saves the plan, has D1 told of it, and raises the workspace's revision so that the VM learns of it too. */
    savePlan(plan: PlanRecord): void {
      const wanted =
        plan.status === 'queued' ||
        plan.status === 'running' ||
        plan.status === 'paused' ||
        plan.onVm ||
        plan.mergeCheckAtMs !== null
      const { revision } = store.changeWorkspace((workspace) => void (workspace.revision += 1))
      const was = first<{ status: string; watched: number }>(
        'SELECT status, watched FROM plans WHERE id = ?',
        plan.id,
      )
      // Only the newer version can say whether a state it wrote is over.
      const watched = isPlanStatus(plan.status) ? wanted : was?.watched === 1
      outbox.toTell('plan', plan.id)
      // Most saves only change what a plan has spent: those leave the status index and the workspace's row in D1 alone.
      if (was?.status === plan.status && was.watched === Number(watched)) {
        sql.exec('UPDATE plans SET revision = ?, record = ? WHERE id = ?', revision, kept(plan), plan.id)
        return
      }
      sql.exec(
        'UPDATE plans SET status = ?, watched = ?, revision = ?, record = ? WHERE id = ?',
        plan.status,
        Number(watched),
        revision,
        kept(plan),
        plan.id,
      )
      outbox.toTell('workspace')
    },

    /** Returns what all plans of the workspace have spent together, in dollars. */
    spentUsd(): number {
      spentUsd ??=
        first<{ usd: number }>("SELECT TOTAL(json_extract(record, '$.spentUsd')) AS usd FROM plans")?.usd ?? 0
      return spentUsd
    },

    /** Adds to the cached total. The caller saves the plan's own record. */
    noteSpent(usd: number): void {
      if (spentUsd !== null) spentUsd += usd
    },

    /** Saves changes that neither D1 nor the VM must learn of, such as signs of life. */
    touchPlan(plan: PlanRecord): void {
      sql.exec('UPDATE plans SET record = ? WHERE id = ?', kept(plan), plan.id)
    },

    planRevision(id: string): number {
      return first<{ revision: number }>('SELECT revision FROM plans WHERE id = ?', id)?.revision ?? 0
    },

    text(planId: string): string {
      return first<{ text: string }>('SELECT text FROM texts WHERE plan = ?', planId)?.text ?? ''
    },

    lease(id: string): LeaseRecord | null {
      return leases('WHERE id = ?', id)[0] ?? null
    },

    leases(planId?: string): LeaseRecord[] {
      return planId === undefined ? leases('') : leases('WHERE plan = ?', planId)
    },

    saveLease(lease: LeaseRecord): void {
      sql.exec(
        'INSERT INTO leases (id, plan, state, deadline, record) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET state = excluded.state, deadline = excluded.deadline, record = excluded.record',
        lease.id,
        lease.plan,
        lease.state,
        lease.deadlineMs,
        JSON.stringify(lease),
      )
    },

    dropLease(id: string): void {
      sql.exec('DELETE FROM leases WHERE id = ?', id)
    },

    messages(planId: string, after: number): { n: number; text: string }[] {
      return rows<{ n: number; text: string }>(
        'SELECT n, text FROM messages WHERE plan = ? AND n > ? ORDER BY n',
        planId,
        after,
      )
    },

    addMessage(planId: string, text: string): number {
      const n =
        first<{ next: number }>('SELECT COALESCE(MAX(n), 0) + 1 AS next FROM messages WHERE plan = ?', planId)
          ?.next ?? 1
      sql.exec('INSERT INTO messages (plan, n, text) VALUES (?, ?, ?)', planId, n, text)
      return n
    },

    submission(key: string): { plan: string; arguments: string; at: number } | undefined {
      return first<{ plan: string; arguments: string; at: number }>(
        'SELECT plan, arguments, at FROM submissions WHERE key = ?',
        key,
      )
    },

    saveSubmission(key: string, plan: string, hash: string, atMs: number): void {
      sql.exec(
        'INSERT INTO submissions (key, plan, arguments, at) VALUES (?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET plan = excluded.plan, arguments = excluded.arguments, at = excluded.at',
        key,
        plan,
        hash,
        atMs,
      )
    },

    adoptedLine(ref: string): string | undefined {
      return first<{ plan: string }>('SELECT plan FROM adopted_lines WHERE ref = ?', ref)?.plan
    },

    saveAdoptedLine(ref: string, plan: string): void {
      sql.exec('INSERT INTO adopted_lines (ref, plan) VALUES (?, ?)', ref, plan)
    },
  }
  return {
    ...store,
    ...outbox,
    ...createHistoryStore(sql),
    ...createDiffStore(sql),
    ...createForeignStore(sql),
    ...createEraseStore(sql),
  }
}

/** Returns the record as it is stored, secrets in foreign texts redacted: none reaches D1 or a tool's answer. */
const kept = (record: PlanRecord | WorkspaceRecord): string => JSON.stringify(redactAll(record))

// The row holds JSON that this code wrote. The defaults fill in fields that a row of an older version lacks.
const toPlan = (record: string): PlanRecord => {
  const parsed: PlanRecord = JSON.parse(record)
  return { ...newPlanRecord(parsed), ...parsed }
}
