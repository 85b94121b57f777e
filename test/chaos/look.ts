// A look into the object's tables, from outside of its code's own judgement: what is open, and when it will wake.
import { createStore } from '../../src/workspace/store/store.ts'
import type { PlanRecord } from '../../src/workspace/records/records.ts'
import { hasTables } from '../../src/workspace/store/schema.ts'

export interface Look {
  alarmMs: number | null
  /** The word used for cells. */
  state: string
  status: string
  plans: PlanRecord[]
  /** What is not finished, in words. Empty: nothing is owed to anybody. */
  open: string[]
  vmId: string | null
  pending: number
}

export function lookInside(sql: SqlStorage, alarmMs: number | null): Look {
  const empty = { alarmMs, state: 'none', status: '', plans: [], open: [], vmId: null, pending: 0 }
  if (!hasTables(sql)) return empty
  const store = createStore(sql)
  const workspace = store.workspace()
  if (workspace === null) return empty
  const plans = store.branchPlans(100)
  const { vm, status } = workspace
  const open: string[] = []
  if (status === 'provisioning' || status === 'error')
    open.push(`workspace ${status}: ${workspace.statusDetail}`)
  if (workspace.leftovers.some(({ id }) => id !== null)) open.push('a VM to delete')
  for (const plan of plans) {
    const what = `${plan.id.slice(-4)} ${plan.status} attempt ${plan.attempt}`
    if (['queued', 'running', 'paused'].includes(plan.status)) open.push(what)
    else if (plan.status === 'cancelled' && !plan.stoppedOnVm) open.push(`${what}, not confirmed`)
    else if (plan.onVm && status === 'ready') open.push(`${what}, still on the VM`)
  }
  const pending = store.leases().length
  if (pending > 0) open.push(`${pending} leases`)
  if (!store.outboxIsEmpty()) open.push('outbox')
  if (store.nextNotificationMs() !== null) open.push('notifications')
  return { alarmMs, state: word(status, vm.step, plans), status, plans, open, vmId: vm.id, pending }
}

function word(status: string, step: string, plans: PlanRecord[]): string {
  if (status === 'removed' || status === 'error') return status
  if (status === 'provisioning') return step === 'none' ? 'creating' : step
  if (step !== 'ready') return 'recovering'
  const has = (test: (plan: PlanRecord) => boolean) => plans.some(test)
  if (has((plan) => plan.status === 'running')) return 'running'
  if (has((plan) => plan.status === 'queued')) return 'queued'
  if (has((plan) => plan.onVm && !plan.stoppedOnVm)) return 'stopping'
  if (has((plan) => plan.status === 'paused')) return 'paused'
  return has((plan) => plan.mergeStatus === 'open') ? 'unmerged' : 'idle'
}
