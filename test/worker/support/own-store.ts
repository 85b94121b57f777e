// A store on tables of its own: an object nobody registered, looked into by the test alone.
import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { newPlanRecord, newSupervisorRecord, newVmRecord } from '../../../src/workspace/records.ts'
import type { PlanRecord, WorkspaceRecord } from '../../../src/workspace/records.ts'
import { migrate } from '../../../src/workspace/schema.ts'
import { createStore } from '../../../src/workspace/store.ts'
import type { Store } from '../../../src/workspace/store.ts'

export interface OwnStore {
  store: Store
  sql: SqlStorage
  /** What D1 is still to be told, as `kind plan seq`. */
  outbox: () => string[]
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
    })
  })
}

export const workspaceRecord = (over: Partial<WorkspaceRecord> = {}): WorkspaceRecord => ({
  name: 'w',
  gitRemote: 'https://git.test/o/r.git',
  branch: 'main',
  status: 'ready',
  statusDetail: '',
  setup: null,
  checks: [],
  maxParallel: 2,
  openPr: false,
  keepBranch: false,
  reactToFeedback: false,
  createdAtMs: 0,
  provisioningSinceMs: null,
  nonce: 'n',
  revision: 1,
  retryAtMs: null,
  retries: 0,
  outboxRetryAtMs: null,
  outboxRetries: 0,
  mendAtMs: 5,
  mendTries: 6,
  webhookHeardAtMs: null,
  refreshMirror: false,
  deleteVm: false,
  outageMs: 7,
  leftovers: [{ name: 'v0', id: null, dueAtMs: 8, untilMs: 9 }],
  vm: { ...newVmRecord('v'), id: 'vm-1' },
  supervisor: { ...newSupervisorRecord(), counter: 3 },
  ...over,
})

export const planRecord = (id: string, over: Partial<PlanRecord> = {}): PlanRecord => ({
  ...newPlanRecord({
    id,
    title: id,
    planChars: 1,
    textSha256: '',
    branch: `agent/${id}`,
    base: 'main',
    declaredChecks: [],
    openPr: false,
    budgetUsd: 10,
    model: 'm',
    effort: 'high',
    onQuestion: 'pause',
    createdAtMs: 0,
  }),
  ...over,
})
