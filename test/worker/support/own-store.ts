// A store on tables of its own: an object nobody registered, looked into by the test alone.
import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { newSupervisorRecord, newVmRecord } from '../../../src/workspace/records/new-records.ts'
import type { PlanRecord, WorkspaceRecord } from '../../../src/workspace/records/records.ts'
import { migrate } from '../../../src/workspace/store/schema.ts'
import { createStore } from '../../../src/workspace/store/store.ts'
import type { Store } from '../../../src/workspace/store/store.ts'
import { freshPlan, readyWorkspace } from '../../unit/support/full-records.ts'

export interface OwnStore {
  store: Store
  sql: SqlStorage
  /** What D1 is still to be told, as `kind plan seq`. */
  outbox: () => string[]
  /** As if D1 had taken it all. */
  tellAll: () => void
}

export async function withStore(look: (own: OwnStore) => void): Promise<void> {
  await runInDurableObject(env.WORKSPACE.getByName(crypto.randomUUID()), (_, state) => {
    const { sql } = state.storage
    migrate(sql)
    const store = createStore(sql)
    store.saveWorkspace(workspaceRecord())
    look({
      store,
      sql,
      outbox: () => store.outbox(100).map(({ kind, plan, seq }) => `${kind} ${plan} ${seq}`),
      tellAll: () => tellAll(store),
    })
  })
}

/** As if D1 had taken all there is to tell. */
export function tellAll(store: Store): void {
  for (const row of store.outbox(100)) store.told(row)
}

/** Fields of later versions are not at their first value. */
export const workspaceRecord = (over: Partial<WorkspaceRecord> = {}): WorkspaceRecord =>
  readyWorkspace({
    gitSilentSinceMs: 4,
    mendAtMs: 5,
    mendTries: 6,
    outageMs: 7,
    leftovers: [{ name: 'v0', id: null, orgoWorkspaceId: null, dueAtMs: 8, untilMs: 9 }],
    month: { name: '2026-11', baseUsd: 10, grantedUsd: 11 },
    vm: { ...newVmRecord('v'), id: 'vm-1' },
    supervisor: { ...newSupervisorRecord(), counter: 3 },
    ...over,
  })

export const planRecord = (id: string, over: Partial<PlanRecord> = {}): PlanRecord =>
  freshPlan({ id, title: id, planChars: 1, textSha256: '', branch: `agent/${id}`, createdAtMs: 0, ...over })
