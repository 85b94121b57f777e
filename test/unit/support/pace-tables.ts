// The store as next-wake.ts asks it, played over small tables.
import { newSupervisorRecord } from '../../../src/workspace/records/new-records.ts'
import type {
  LeaseRecord,
  PlanRecord,
  SupervisorRecord,
  WorkspaceRecord,
} from '../../../src/workspace/records/records.ts'
import type { Store } from '../../../src/workspace/store/store.ts'
import { freshPlan, readyWorkspace } from './full-records.ts'

export interface Tables {
  workspace?: WorkspaceRecord | null
  plans?: PlanRecord[]
  leases?: LeaseRecord[]
  outboxIsEmpty?: boolean
  /** Nothing but lines of plans is to be told, and then. */
  linesLatestMs?: number
  finishedAtMs?: number
  foreign?: number
  notificationMs?: number | null
}

/** Only what next-wake.ts asks of the store. */
export function storeOf(tables: Tables): Store {
  const plans = tables.plans ?? []
  const asked: Pick<
    Store,
    | 'workspace'
    | 'watchedPlans'
    | 'plansByStatus'
    | 'finishedPlans'
    | 'leases'
    | 'outboxIsEmpty'
    | 'outboxIsUrgent'
    | 'linesLatestMs'
    | 'nextNotificationMs'
    | 'foreign'
  > = {
    workspace: () => (tables.workspace === undefined ? readyWorkspace() : tables.workspace),
    watchedPlans: () => plans,
    plansByStatus: (...statuses) => plans.filter(({ status }) => statuses.includes(status)),
    leases: () => tables.leases ?? [],
    outboxIsEmpty: () => tables.outboxIsEmpty ?? true,
    outboxIsUrgent: () => tables.linesLatestMs === undefined,
    linesLatestMs: () => tables.linesLatestMs ?? NaN,
    finishedPlans: (limit) =>
      tables.finishedAtMs === undefined || limit < 1 ? [] : [{ id: 'p', finishedAtMs: tables.finishedAtMs }],
    foreign: () => tables.foreign ?? 0,
    nextNotificationMs: () => tables.notificationMs ?? null,
  }
  // Whatever else it asked for would be missing, and fail.
  return asked as Store
}
export const heard = (over: Partial<SupervisorRecord>) => ({ ...newSupervisorRecord(), ...over })
export const ended = (over: Partial<PlanRecord> = {}) => freshPlan({ status: 'completed', ...over })
export const onVm = ended({ onVm: true })
