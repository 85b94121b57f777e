// Saves and loads what the supervisor must remember over a restart: a counter, the newest applied revision, one record per plan.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { AttemptEnd, DesiredPlan, EventLine, ObjectId, PlanId } from '../../src/shared/protocol.ts'
import { Phase } from '../../src/shared/words.ts'
import { readIfPresent, readJson, writeDurably } from '../machine/durable.ts'
import type { Paths } from '../machine/paths.ts'
import { ProofReport } from '../machine/prover-pipe.ts'
import { isDiskFull } from '../machine/reserve.ts'

const SupervisorState = z.object({
  counter: z.int(),
  revision: z.int(),
  nonce: z.string(),
  /** SHA-256 of the VM key that the revision belongs to. A new bootstrap has a new key, and its revisions start again. */
  keySha256: z.string(),
})
export type SupervisorState = z.infer<typeof SupervisorState>

const PlanRecord = z.object({
  id: PlanId,
  attempt: z.int(),
  /** What the Worker last wanted. It is saved without the plan token, which stays in memory only. */
  desired: DesiredPlan,
  phase: Phase.optional(),
  activity: z.int(),
  messagesTaken: z.int(),
  nextEventN: z.int(),
  droppedEvents: z.int(),
  /** Events that the Worker has not acknowledged yet. */
  events: z.array(EventLine),
  end: AttemptEnd.optional(),
  /** What the prover found about one head of this attempt. Only this makes an end verified. */
  proof: ProofReport.extend({
    head: ObjectId,
    /** The version before wrote none, and no finish has the number 0. */
    n: z.int().default(0),
  }).optional(),
  /** Number of proofs begun in this attempt. */
  proofs: z.int().optional(),
  /** Number of baselines that were measured because the plan's process asked. */
  baselines: z.int().optional(),
  /** How often the plan's process died in a row, and what it last said of its own failure, often git's words. */
  crashes: z.int().optional(),
  lastError: z.string().optional(),
  /** Commit of the base branch when the work first began. It is kept because the branch may be deleted meanwhile. */
  baseHead: ObjectId.nullable().optional(),
})
export type PlanRecord = z.infer<typeof PlanRecord>

const stateFile = ({ ralph }: Paths): string => join(ralph, 'state.json')
const recordFile = ({ ralph }: Paths, id: string): string => join(ralph, 'plans', `${id}.json`)
const textFile = ({ ralph }: Paths, id: string): string => join(ralph, 'plans', `${id}.txt`)

export function loadState(paths: Paths, vmKey: string): SupervisorState {
  const keySha256 = createHash('sha256').update(vmKey).digest('hex')
  const known = SupervisorState.safeParse(readJson(stateFile(paths)))
  const fresh = { counter: 0, revision: 0, nonce: '', keySha256 }
  if (!known.success) return fresh
  return known.data.keySha256 === keySha256 ? known.data : { ...fresh, counter: known.data.counter }
}

export function saveState(paths: Paths, state: SupervisorState): void {
  save(stateFile(paths), JSON.stringify(state))
}

/** Returns the last saved counter, for a doorbell call while no supervisor runs. */
export function savedCounter(paths: Paths): number {
  return SupervisorState.safeParse(readJson(stateFile(paths))).data?.counter ?? 0
}

export function loadRecords(paths: Paths): PlanRecord[] {
  const folder = join(paths.ralph, 'plans')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .flatMap((name) => {
      const record = PlanRecord.safeParse(readJson(join(folder, name)))
      return record.success ? [record.data] : []
    })
}

export function saveRecord(paths: Paths, record: PlanRecord): void {
  const { planToken: _secret, ...desired } = record.desired
  save(recordFile(paths, record.id), JSON.stringify({ ...record, desired }))
}

/** Writes the file. On a full disk it only logs, so that the supervisor lives on and can report the full disk to the Worker. */
function save(file: string, content: string): void {
  try {
    writeDurably(file, content)
  } catch (error) {
    if (!isDiskFull(error)) throw error
    console.error(`${file} could not be written: the disk is full.`)
  }
}

export function dropRecord(paths: Paths, id: string): void {
  rmSync(recordFile(paths, id), { force: true })
  rmSync(textFile(paths, id), { force: true })
}

export function saveText(paths: Paths, id: string, text: string): void {
  writeDurably(textFile(paths, id), text)
}

/** Returns the plan's text; null when it is missing or its SHA-256 does not match. */
export function loadText(paths: Paths, id: string, sha256: string): string | null {
  if (!existsSync(textFile(paths, id))) return null
  const text = readIfPresent(textFile(paths, id)) ?? ''
  return textSha256(text) === sha256 ? text : null
}

export const textSha256 = (text: string): string => createHash('sha256').update(text, 'utf8').digest('hex')
