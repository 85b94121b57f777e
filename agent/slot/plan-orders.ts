// Pure conversions of a plan's record: to the orders its process starts with, and to the report the Worker receives.
import { MAX_EVENTS_PER_SYNC } from '../../src/shared/protocol.ts'
import type { DesiredPlan, ObservedPlan } from '../../src/shared/protocol.ts'
import type { Config } from '../machine/config.ts'
import { checkoutDir, mirrorDir } from '../machine/paths.ts'
import type { Paths } from '../machine/paths.ts'
import { Orders } from '../machine/plan-pipe.ts'
import type { Start } from '../machine/plan-pipe.ts'
import type { PlanRecord } from './records.ts'

export interface ToStartInput {
  mode: Start['mode']
  desired: DesiredPlan
  text: string
  token: string
  paths: Paths
  config: Config
}

export function toStart({ mode, desired, text, token, paths, config }: ToStartInput): Start {
  return {
    ...Orders.parse(desired),
    kind: 'start',
    mode,
    text,
    token,
    url: config.url,
    workspace: config.workspace,
    checkout: checkoutDir(paths, desired.id),
    mirror: mirrorDir(paths),
  }
}

export function newRecord(desired: DesiredPlan): PlanRecord {
  const { id, attempt } = desired
  return { id, attempt, desired, activity: 0, messagesTaken: 0, nextEventN: 1, droppedEvents: 0, events: [] }
}

export function startAttempt(record: PlanRecord, attempt: number): void {
  Object.assign(record, { attempt, nextEventN: 1, droppedEvents: 0, events: [] })
  delete record.end
  delete record.proof
  delete record.proofs
  delete record.baselines
  delete record.crashes
  delete record.lastError
  delete record.phase
}

export function toObserved(record: PlanRecord, isRunning: boolean): ObservedPlan {
  const { id, attempt, activity, messagesTaken, phase, end } = record
  return {
    id,
    attempt,
    activity,
    messagesTaken,
    status: end !== undefined ? 'ended' : isRunning ? 'running' : 'waiting',
    events: record.events.slice(0, MAX_EVENTS_PER_SYNC),
    ...(phase === undefined ? {} : { phase }),
    ...(end === undefined ? {} : { end }),
  }
}
