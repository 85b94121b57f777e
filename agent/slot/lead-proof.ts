// Leads the proof of a plan's work. The plan's process asks for it; the supervisor fetches the head into the mirror, makes a user,
// runs the prover and saves the result. Only that saved result makes an attempt verified; what the plan claims itself does not.
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { AttemptEnd } from '../../src/shared/protocol.ts'
import type { Config } from '../machine/config.ts'
import { mirrorDir } from '../machine/paths.ts'
import type { Paths } from '../machine/paths.ts'
import { readLines, writeLine } from '../machine/plan-pipe.ts'
import type { FromPlan, Verdict } from '../machine/plan-pipe.ts'
import { startAgent } from './plan-process.ts'
import { FromProver } from '../machine/prover-pipe.ts'
import type { ProofOrder, ProofReport } from '../machine/prover-pipe.ts'
import { makeProver, removeProver } from '../users/prover-user.ts'
import { run } from '../machine/process.ts'
import type { PlanRecord } from './records.ts'

export interface ProofHost {
  paths: Paths
  config(): Config
  mayAddUsers: boolean
  /** Fetches the mirror from the remote. Resolves to the error text, or null on success. */
  refreshMirror: () => Promise<string | null>
}

export interface SlotProofInput {
  host: ProofHost
  record: PlanRecord
  text: () => string | null
  token: () => string | null
  save: () => void
  /** Receives a line of history, or a sign that the prover still works. */
  onPlanMessage: (message: Extract<FromPlan, { kind: 'event' | 'activity' }>) => void
}

export interface SlotProof {
  /** Proves one head at a time. The same head asked again, for instance after a crash, gets the saved answer. */
  ask(request: Extract<FromPlan, { kind: 'prove' }>, answer: (verdict: Verdict) => void): void
  renew(token: string): void
  /** Ends a running proof. When the promise resolves, no process or user of it is left. */
  stop(): Promise<void>
}

const MAX_PROOFS = 8
const MAX_TRIES = 3
const MIRROR_TRIES = 4
const MIRROR_PAUSE_MS = 1_500
const GIT_TIMEOUT_MS = 30_000
const UNPROVEN: Verdict = {
  kind: 'accepted',
  outcome: 'unverified',
  reasons: ['proof_missing'],
  proof: 'none',
  checks: [],
}

export function createSlotProof(input: SlotProofInput): SlotProof {
  const { host, record, save, onPlanMessage } = input
  const { paths } = host
  let child: ReturnType<typeof startProver> | null = null
  /** Grows with each stop. The result of a proof that began in an earlier era is ignored. */
  let era = 0
  /** The last proof's end. stop() waits for it before it removes the prover's user. */
  let leading: Promise<unknown> = Promise.resolve()
  const tell = (text: string) => onPlanMessage({ kind: 'event', type: 'error', text: text.slice(0, 1_900) })

  const prove = async (
    request: Extract<FromPlan, { kind: 'prove' }>,
    mine: number,
  ): Promise<Verdict | null> => {
    if (record.proof?.head === request.head) return record.proof.verdict
    if ((record.proofs ?? 0) >= MAX_PROOFS) return UNPROVEN
    record.proofs = (record.proofs ?? 0) + 1
    save()
    const missing = await fetchHead(host, request.head)
    if (mine !== era) return null
    if (missing !== null) {
      tell(`The pushed head could not be fetched for its proof: ${missing}`)
      return UNPROVEN
    }
    let problem: unknown = 'its process ended without a report'
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const once = proveOnce(request, mine).catch((error: unknown) => {
        problem = error
        return null
      })
      leading = once
      const report = await once
      if (mine !== era) return null
      if (report === null) continue
      if (report.verdict.kind === 'accepted' || report.verdict.kind === 'rejected') {
        record.proof = { ...report, head: request.head }
        save()
      }
      return report.verdict
    }
    tell(`The proof came to no end in ${MAX_TRIES} tries: ${String(problem)}`)
    return UNPROVEN
  }

  const proveOnce = async (
    { head, summary }: Extract<FromPlan, { kind: 'prove' }>,
    mine: number,
  ): Promise<ProofReport | null> => {
    const { id, desired } = record
    const user = await makeProver(paths, id, host.mayAddUsers)
    const logs = join(paths.ralph, 'proofs', id)
    rmSync(logs, { recursive: true, force: true })
    mkdirSync(logs, { recursive: true, mode: 0o700 })
    try {
      const order: ProofOrder = {
        kind: 'order',
        id,
        attempt: record.attempt,
        text: input.text() ?? '',
        messages: desired.messages.map(({ text }) => text),
        summary,
        head,
        branch: desired.branch,
        baseHead: (await baseHeadOf(paths, desired.base)) ?? record.baseHead ?? null,
        ...(desired.setup === undefined ? {} : { setup: desired.setup }),
        checks: desired.checks,
        model: desired.model,
        effort: desired.effort,
        token: input.token() ?? '',
        url: host.config().url,
        mirror: mirrorDir(paths),
        user,
        logs,
      }
      // stop() was called while the user was being made. It found no process to end, so none may be started now.
      if (mine !== era) return null
      child = startProver(paths.bundle, order, onPlanMessage)
      return await child.report
    } finally {
      child = null
      await removeProver(paths, id, host.mayAddUsers)
    }
  }

  let asked: Promise<unknown> = Promise.resolve()
  return {
    ask(request, answer) {
      const mine = era
      asked = asked
        .then(() => (mine === era ? prove(request, mine) : null))
        .catch((error: unknown) => {
          tell(`The proof failed with an error: ${String(error)}`)
          return UNPROVEN
        })
        .then((verdict) => verdict !== null && mine === era && answer(verdict))
    },
    renew: (token) => child?.renew(token),
    async stop() {
      era++
      child?.kill()
      await leading
      await removeProver(paths, record.id, host.mayAddUsers)
    },
  }
}

function startProver(bundle: string, order: ProofOrder, onPlanMessage: SlotProofInput['onPlanMessage']) {
  const child = startAgent(bundle, 'prove', { cwd: '/', env: { HOME: order.logs } })
  const said = Promise.withResolvers<ProofReport | null>()
  readLines(child.stdout, FromProver, (message) => {
    if (message.kind === 'report') said.resolve(message.report)
    else onPlanMessage(message)
  })
  child.once('error', () => said.resolve(null))
  child.once('close', () => said.resolve(null))
  writeLine(child.stdin, order)
  return {
    report: said.promise.finally(() => child.kill('SIGKILL')),
    renew: (token: string) => writeLine(child.stdin, { kind: 'token', token }),
    kill: () => child.kill('SIGKILL'),
  }
}

/** Fetches until the mirror holds the commit. Returns null when it does, else the error text. */
async function fetchHead({ paths, refreshMirror }: ProofHost, head: string): Promise<string | null> {
  let problem: string | null = null
  for (let tries = 0; tries < MIRROR_TRIES; tries++) {
    problem = await refreshMirror()
    const found = await gitInMirror(paths, ['cat-file', '-e', `${head}^{commit}`])
    if (found.code === 0) return null
    await sleep(MIRROR_PAUSE_MS * 2 ** tries)
  }
  return problem ?? `${head} is not on the remote`
}

/** Returns the commit of a remote branch as the mirror last saw it; null when the branch does not exist. */
export async function baseHeadOf(paths: Paths, branch: string): Promise<string | null> {
  const commit = `refs/heads/${branch}^{commit}`
  const found = await gitInMirror(paths, ['rev-parse', '--verify', '--quiet', commit])
  return found.code === 0 ? found.stdout.trim() : null
}

/** Runs git in the mirror as root, which is safe because only root writes to the mirror. */
const gitInMirror = (paths: Paths, args: string[]) =>
  run('git', ['-C', mirrorDir(paths), ...args], {
    env: { PATH: process.env['PATH'], HOME: paths.ralph, GIT_CONFIG_NOSYSTEM: '1', LC_ALL: 'C' },
    timeoutMs: GIT_TIMEOUT_MS,
  })

/** Returns the end with the outcome from our own record. The outcome that the plan's process claims is not trusted. */
export function checkedEnd(record: PlanRecord, end: AttemptEnd): AttemptEnd {
  if (end.kind !== 'completed') return end
  const { proof } = record
  const isProven = proof !== undefined && proof.head === end.work.head
  if (!isProven)
    return {
      ...end,
      outcome: 'unverified',
      proof: end.proof === 'none' ? 'none' : 'in_place',
      reasons: end.reasons.length > 0 ? end.reasons : ['proof_missing'],
    }
  const { verdict, work } = proof
  if (verdict.kind !== 'accepted' && verdict.kind !== 'rejected') return { ...end, outcome: 'unverified' }
  return {
    ...end,
    outcome: verdict.kind === 'accepted' ? verdict.outcome : 'unverified',
    reasons: verdict.reasons,
    proof: verdict.proof,
    work,
  }
}
