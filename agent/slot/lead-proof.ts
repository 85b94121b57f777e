// The proof of a plan's work, seen from its slot: the plan's process asks, the supervisor sees to the mirror, the user and the
// prover, keeps the answer on disk, and alone says what a finished attempt came to. What a plan claims about itself is not asked.
import { spawn } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { AttemptEnd } from '../../src/shared/protocol.ts'
import type { Config } from '../machine/config.ts'
import { mirrorDir } from '../machine/paths.ts'
import type { Paths } from '../machine/paths.ts'
import { readLines, writeLine } from '../machine/plan-pipe.ts'
import type { FromPlan, Verdict } from '../machine/plan-pipe.ts'
import { PASSED_ON, SYSTEM_PATH } from './plan-process.ts'
import { FromProver } from '../machine/prover-pipe.ts'
import type { ProofOrder, ProofReport } from '../machine/prover-pipe.ts'
import { makeProver, removeProver } from '../users/prover-user.ts'
import { run } from '../machine/process.ts'
import type { PlanRecord } from './records.ts'
import type { PlanUser } from '../users/users.ts'

export interface ProofHost {
  paths: Paths
  config(): Config
  mayAddUsers: boolean
  /** Brings the mirror up to date; resolves to what went wrong, null when nothing did. */
  refreshMirror: () => Promise<string | null>
}

export interface SlotProofInput {
  host: ProofHost
  record: PlanRecord
  text: () => string | null
  token: () => string | null
  save: () => void
  /** A line of history, or a sign of life. */
  hear: (message: Extract<FromPlan, { kind: 'event' | 'activity' }>) => void
}

export interface SlotProof {
  /** One at a time; the same head asked again after a crash gets the same answer. */
  ask(request: Extract<FromPlan, { kind: 'prove' }>, answer: (verdict: Verdict) => void): void
  renew(token: string): void
  /** Ends a proof that runs; nothing of it is left when it resolves. */
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
  const { host, record, save, hear } = input
  const { paths } = host
  let child: ReturnType<typeof startProver> | null = null
  /** Grows with each stop: a proof begun before it is not listened to. */
  let era = 0
  /** One after the other, so that no proof takes the user away under another. */
  let leading: Promise<unknown> = Promise.resolve()
  const tell = (text: string) => hear({ kind: 'event', type: 'error', text: text.slice(0, 1_900) })

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
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const once = proveOnce(request, mine)
      leading = once.catch(() => {})
      const report = await once
      if (mine !== era) return null
      if (report === null) continue
      if (report.verdict.kind === 'accepted' || report.verdict.kind === 'rejected') {
        record.proof = { ...report, head: request.head }
        save()
      }
      return report.verdict
    }
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
      // Stopped while its user was being made: nobody would end a prover started now, and the stop waits for us.
      if (mine !== era) return null
      child = startProver(paths.bundle, user, order, hear)
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
          tell(`The proof could not be led: ${String(error)}`)
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

function startProver(bundle: string, user: PlanUser, order: ProofOrder, hear: SlotProofInput['hear']) {
  const env: NodeJS.ProcessEnv = {
    HOME: order.logs,
    LANG: 'C.UTF-8',
    PATH: process.env['PATH'] ?? SYSTEM_PATH,
  }
  for (const name of PASSED_ON) if (process.env[name] !== undefined) env[name] = process.env[name]
  const child = spawn(process.execPath, [bundle, 'prove'], {
    cwd: '/',
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  })
  const said = Promise.withResolvers<ProofReport | null>()
  child.stdin.on('error', () => {}) // it has died: close tells
  readLines(child.stdout, FromProver, (message) => {
    if (message.kind === 'report') said.resolve(message.report)
    else hear(message)
  })
  child.once('error', () => said.resolve(null))
  child.once('close', () => said.resolve(null))
  writeLine(child.stdin, order)
  return {
    report: said.promise.finally(() => child.kill('SIGKILL')),
    renew: (token: string) => writeLine(child.stdin, { kind: 'token', token }),
    kill: () => child.kill('SIGKILL'),
    user,
  }
}

/** null: the mirror has it. */
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

/** Where a branch stands on the remote, as the mirror last saw it; null: it does not exist. */
export async function baseHeadOf(paths: Paths, branch: string): Promise<string | null> {
  const found = await gitInMirror(paths, [
    'rev-parse',
    '--verify',
    '--quiet',
    `refs/heads/${branch}^{commit}`,
  ])
  return found.code === 0 ? found.stdout.trim() : null
}

/** Root's own repository: nobody else writes it. */
const gitInMirror = (paths: Paths, args: string[]) =>
  run('git', ['-C', mirrorDir(paths), ...args], {
    env: { PATH: process.env['PATH'], HOME: paths.ralph, GIT_CONFIG_NOSYSTEM: '1', LC_ALL: 'C' },
    timeoutMs: GIT_TIMEOUT_MS,
  })

/** What an end came to, by our own record: a claim of the plan's process counts for nothing beyond its words. */
export function judgeEnd(record: PlanRecord, end: AttemptEnd): AttemptEnd {
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
