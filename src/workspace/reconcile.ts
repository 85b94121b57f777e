// The alarm: compares what should be with what is, and takes the next steps. Every step is derived from the tables, so a lost,
// doubled or reordered poke changes nothing. onAlarm never throws, because an alarm that throws seven times is never run again
// (measured). It therefore arms a watchdog first and computes the next wake-up from the tables last.
import { errorFields, log } from '../lib/log.ts'
import { VmError } from '../orgo/vm.ts'
import type { VmProvider } from '../orgo/vm.ts'
import { settleClock } from './core/clock.ts'
import { commit, requireWorkspace } from './core/core.ts'
import type { Core } from './core/core.ts'
import { CANCEL_CONFIRM_MS, expire, pause, plansToStart, start } from './records/decisions.ts'
import { eraseOld, keptMs } from './outbox/erase.ts'
import { deleteLeftovers } from './machine/leftovers.ts'
import { learnBranch } from './registration/learn-branch.ts'
import { checkMerges } from './plans/merges.ts'
import { tellVm } from './plans/plans.ts'
import { returnMonth } from './leases/monthly-budget.ts'
import { lookLater, mend } from './plans/resume-after-outage.ts'
import { sendNotifications } from './outbox/notify.ts'
import { drainOutbox } from './outbox/drain-outbox.ts'
import { openPullRequests } from './plans/pull-requests.ts'
import { expireLeases, isLeaseDue, revokeLeases } from './leases/leases.ts'
import {
  nextWakeMs,
  provisioningDeadlineMs,
  retryDelayMs,
  ringDueMs,
  startable,
  vmNeeded,
} from './core/next-wake.ts'
import { ring } from './machine/ring.ts'
import { climb } from './machine/provision.ts'
import { VmTrouble } from './machine/trouble.ts'

const WATCHDOG_MS = 60_000
const MAX_STEPS = 8

export async function onAlarm(core: Core): Promise<void> {
  const startedAtMs = core.now()
  if (!core.exists()) return core.setAlarm(null)
  if (!(await isNothingDue(core))) {
    await core.setAlarm(startedAtMs + WATCHDOG_MS)
    await takeSteps(core)
  }
  const next = nextWakeMs(core.store, core.now(), keptMs(core))
  await core.setAlarm(next)
  log('alarm', {
    workspace: requireWorkspace(core).name,
    durationMs: core.now() - startedAtMs,
    nextInMs: next === null ? null : next - core.now(),
  })
}

/** True when no step would find anything to do, as in most alarms. Skipping the watchdog then saves a row write. */
async function isNothingDue(core: Core): Promise<boolean> {
  try {
    await settleClock(core)
    const next = nextWakeMs(core.store, core.now(), keptMs(core))
    if (next === null || next <= core.now() || core.store.linesAreDue(core.now())) return false
    // Two times count from now and so are never due in nextWakeMs: that of a branch still to be learned, and those of leases.
    if (startable(core.store, requireWorkspace(core))) return false
    return !core.store.leases().some((lease) => isLeaseDue(core, lease))
  } catch {
    return false // the steps report the error, behind the watchdog
  }
}

async function takeSteps(core: Core): Promise<void> {
  for (const step of [
    settleClock,
    deadlines,
    mend,
    startPlans,
    driveVm,
    deleteLeftovers,
    checkMerges,
    openPullRequests,
    expireLeases,
    returnMonth,
    drainOutbox,
    eraseOld,
    sendNotifications,
  ]) {
    try {
      await step(core)
    } catch (error) {
      log('reconcile.error', {
        workspace: requireWorkspace(core).name,
        step: step.name,
        ...errorFields(error),
      })
    }
  }
}

async function deadlines(core: Core): Promise<void> {
  const now = core.now()
  for (const { id } of core.store.watchedPlans()) {
    // Read again: a plan may have been resumed while the streams of the one before it were cut.
    const plan = core.store.plan(id)
    if (plan === null) continue
    const expired = commit(core, expire(plan, requireWorkspace(core).supervisor.lastHeardAtMs, now))
    // A plan paused because its VM is silent may still push what it has.
    if (expired?.status === 'paused') lookLater(core)
    else if (expired !== null) await revokeLeases(core, [plan.id])
    if (
      plan.status === 'cancelled' &&
      !plan.stoppedOnVm &&
      now - (plan.cancelledAtMs ?? now) >= CANCEL_CONFIRM_MS
    ) {
      core.store.savePlan({
        ...plan,
        stoppedOnVm: true,
        statusDetail:
          'Rights revoked. The VM did not confirm in 10 minutes that the process ended; nothing that process does can be pushed or spent.',
      })
      core.store.addEvent(plan.id, {
        atMs: now,
        type: 'unconfirmed',
        text: 'The VM did not confirm the stop in 10 minutes.',
      })
    }
  }
  const workspace = requireWorkspace(core)
  if (now >= (provisioningDeadlineMs(workspace) ?? Infinity))
    trouble(
      core,
      new VmTrouble(
        'vm_unavailable',
        `The VM was not ready after 30 minutes. Last: ${workspace.statusDetail}`,
      ),
    )
}

/** Gives free slots to queued plans, oldest first. */
async function startPlans(core: Core): Promise<void> {
  if (requireWorkspace(core).vm.step !== 'ready') return
  if (requireWorkspace(core).branch === null) await learnBranch(core)
  const workspace = requireWorkspace(core)
  const queued = core.store
    .plansByStatus('queued')
    // A plan without a base yet must not hold a slot that a plan with a base could use.
    .map((plan) => ({ ...plan, base: plan.base === '' ? (workspace.branch ?? '') : plan.base }))
    .filter(({ base }) => base !== '')
  const running = core.store.plansByStatus('running').length
  const { maxPlanHours } = core.settingsNow()
  const runLimitMs = Math.round(maxPlanHours * 3_600_000)
  for (const plan of plansToStart(queued, running, workspace.maxParallel, workspace.vm.canAddUsers))
    if (commit(core, start(plan, core.now(), runLimitMs)) !== null) tellVm(core)
}

async function driveVm(core: Core): Promise<void> {
  const workspace = requireWorkspace(core)
  if (!vmNeeded(core.store, workspace) || (workspace.retryAtMs !== null && workspace.retryAtMs > core.now()))
    return
  // Most alarms ask Orgo nothing; this check spares them a call to the Account object.
  if (workspace.vm.step === 'ready' && !isDue(core)) return
  // After a 429 no workspace calls Orgo before the time Orgo named.
  const paceMs = await core.account().canCall()
  if (paceMs > 0) return backOff(core, paceMs, null)
  const vms = core.orgo()
  const startedAtMs = core.now()
  try {
    for (let step = 0; step < MAX_STEPS; step++) {
      if (!vmNeeded(core.store, requireWorkspace(core))) return // removed, or in error, meanwhile
      const waitMs = await climb(core, vms)
      if (waitMs === null) break
      if (waitMs > 0) {
        core.store.changeWorkspace((record) => void (record.retryAtMs = core.now() + waitMs))
        return
      }
    }
    if (isDue(core)) await ring(core, vms)
  } catch (error) {
    await afterTrouble(core, vms, error, startedAtMs)
  }
}

const isDue = (core: Core): boolean =>
  (ringDueMs(core.store, requireWorkspace(core), core.now()) ?? Infinity) <= core.now()

/** Transient trouble is tried again, ever slower. Other trouble becomes the workspace's error and the plans' pause reason. */
async function afterTrouble(core: Core, vms: VmProvider, error: unknown, startedAtMs: number): Promise<void> {
  const { name, vm } = requireWorkspace(core)
  log('vm.trouble', { workspace: name, ...errorFields(error) })
  if (error instanceof VmTrouble) return trouble(core, error)
  if (!(error instanceof VmError)) return backOff(core, null, error)
  if (error.kind === 'permanent' && error.code !== 'missing')
    return trouble(core, new VmTrouble('orgo_refused', error.message))
  if (vm.step === 'ready' && vm.id !== null && (error.code === 'missing' || error.code === 'not_running')) {
    // The doorbell did not reach a machine that should run: start again from the step that asks what the machine is.
    const found = await vms.get(vm.id).catch(() => null)
    const status = found === null || found === 'missing' ? {} : { status: found.state }
    core.store.changeWorkspace((record) => Object.assign(record.vm, { step: 'known', ...status }))
  }
  if (error.code === 'rate_limited') await core.account().noteRateLimit(error.retryAfterMs ?? null)
  if (isOutage(error))
    core.store.changeWorkspace((record) => void (record.outageMs += core.now() - startedAtMs))
  backOff(core, error.retryAfterMs ?? null, error)
}

/** An outage: Orgo did not answer, or failed. The machine is not at fault. */
const isOutage = ({ code }: VmError): boolean => code === 'failed' || code === 'unknown_outcome'

function backOff(core: Core, waitMs: number | null, error: unknown): void {
  core.store.changeWorkspace((record) => {
    record.retries += 1
    const delayMs = waitMs ?? retryDelayMs(record.retries)
    record.retryAtMs = core.now() + delayMs
    if (error instanceof VmError && isOutage(error)) record.outageMs += delayMs
    if (record.status === 'provisioning' && error instanceof VmError) record.statusDetail = error.message
  })
}

function trouble(core: Core, error: VmTrouble): void {
  if (requireWorkspace(core).status === 'removed') return
  core.store.publishWorkspace((record) =>
    Object.assign(record, { status: 'error', statusDetail: error.message, retryAtMs: null, retries: 0 }),
  )
  lookLater(core)
  for (const plan of core.store.plansByStatus('queued', 'running'))
    commit(core, pause(plan, error.reason, `${error.message} Then call plan_resume.`, core.now()))
}
