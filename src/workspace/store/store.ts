// All SQL of the object: records in, records out. Every method is synchronous, so what is called without an `await` in between
// commits together, and nothing leaves the object before it is durable (output gate): intent is written before the act for free.
import { redactAll } from '../../lib/redact.ts'
import {
  newPlanRecord,
  newSupervisorRecord,
  newVmRecord,
  newWorkspaceRecord,
} from '../records/new-records.ts'
import { isKnownLease, isKnownStatus } from '../records/records.ts'
import type {
  LeaseRecord,
  PlanRecord,
  SupervisorRecord,
  VmRecord,
  WorkspaceRecord,
} from '../records/records.ts'
import type { PlanStatus } from '../contract.ts'
import { createDiffStore } from './diff-rows.ts'
import { createForeignStore } from './foreign-rows.ts'
import { createEraseStore } from './erase-rows.ts'
import { createHistoryStore, createQueries } from './history-rows.ts'
import { createOutboxStore } from './outbox-rows.ts'

export type Store = ReturnType<typeof createStore>

/** Signs of life: lost with the object, they may be this old, and cost one doorbell more at most. */
const KEEP_LIVENESS_MS = 60_000

export interface Liveness {
  supervisor: Pick<SupervisorRecord, 'lastHeardAtMs' | 'counter' | 'revisionApplied'>
  vm: Pick<VmRecord, 'freeDiskMb'>
}

export function createStore(sql: SqlStorage) {
  const { rows, first } = createQueries(sql)
  const outbox = createOutboxStore(sql)
  /** What is newer than the row; written with its next change. */
  let liveness: Liveness | null = null
  /** Of all plans together: a sum over every row, so it is made once. */
  let spentUsd: number | null = null

  const store = {
    workspace(): WorkspaceRecord | null {
      const row = first<{ record: string }>('SELECT record FROM workspace')
      if (row === undefined) return null
      const parsed: WorkspaceRecord = JSON.parse(row.record)
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

    /** A row for each sign of life would cost more than all else of a plan that runs. */
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

    /** Grows the revision, and has D1 told of the workspace's new state. */
    publishWorkspace(change: (workspace: WorkspaceRecord) => void): WorkspaceRecord {
      outbox.toTell('workspace')
      return store.changeWorkspace((workspace) => {
        change(workspace)
        workspace.revision += 1
      })
    },

    plan(id: string): PlanRecord | null {
      const row = first<{ record: string }>('SELECT record FROM plans WHERE id = ?', id)
      return row === undefined ? null : toPlan(row)
    },

    plansByStatus(...statuses: PlanStatus[]): PlanRecord[] {
      const marks = statuses.map(() => '?').join(', ')
      return rows<{ record: string }>(
        `SELECT record FROM plans WHERE status IN (${marks}) ORDER BY ord`,
        ...statuses,
      ).map(toPlan)
    },

    /** Plans somebody still has to do something about: open, known to the VM, or with an unmerged branch. Not those of a newer version. */
    watchedPlans(): PlanRecord[] {
      return rows<{ record: string }>('SELECT record FROM plans WHERE watched = 1 ORDER BY ord')
        .map(toPlan)
        .filter(({ status }) => isKnownStatus(status))
    },

    branchPlans(limit: number): PlanRecord[] {
      return rows<{ record: string }>('SELECT record FROM plans ORDER BY ord DESC LIMIT ?', limit).map(toPlan)
    },

    /** Plans with a branch at the host that is not known to be merged. */
    unmergedPlans(): PlanRecord[] {
      return rows<{ record: string }>(
        "SELECT record FROM plans WHERE json_extract(record, '$.mergeStatus') IN ('open', 'closed') ORDER BY ord",
      ).map(toPlan)
    },

    planByBranch(branch: string): PlanRecord | null {
      const row = first<{ record: string }>(
        "SELECT record FROM plans WHERE json_extract(record, '$.branch') = ?",
        branch,
      )
      return row === undefined ? null : toPlan(row)
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

    /** Saves the plan, has D1 told of it, and grows the workspace's revision so that the VM learns of it too. */
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
      // Whether a state of a newer version is over is for that version to say.
      const watched = isKnownStatus(plan.status) ? wanted : was?.watched === 1
      outbox.toTell('plan', plan.id)
      // Most saves are of what a plan has spent: those leave the index, and the workspace's count of its plans, alone.
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

    /** What all plans of the workspace have spent together. */
    spentUsd(): number {
      spentUsd ??=
        first<{ usd: number }>("SELECT TOTAL(json_extract(record, '$.spentUsd')) AS usd FROM plans")?.usd ?? 0
      return spentUsd
    },

    /** The plan spent more: to be saved by the caller with what else changed. */
    noteSpent(usd: number): void {
      if (spentUsd !== null) spentUsd += usd
    },

    /** Signs of life and the like: kept, but neither D1 nor the VM needs to hear. */
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
      const row = first<{ record: string }>('SELECT record FROM leases WHERE id = ?', id)
      const lease: LeaseRecord | null = row === undefined ? null : JSON.parse(row.record)
      return lease !== null && isKnownLease(lease) ? lease : null
    },

    leases(planId?: string): LeaseRecord[] {
      const found =
        planId === undefined
          ? rows<{ record: string }>('SELECT record FROM leases')
          : rows<{ record: string }>('SELECT record FROM leases WHERE plan = ?', planId)
      return found.map((row): LeaseRecord => JSON.parse(row.record)).filter(isKnownLease)
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

/** As it is stored: what a VM or an upstream said goes no further with a secret in it, neither to D1 nor to a tool's answer. */
const kept = (record: PlanRecord | WorkspaceRecord): string => JSON.stringify(redactAll(record))

// JSON we wrote ourselves, laid over the defaults so that a row of an older version has every field.
const toPlan = (row: { record: string }): PlanRecord => {
  const parsed: PlanRecord = JSON.parse(row.record)
  return { ...newPlanRecord(parsed), ...parsed }
}
