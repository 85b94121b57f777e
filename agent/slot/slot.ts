// The slot of one plan: it brings the plan's process, record and user to the state that the Worker wants, one step at a time.
// settle() runs the next step and is called after every change. Each step first checks what is already done.
import { setTimeout as sleep } from 'node:timers/promises'
import type { AttemptEnd, DesiredPlan, ObservedPlan } from '../../src/shared/protocol.ts'
import type { FromPlan, Start } from '../machine/plan-pipe.ts'
import { acknowledge, addEvent, closeEvents } from './plan-events.ts'
import { startPlanProcess } from './plan-process.ts'
import type { PlanProcess } from './plan-process.ts'
import { checkedEnd } from './checked-end.ts'
import { countCrash, describeCrashes, diedTooOften, forgetCrashes } from './crashes.ts'
import { createSlotProof } from './lead-proof.ts'
import { baseHeadOf, dropCheckpoint } from './proof-commits.ts'
import type { ProofHost } from './lead-proof.ts'
import { startAttempt, toObserved, toStart } from './plan-orders.ts'
import { dropRecord, loadText, saveRecord } from './records.ts'
import type { PlanRecord } from './records.ts'
import { ensureUser, findUser, killPlan, removeUser } from '../users/users.ts'
import type { PlanUser } from '../users/users.ts'
import { NO_WORK } from '../git/work-summary.ts'
import { toBaseChecks } from '../proof/baseline.ts'

/** What a slot needs from the supervisor. */
export interface SlotHost extends ProofHost {
  /** True when one more plan process may start now. */
  hasRoom(): boolean
  /**
   * True when the mirror is fresh enough to start from: it shows what the remote had at this time or later. Otherwise it starts a fetch
   * and settles all slots afterwards.
   */
  mirrorReady(sinceMs: number): boolean
  /** Called when there is something to report: urgent asks for a sync soon, else it goes with the next one. */
  changed(urgent: boolean): void
  forgotten(id: string): void
}

export interface Slot {
  record: PlanRecord
  want(desired: DesiredPlan): void
  settle(): void
  observed(): ObservedPlan
  isBusy(): boolean
  lacksText(): boolean
}

/** A plan's process, and what it was last told. */
interface Running {
  process: PlanProcess
  user: PlanUser
  token: string
  messages: number
}

const STOP_TIMEOUT_MS = 30_000
const RETRY_AFTER_STOP_MS = 5_000

export function createSlot(host: SlotHost, record: PlanRecord): Slot {
  const { paths } = host
  const sandbox = host.sandbox === null ? null : { kind: host.sandbox, paths }
  let current: Running | null = null
  /** An earlier attempt's process. Its messages are ignored, and it is killed before the next step. */
  let stale: Running | null = null
  let token: string | null = record.desired.planToken ?? null
  /** Its base may have been pushed just before the attempt was ordered. */
  let learnedAtMs = Date.now()
  let notBeforeMs = 0
  let steps: Promise<void> = Promise.resolve()

  const log = (what: string) => console.error(`plan ${record.id}: ${what}`)
  const save = () => saveRecord(paths, record)
  const text = () => loadText(paths, record.id, record.desired.textSha256)

  const finish = (claim: AttemptEnd) => {
    record.end = checkedEnd(record, claim)
    closeEvents(record, Date.now())
    save()
    host.changed(true)
  }

  const onPlanMessage = (message: FromPlan) => {
    record.activity++
    if (message.kind === 'activity') return
    if (message.kind === 'progress') {
      if (forgetCrashes(record)) save()
      return
    }
    if (record.end !== undefined) return
    if (message.kind === 'event') {
      if (message.text.startsWith('The agent failed: ')) record.lastError = message.text
      addEvent(record, message, Date.now())
    } else if (message.kind === 'phase') record.phase = message.phase
    else if (message.kind === 'taken') record.messagesTaken = Math.max(record.messagesTaken, message.n)
    else if (message.kind === 'prove') {
      const asker = current
      proof.ask(message, (verdict) => asker?.process.send({ kind: 'verdict', head: message.head, verdict }))
      return
    } else if (message.kind === 'baseline') {
      const asker = current
      proof.baseline(message.base, (found) =>
        asker?.process.send({
          kind: 'baseline',
          base: message.base,
          found: found === null ? null : toBaseChecks(found),
        }),
      )
      return
    } else {
      // The gateway revoked the plan's token while the Worker still wants it to run. Wait before the next start.
      if (message.end.kind === 'stopped') notBeforeMs = Date.now() + RETRY_AFTER_STOP_MS
      finish(message.end)
      settle()
      return
    }
    save()
    host.changed(message.kind === 'phase')
  }

  const proof = createSlotProof({
    host,
    record,
    text,
    token: () => token,
    save,
    onPlanMessage: (message) => onPlanMessage(message),
  })

  const startOf = (mode: Start['mode']): Start =>
    toStart({
      mode,
      desired: record.desired,
      text: text() ?? '',
      token: token ?? '',
      paths,
      config: host.config(),
    })

  const startWork = async () => {
    const user = await ensureUser(paths, record.id, host.mayAddUsers)
    // Kill what an earlier process of this plan left running before the next one begins.
    await killPlan(user, record.id)
    record.baseHead ??= await baseHeadOf(paths, record.desired.base)
    const { attempt } = record
    const started = startPlanProcess({
      bundle: paths.bundle,
      user,
      start: startOf('work'),
      sandbox,
      onMessage: (message) => {
        if (current?.process === started) onPlanMessage(message)
        // It is being ended, and wrote this before it died.
        else if (message.kind === 'event' && record.attempt === attempt) onPlanMessage(message)
      },
      onExit: (how) => {
        if (current?.process !== started) return
        current = null
        proof.stop().catch((error: unknown) => log(`its proof could not be ended: ${String(error)}`))
        if (record.end === undefined) crashed(how)
        settle()
      },
    })
    current = { process: started, user, token: token ?? '', messages: record.desired.messages.length }
  }

  /** Only a tool's result or a new commit sets the count back: a reply of the model costs money and changes nothing. */
  const crashed = (how: string) => {
    const waitMs = countCrash(record, how)
    notBeforeMs = Date.now() + waitMs
    setTimeout(settle, waitMs).unref()
    addEvent(
      record,
      {
        kind: 'event',
        type: 'error',
        text: `The plan's process died (${how}); it is started again in ${waitMs / 1_000} s.`,
      },
      Date.now(),
    )
    save()
  }

  /** Ends every process of the plan, commits its work, and records the end that toEnd() makes of it. */
  const halt = async (toEnd: (stopped: Extract<AttemptEnd, { kind: 'stopped' }>) => AttemptEnd) => {
    const running = current
    current = null
    await Promise.all([running?.process.kill(), proof.stop()])
    const user = findUser(paths, record.id, host.mayAddUsers)
    let end: AttemptEnd = { kind: 'stopped', work: NO_WORK }
    if (user !== null) {
      await killPlan(user, record.id)
      end = (await lastWords(user)) ?? end
      await killPlan(user, record.id)
    }
    finish(end.kind === 'stopped' ? toEnd(end) : end)
  }

  const lastWords = async (user: PlanUser): Promise<AttemptEnd | null> => {
    const said = Promise.withResolvers<AttemptEnd | null>()
    const onMessage = (message: FromPlan) => {
      if (message.kind === 'end') said.resolve(message.end)
      // For instance what is not on the branch and stays on this machine.
      else if (message.kind === 'event') onPlanMessage(message)
    }
    const stopping = startPlanProcess({
      bundle: paths.bundle,
      user,
      start: startOf('stop'),
      sandbox,
      onMessage,
      onExit: () => said.resolve(null),
    })
    const end = await Promise.race([said.promise, sleep(STOP_TIMEOUT_MS, null, { ref: false })])
    await stopping.kill()
    return end
  }

  const step = async () => {
    const { desired } = record
    if (stale !== null) await endProcess(stale)
    stale = null
    if (desired.want === 'forget') return forget()
    if (desired.want === 'stop') return record.end === undefined ? halt((end) => end) : killLeftovers()
    if (record.end?.kind === 'stopped' || record.end === undefined) return work()
    return killLeftovers()
  }

  const work = async () => {
    if (!diedTooOften(record) && Date.now() < notBeforeMs) return
    delete record.end
    if (current !== null) return passOn(current)
    if (diedTooOften(record))
      return halt(({ work: done }) => ({ kind: 'failed', error: describeCrashes(record), work: done }))
    if (token === null || text() === null) return
    if (host.hasRoom() && host.mirrorReady(learnedAtMs)) await startWork()
  }

  const passOn = (running: Running) => {
    if (token !== null && token !== running.token) {
      running.process.send({ kind: 'token', token })
      proof.renew(token)
    }
    for (const message of record.desired.messages.slice(running.messages))
      running.process.send({ kind: 'message', message })
    running.token = token ?? running.token
    running.messages = record.desired.messages.length
  }

  const killLeftovers = async () => {
    const running = current
    current = null
    if (running !== null) await endProcess(running)
  }

  /** A process whose sandbox is still starting is not the user's yet, so it is killed itself before all that is the user's. */
  const endProcess = async ({ process, user }: Running) => {
    await Promise.all([process.kill(), proof.stop()])
    await killPlan(user, record.id)
  }

  const forget = async () => {
    const running = current
    current = null
    await Promise.all([running?.process.kill(), proof.stop()])
    const user = findUser(paths, record.id, host.mayAddUsers)
    if (user !== null)
      await (record.desired.removeCheckout ? removeUser(paths, record.id, user) : killPlan(user, record.id))
    await dropCheckpoint(paths, record.id)
    dropRecord(paths, record.id)
    host.forgotten(record.id)
  }

  function settle(): void {
    steps = steps.then(step).catch((error: unknown) => {
      log(String(error))
      notBeforeMs = Date.now() + 5_000
      setTimeout(settle, 5_000).unref()
    })
  }

  return {
    record,
    want(desired) {
      if (desired.attempt < record.attempt) return
      if (desired.attempt > record.attempt) {
        stale = current ?? stale
        current = null
        learnedAtMs = Date.now()
        notBeforeMs = 0
        startAttempt(record, desired.attempt)
      }
      record.desired = desired
      if (desired.want === 'run') token = desired.planToken ?? token
      acknowledge(record, desired.ackedEvent)
      save()
      settle()
    },
    settle,
    observed: () => toObserved(record, current !== null),
    isBusy: () => current !== null,
    lacksText: () => record.desired.want === 'run' && record.desired.textSha256 !== '' && text() === null,
  }
}
