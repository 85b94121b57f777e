// All SQL of the object: records in, records out. Every method is synchronous, so what is called without an `await` in between
// commits together, and nothing leaves the object before it is durable (output gate): intent is written before the act for free.
import type { EventLine } from '../protocol.ts'
import { newPlanRecord, newSupervisorRecord, newVmRecord } from './records.ts'
import type { LeaseRecord, PlanRecord, WorkspaceRecord } from './records.ts'
import type { PlanEvent, PlanStatus } from './state.ts'

const MAX_EVENTS_PER_ATTEMPT = 1_000

export type OutboxRow = { id: number; kind: 'event' | 'plan' | 'workspace'; plan: string; seq: number }

export type Store = ReturnType<typeof createStore>

export function createStore(sql: SqlStorage) {
  type Row = Record<string, SqlStorageValue>
  const rows = <T extends Row>(query: string, ...args: SqlStorageValue[]): T[] =>
    sql.exec<T>(query, ...args).toArray()
  const first = <T extends Row>(query: string, ...args: SqlStorageValue[]): T | undefined =>
    rows<T>(query, ...args)[0]

  // JSON we wrote ourselves, laid over the defaults so that a row of an older version has every field.
  const toPlan = (row: { record: string }): PlanRecord => {
    const parsed: PlanRecord = JSON.parse(row.record)
    return { ...newPlanRecord(parsed), ...parsed }
  }

  const store = {
    workspace(): WorkspaceRecord | null {
      const row = first<{ record: string }>('SELECT record FROM workspace')
      if (row === undefined) return null
      const parsed: WorkspaceRecord = JSON.parse(row.record)
      return {
        ...parsed,
        vm: { ...newVmRecord(parsed.vm.name), ...parsed.vm },
        supervisor: { ...newSupervisorRecord(), ...parsed.supervisor },
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

    saveWorkspace(workspace: WorkspaceRecord): void {
      sql.exec(
        'INSERT INTO workspace VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET record = excluded.record',
        JSON.stringify(workspace),
      )
    },

    /** Grows the revision, and has D1 told of the workspace's new state. */
    publishWorkspace(change: (workspace: WorkspaceRecord) => void): WorkspaceRecord {
      sql.exec("INSERT OR IGNORE INTO outbox (kind, plan, seq) VALUES ('workspace', '', 0)")
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

    /** Plans somebody still has to do something about: open, known to the VM, or with an unmerged branch. */
    watchedPlans(): PlanRecord[] {
      return rows<{ record: string }>('SELECT record FROM plans WHERE watched = 1 ORDER BY ord').map(toPlan)
    },

    branchPlans(limit: number): PlanRecord[] {
      return rows<{ record: string }>('SELECT record FROM plans ORDER BY ord DESC LIMIT ?', limit).map(toPlan)
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
      sql.exec('INSERT INTO plans VALUES (?, ?, ?, 1, 0, ?)', plan.id, ord, plan.status, JSON.stringify(plan))
      sql.exec('INSERT INTO texts VALUES (?, ?)', plan.id, text)
      store.savePlan(plan)
    },

    /** Saves the plan, has D1 told of it, and grows the workspace's revision so that the VM learns of it too. */
    savePlan(plan: PlanRecord): void {
      const watched =
        plan.status === 'queued' ||
        plan.status === 'running' ||
        plan.status === 'paused' ||
        plan.onVm ||
        plan.mergeCheckAtMs !== null
      const { revision } = store.changeWorkspace((workspace) => void (workspace.revision += 1))
      sql.exec(
        'UPDATE plans SET status = ?, watched = ?, revision = ?, record = ? WHERE id = ?',
        plan.status,
        watched ? 1 : 0,
        revision,
        JSON.stringify(plan),
        plan.id,
      )
      // The workspace's snapshot counts its plans.
      sql.exec(
        "INSERT OR IGNORE INTO outbox (kind, plan, seq) VALUES ('plan', ?, 0), ('workspace', '', 0)",
        plan.id,
      )
    },

    /** Signs of life and the like: kept, but neither D1 nor the VM needs to hear. */
    touchPlan(plan: PlanRecord): void {
      sql.exec('UPDATE plans SET record = ? WHERE id = ?', JSON.stringify(plan), plan.id)
    },

    planRevision(id: string): number {
      return first<{ revision: number }>('SELECT revision FROM plans WHERE id = ?', id)?.revision ?? 0
    },

    text(planId: string): string {
      return first<{ text: string }>('SELECT text FROM texts WHERE plan = ?', planId)?.text ?? ''
    },

    /** Gives the next seq of the plan's history and puts the event in the outbox. */
    addEvent(planId: string, event: Omit<PlanEvent, 'seq'>): number {
      const seq =
        first<{ next: number }>('SELECT COALESCE(MAX(seq), 0) + 1 AS next FROM events WHERE plan = ?', planId)
          ?.next ?? 1
      const data = event.data === undefined ? null : JSON.stringify(event.data)
      sql.exec(
        'INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)',
        planId,
        seq,
        event.atMs,
        event.type,
        event.text,
        data,
      )
      sql.exec("INSERT INTO outbox (kind, plan, seq) VALUES ('event', ?, ?)", planId, seq)
      return seq
    },

    /** Takes the VM's lines of one attempt once each, in order; past the cap they are counted instead. Answers the highest n taken. */
    takeVmEvents(planId: string, attempt: number, lines: EventLine[], nowMs: number): number {
      const source = first<{ last_n: number; kept: number }>(
        'SELECT last_n, kept FROM event_sources WHERE plan = ? AND attempt = ?',
        planId,
        attempt,
      )
      let { last_n: lastN, kept } = source ?? { last_n: 0, kept: 0 }
      for (const line of lines.toSorted((a, b) => a.n - b.n)) {
        if (line.n <= lastN) continue
        lastN = line.n
        kept += 1
        if (kept === MAX_EVENTS_PER_ATTEMPT + 1)
          store.addEvent(planId, {
            atMs: nowMs,
            type: 'events_dropped',
            text: `More than ${MAX_EVENTS_PER_ATTEMPT} events in attempt ${attempt}: the rest stays on the VM.`,
          })
        if (kept > MAX_EVENTS_PER_ATTEMPT) continue
        store.addEvent(planId, {
          atMs: Math.min(line.atMs, nowMs),
          type: line.type,
          text: line.text,
          data: { attempt, n: line.n, ...line.data },
        })
      }
      sql.exec(
        'INSERT INTO event_sources VALUES (?, ?, ?, ?) ON CONFLICT (plan, attempt) DO UPDATE SET last_n = excluded.last_n, kept = excluded.kept',
        planId,
        attempt,
        lastN,
        kept,
      )
      return lastN
    },

    lastVmEvent(planId: string, attempt: number): number {
      return (
        first<{ last_n: number }>(
          'SELECT last_n FROM event_sources WHERE plan = ? AND attempt = ?',
          planId,
          attempt,
        )?.last_n ?? 0
      )
    },

    events(planId: string, after: number, limit: number): PlanEvent[] {
      return rows<{ seq: number; at: number; type: string; text: string; data: string | null }>(
        'SELECT seq, at, type, text, data FROM events WHERE plan = ? AND seq > ? ORDER BY seq LIMIT ?',
        planId,
        after,
        limit,
      ).map((row) => ({
        seq: row.seq,
        atMs: row.at,
        type: row.type,
        text: row.text,
        ...(row.data === null ? {} : { data: JSON.parse(row.data) }),
      }))
    },

    event(planId: string, seq: number): PlanEvent | undefined {
      return store.events(planId, seq - 1, 1).find((event) => event.seq === seq)
    },

    outbox(limit: number): OutboxRow[] {
      return rows<OutboxRow>('SELECT id, kind, plan, seq FROM outbox ORDER BY id LIMIT ?', limit)
    },

    clearOutbox(ids: number[]): void {
      for (const id of ids) sql.exec('DELETE FROM outbox WHERE id = ?', id)
    },

    outboxIsEmpty(): boolean {
      return first('SELECT 1 AS one FROM outbox LIMIT 1') === undefined
    },

    lease(id: string): LeaseRecord | null {
      const row = first<{ record: string }>('SELECT record FROM leases WHERE id = ?', id)
      return row === undefined ? null : JSON.parse(row.record)
    },

    leases(planId?: string): LeaseRecord[] {
      const found =
        planId === undefined
          ? rows<{ record: string }>('SELECT record FROM leases')
          : rows<{ record: string }>('SELECT record FROM leases WHERE plan = ?', planId)
      return found.map((row) => JSON.parse(row.record))
    },

    saveLease(lease: LeaseRecord): void {
      sql.exec(
        'INSERT INTO leases VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET state = excluded.state, deadline = excluded.deadline, record = excluded.record',
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
      sql.exec('INSERT INTO messages VALUES (?, ?, ?)', planId, n, text)
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
        'INSERT INTO submissions VALUES (?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET plan = excluded.plan, arguments = excluded.arguments, at = excluded.at',
        key,
        plan,
        hash,
        atMs,
      )
    },

    /** False when this delivery was seen before. */
    takeDelivery(id: string, atMs: number): boolean {
      sql.exec('DELETE FROM deliveries WHERE at < ?', atMs - 7 * 24 * 3_600_000)
      return sql.exec('INSERT OR IGNORE INTO deliveries VALUES (?, ?)', id, atMs).rowsWritten > 0
    },

    adoptedLine(ref: string): string | undefined {
      return first<{ plan: string }>('SELECT plan FROM adopted_lines WHERE ref = ?', ref)?.plan
    },

    saveAdoptedLine(ref: string, plan: string): void {
      sql.exec('INSERT INTO adopted_lines VALUES (?, ?)', ref, plan)
    },
  }
  return store
}
