// Finds what stands still: an object that sleeps over open work, a lease past its time, a computer that could not be deleted, and
// what a newer version left. Every other wait has a deadline that the alarm acts on, so an object whose alarm rings needs no more
// than this. Reads only the object's own tables.
import { settleClock } from '../core/clock.ts'
import { requireWorkspace } from '../core/core.ts'
import type { Core } from '../core/core.ts'
import { LEFTOVER_GIVE_UP_MS } from '../machine/leftovers.ts'
import { nextWakeMs } from '../core/next-wake.ts'
import type { WorkspaceRecord } from '../records/records.ts'
import { wrong } from '../../lib/finding.ts'
import type { Finding } from '../../lib/finding.ts'

const MINUTE_MS = 60_000
/** A running alarm has armed its watchdog one minute ahead. */
const LATE_ALARM_MS = 2 * MINUTE_MS
/** The platform sometimes rings late, and a step may take as long as its time-outs. */
const GRACE_MS = 10 * MINUTE_MS
const LEFTOVER_MS = 60 * MINUTE_MS
const REPORT = 'Please report it with its lines of npx wrangler tail: this must not happen.'

/** Returns what stands still, and wakes the object when it sleeps over open work. Throws NotFoundError. */
export async function findStuck(core: Core, name: string): Promise<Finding[]> {
  requireWorkspace(core, name)
  // Without this, work that waits for a time made by a jump of the clock would seem well.
  await settleClock(core)
  const workspace = requireWorkspace(core, name)
  return [
    ...(await lookAtAlarm(core, name)),
    ...lookAtLeases(core, workspace),
    ...lookAtLeftovers(core, workspace),
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
  const cure = `This check has woken it; run npm run doctor again in a minute. ${REPORT}`
  return [wrong(`alarm of ${name}`, `It has work to do, and ${why}.`, cure)]
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

function lookAtLeases(core: Core, { name, gitRemote }: WorkspaceRecord): Finding[] {
  const late = core.store.leases().filter(({ deadlineMs: at }) => core.now() - at > GRACE_MS)
  return late.map(({ kind, plan, deadlineMs: at }) =>
    kind === 'git_push'
      ? wrong(
          `pushes of ${name}`,
          `The outcome of a push of plan ${plan} is unknown for ${minutes(core.now() - at)}: ${new URL(gitRemote).host} cannot be asked.`,
          `See "git of ${name}" above; it is asked again every few seconds.`,
        )
      : wrong(`rights of ${name}`, `A right of kind ${kind} has outlived its time.`, REPORT),
  )
}

function lookAtLeftovers(core: Core, { name, leftovers }: WorkspaceRecord): Finding[] {
  return leftovers
    .filter(({ id, untilMs }) => id !== null && core.now() - (untilMs - LEFTOVER_GIVE_UP_MS) > LEFTOVER_MS)
    .map(({ id, name: machine }) =>
      wrong(
        `vm of ${name}`,
        `Computer ${id} (${machine}) is no longer needed and could not be deleted yet. It may cost money.`,
        'Delete it in Orgo. The runtime tries every 30 s for an hour, then hourly for a month.',
      ),
    )
}

function lookAtForeign(core: Core, { name }: WorkspaceRecord): Finding[] {
  const count = core.store.foreign()
  if (count === 0) return []
  return [
    wrong(
      `version of ${name}`,
      `${count} ${count === 1 ? 'thing in it is' : 'things in it are'} written by a newer version of this runtime and ${count === 1 ? 'waits' : 'wait'} for it.`,
      'Deploy that version again (git pull && npm run deploy).',
    ),
  ]
}

const minutes = (ms: number): string => `${Math.round(ms / MINUTE_MS)} minutes`
