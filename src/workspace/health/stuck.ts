// Finds open work that nothing will move on, which should never happen: every state has a deadline, a retry or an alarm that ends
// it. It reads only the object's own tables and calls no outside service.
import { settleClock } from '../core/clock.ts'
import { requireWorkspace } from '../core/core.ts'
import type { Core } from '../core/core.ts'
import { deadlineMs } from '../records/decisions.ts'
import { LEFTOVER_GIVE_UP_MS } from '../machine/leftovers.ts'
import { nextWakeMs, provisioningDeadlineMs, startable } from '../core/pace.ts'
import { isOpen } from '../records/records.ts'
import type { PlanRecord, WorkspaceRecord } from '../records/records.ts'
import type { Finding } from '../contract.ts'

const MINUTE_MS = 60_000
/** A running alarm has armed its watchdog one minute ahead. */
const LATE_ALARM_MS = 2 * MINUTE_MS
/** The platform sometimes rings late, and a step may take as long as its time-outs. */
const GRACE_MS = 10 * MINUTE_MS
const UNHEARD_MS = 15 * MINUTE_MS
/** Twice the slowest pace of anything open. */
const STILL_MS = 2 * 60 * MINUTE_MS
/** This many retries take some minutes. */
const OUTBOX_RETRIES = 6
const LEFTOVER_MS = 60 * MINUTE_MS
const REPORT = 'Please report it with its lines of npx wrangler tail: this must not happen.'

/** Returns what stands still, and wakes the object when it sleeps over open work. Throws NotFoundError. */
export async function findStuck(core: Core, name: string): Promise<Finding[]> {
  requireWorkspace(core, name)
  // Otherwise work that waits for a time left by a clock jump would seem fine.
  await settleClock(core)
  const workspace = requireWorkspace(core, name)
  const asleep = await lookAtAlarm(core, name)
  return [
    ...asleep,
    ...core.store.watchedPlans().flatMap((plan) => lookAtPlan(core, workspace, plan)),
    ...lookAtVm(core, workspace),
    ...lookAtLeases(core, workspace),
    ...lookAtLeftovers(core, workspace),
    ...lookAtOutbox(core, workspace),
    ...lookAtForeign(core, workspace),
  ]
}

async function lookAtAlarm(core: Core, name: string): Promise<Finding[]> {
  if ((await whyAsleep(core)) === null) return []
  // A call may be between its write and the alarm it sets for it.
  await core.nextChange(1_000)
  const why = await whyAsleep(core)
  if (why === null) return []
  await core.poke()
  const cure = `This check woke it; run npm run doctor again in a minute. ${REPORT}`
  return [stuck(`alarm of ${name}`, `It has work to do, and ${why}.`, cure)]
}

async function whyAsleep(core: Core): Promise<string | null> {
  const armedMs = await core.armedMs()
  const now = core.now()
  const dueMs = nextWakeMs(core.store, now)
  if (dueMs === null) return null
  if (armedMs === null) return 'no alarm is set'
  if (armedMs < now - GRACE_MS) return `its alarm should have rung ${minutes(now - armedMs)} ago`
  return armedMs > dueMs + LATE_ALARM_MS
    ? `its alarm is set only for ${minutes(armedMs - now)} from now`
    : null
}

function lookAtPlan(core: Core, workspace: WorkspaceRecord, plan: PlanRecord): Finding[] {
  const [check, now] = [`plans of ${workspace.name}`, core.now()]
  const deadline = deadlineMs(plan, workspace.supervisor.lastHeardAtMs)
  if (deadline !== null && now - deadline > GRACE_MS)
    return [
      stuck(
        check,
        plan.status === 'cancelled'
          ? `Plan ${plan.id} was cancelled, but the VM did not confirm the stop and the plan was not closed without it.`
          : `Plan ${plan.id} is still ${plan.status}, ${minutes(now - deadline)} after that should have ended.`,
        `Its rights are checked at every call, so it does no harm. ${REPORT}`,
      ),
    ]
  if (plan.status === 'running' && now - (plan.lastActivityAtMs ?? plan.createdAtMs) > STILL_MS)
    return [
      stuck(
        check,
        `Plan ${plan.id} has shown no sign of life for two hours.`,
        `plan_cancel and plan_resume start it anew from its last checkpoint. ${REPORT}`,
      ),
    ]
  const why = plan.status === 'queued' ? whyNotStarted(core, workspace, plan) : null
  return why === null ? [] : [stuck(check, `Plan ${plan.id} is queued, and ${why[0]}.`, why[1])]
}

function whyNotStarted(core: Core, workspace: WorkspaceRecord, plan: PlanRecord): [string, string] | null {
  const [{ store }, { name, gitRemote, status, branch }] = [core, workspace]
  // Reopened plans are older than their place in the queue.
  const newest = store.event(plan.id, store.newestEvent(plan.id))
  if (core.now() - (newest?.atMs ?? plan.createdAtMs) < GRACE_MS) return null
  if (status === 'error' || status === 'removed')
    return [
      `its workspace is ${status}: it will not be started`,
      `Correct what "vm of ${name}" names and call workspace_register with the same arguments, or plan_cancel.`,
    ]
  // It waits for a slot or for its machine.
  if (!startable(store, workspace)) return null
  return branch === null && plan.base === ''
    ? [
        `the default branch of ${new URL(gitRemote).host} cannot be read`,
        'Name it with workspace_update branch, or wait until the git host answers.',
      ]
    : ['a slot is free for it', `workspace_update with any value wakes the workspace. ${REPORT}`]
}

function lookAtVm(core: Core, workspace: WorkspaceRecord): Finding[] {
  const { name, vm, supervisor, status } = workspace
  const [check, now] = [`vm of ${name}`, core.now()]
  const deadline = provisioningDeadlineMs(workspace)
  if (deadline !== null && now - deadline > GRACE_MS)
    return [stuck(check, `It is still being prepared, ${minutes(now - deadline)} after its time.`, REPORT)]
  const waiting = core.store.watchedPlans().filter(({ onVm, status: at }) => onVm || isOpen(at)).length
  const silentMs = now - (supervisor.lastHeardAtMs ?? now)
  if (status !== 'ready' || waiting === 0 || silentMs < UNHEARD_MS) return []
  return [
    stuck(
      check,
      `It was not heard for ${minutes(silentMs)}, and ${waiting} ${waiting === 1 ? 'plan waits' : 'plans wait'} for it.`,
      `Look at computer ${vm.id ?? vm.name} in Orgo and restart it there. The runtime keeps ringing it. After two hours running plans are paused; they continue by themselves once it is back.`,
    ),
  ]
}

function lookAtLeases(core: Core, { name, gitRemote }: WorkspaceRecord): Finding[] {
  const late = core.store.leases().filter(({ deadlineMs: at }) => core.now() - at > GRACE_MS)
  return late.map(({ kind, plan, deadlineMs: at }) =>
    kind === 'git_push'
      ? stuck(
          `pushes of ${name}`,
          `The outcome of a push of plan ${plan} is unknown for ${minutes(core.now() - at)}: ${new URL(gitRemote).host} cannot be asked.`,
          `See "git of ${name}" above; it is asked again every few seconds.`,
        )
      : stuck(`rights of ${name}`, `A right of kind ${kind} has outlived its time.`, REPORT),
  )
}

function lookAtLeftovers(core: Core, { name, leftovers }: WorkspaceRecord): Finding[] {
  return leftovers
    .filter(({ id, untilMs }) => id !== null && core.now() - (untilMs - LEFTOVER_GIVE_UP_MS) > LEFTOVER_MS)
    .map(({ id, name: machine }) =>
      stuck(
        `vm of ${name}`,
        `Computer ${id} (${machine}) is no longer needed and could not be deleted yet. It may cost money.`,
        'Delete it in Orgo. The runtime tries every 30 s for an hour, then hourly for a month.',
      ),
    )
}

function lookAtOutbox(core: Core, { name, outboxRetries }: WorkspaceRecord): Finding[] {
  if (core.store.outboxIsEmpty() || outboxRetries < OUTBOX_RETRIES) return []
  return [
    stuck(
      `history of ${name}`,
      `Its history does not reach D1 (tried ${outboxRetries} times).`,
      'See the D1 finding above. Nothing is lost; the history is written when D1 answers.',
    ),
  ]
}

function lookAtForeign(core: Core, { name }: WorkspaceRecord): Finding[] {
  const count = core.store.foreign()
  if (count === 0) return []
  return [
    stuck(
      `version of ${name}`,
      `${count} ${count === 1 ? 'thing in it is' : 'things in it are'} written by a newer version of this runtime and ${count === 1 ? 'waits' : 'wait'} for it.`,
      'Deploy that version again (git pull && npm run deploy).',
    ),
  ]
}

function stuck(check: string, detail: string, cure: string): Finding {
  return { check, ok: false, detail, cure }
}

const minutes = (ms: number): string => `${Math.round(ms / MINUTE_MS)} minutes`
