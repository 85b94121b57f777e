// Leads the proof of a plan's work. The plan's process asks for it; the supervisor fetches the head into the mirror, makes a user,
// runs the prover and saves the result. Only that saved result makes an attempt verified; what the plan claims itself does not.
import { mkdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Config } from '../machine/config.ts'
import { mirrorDir } from '../machine/paths.ts'
import { readLines, writeLine } from '../machine/plan-pipe.ts'
import type { FromPlan, Verdict } from '../machine/plan-pipe.ts'
import { startAgent } from './plan-process.ts'
import { FromProver } from '../machine/prover-pipe.ts'
import type { ProofOrder } from '../machine/prover-pipe.ts'
import type { Baseline } from '../proof/baseline.ts'
import { baselineFile, dropOldBaselines, readBaseline } from './baselines.ts'
import { makeProver, removeProver } from '../users/prover-user.ts'
import type { SandboxKind } from '../sandbox/sandbox.ts'
import { baseHeadOf, fetchHead, isAncestor, sharedBase } from './proof-commits.ts'
import type { MirrorHost } from './proof-commits.ts'
import type { PlanRecord } from './records.ts'

export interface ProofHost extends MirrorHost {
  config(): Config
  mayAddUsers: boolean
  /** How a sandbox is made here; null where none can be. */
  sandbox: SandboxKind | null
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
  /** Answers with the baseline at a base, which is measured when none is kept. null: it could not be measured. */
  baseline(base: string, answer: (found: Baseline | null) => void): void
  /** Proves one head at a time. The same question asked again, for instance after a crash, gets the saved answer. */
  ask(request: ProofRequest, answer: (verdict: Verdict) => void): void
  renew(token: string): void
  /** Ends a running proof. When the promise resolves, no process or user of it is left. */
  stop(): Promise<void>
}

type ProofRequest = Extract<FromPlan, { kind: 'prove' }>

const MAX_PROOFS = 8
/** A plan's process asks for one at its start, and once more after a crash in the middle of it. */
const MAX_BASELINES = 6
const MAX_TRIES = 3
const ACTIVITY_MS = 20_000
const UNPROVEN: Verdict = {
  kind: 'accepted',
  outcome: 'unverified',
  reasons: ['proof_missing'],
  proof: 'none',
  checks: [],
}

/** The baselines that are measured now, by their file. Plans on the same base share one measurement. */
const measuring = new Map<string, Promise<unknown>>()

export function createSlotProof(input: SlotProofInput): SlotProof {
  const { host, record, save, onPlanMessage } = input
  const { paths } = host
  let child: ReturnType<typeof startProver> | null = null
  /** Grows with each stop. The result of a proof that began in an earlier era is ignored. */
  let era = 0
  let stopped = Promise.withResolvers<void>()
  /** Baselines that this plan measured itself. */
  const measured = new Set<string>()
  /** The last prover's end. stop() waits for it before it removes the prover's user. */
  let leading: Promise<unknown> = Promise.resolve()
  const tell = (text: string) => onPlanMessage({ kind: 'event', type: 'error', text: text.slice(0, 1_900) })

  /** Runs a prover until it reports. Returns null when it came to no end, or when stop() was called. */
  const lead = async (what: string, mine: number, part: Partial<ProofOrder> & { head: string }) => {
    let problem: unknown = 'its process ended without a report'
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const once = leadOnce(mine, part).catch((error: unknown) => {
        problem = error
        return null
      })
      leading = once
      const answer = await once
      if (mine !== era) return null
      if (answer !== null) return answer
    }
    tell(`${what} came to no end in ${MAX_TRIES} tries: ${String(problem)}`)
    return null
  }

  const leadOnce = async (mine: number, part: Partial<ProofOrder> & { head: string }) => {
    const { id, desired } = record
    const user = await makeProver(paths, id, host.mayAddUsers)
    const logs = join(paths.ralph, 'proofs', id, part.job ?? 'prove')
    rmSync(logs, { recursive: true, force: true })
    mkdirSync(logs, { recursive: true, mode: 0o700 })
    try {
      const order: ProofOrder = {
        kind: 'order',
        job: 'prove',
        id,
        attempt: record.attempt,
        text: input.text() ?? '',
        messages: desired.messages.map(({ text }) => text),
        summary: '',
        branch: desired.branch,
        baseHead: null,
        baselineFile: null,
        isOnBase: true,
        ...(desired.setup === undefined ? {} : { setup: desired.setup }),
        checks: desired.checks,
        model: desired.model,
        effort: desired.effort,
        token: input.token() ?? '',
        url: host.config().url,
        mirror: mirrorDir(paths),
        user,
        isolated: host.sandbox !== null,
        logs,
        ...part,
      }
      // stop() was called while the user was being made. It found no process to end, so none may be started now.
      if (mine !== era) return null
      child = startProver(host, order, onPlanMessage)
      return await child.report
    } finally {
      child = null
      await removeProver(paths, id, host.mayAddUsers)
    }
  }

  /** mayMeasure is asked when no kept baseline serves. */
  const measure = async (
    base: string,
    mine: number,
    mayMeasure: () => boolean = () => true,
  ): Promise<Baseline | null> => {
    const { setup, checks } = record.desired
    const file = baselineFile(paths, { base, setup, checks })
    for (;;) {
      const kept = readBaseline(file)
      // A set-up may have failed for want of a network, so such a baseline serves only the plan that measured it.
      if (kept !== null && (kept.setup === null || measured.has(file))) return kept
      const other = measuring.get(file)
      if (other === undefined) {
        if (!mayMeasure()) return kept
        const answer = lead('The baseline', mine, { job: 'baseline', head: base, baselineFile: file })
        const over = answer.finally(() => measuring.delete(file))
        measuring.set(file, over)
        if ((await over) === null) return kept
        measured.add(file)
        dropOldBaselines(paths)
        return readBaseline(file)
      }
      await waitFor(other)
      if (mine !== era) return null
    }
  }

  /** Waits for another plan's measurement, or for a stop of this one. */
  const waitFor = async (other: Promise<unknown>) => {
    const timer = setInterval(() => onPlanMessage({ kind: 'activity' }), ACTIVITY_MS)
    await Promise.race([other.catch(() => null), stopped.promise])
    clearInterval(timer)
  }

  /** A plan's process is not trusted: it may ask without end, and for any commit. */
  const mayMeasureMore = () => {
    if ((record.baselines ?? 0) >= MAX_BASELINES) return false
    record.baselines = (record.baselines ?? 0) + 1
    save()
    return true
  }

  const prove = async (request: ProofRequest, mine: number): Promise<Verdict | null> => {
    const { head, n, summary } = request
    if (record.proof?.head === head && record.proof.n === n) return record.proof.verdict
    if ((record.proofs ?? 0) >= MAX_PROOFS) return UNPROVEN
    record.proofs = (record.proofs ?? 0) + 1
    save()
    const missing = await fetchHead(host, record.id, head)
    if (mine !== era) return null
    if (missing !== null) {
      tell(`The head could not be fetched for its proof: ${missing}`)
      return UNPROVEN
    }
    const baseHead = (await baseHeadOf(paths, record.desired.base)) ?? record.baseHead ?? null
    const base = baseHead === null ? null : await sharedBase(paths, baseHead, head)
    const baseline = base === null ? null : await measure(base, mine)
    if (mine !== era) return null
    if (base !== null && baseline === null) return UNPROVEN
    const { setup, checks } = record.desired
    const answer = await lead('The proof', mine, {
      head,
      summary,
      baseHead,
      baselineFile: base === null ? null : baselineFile(paths, { base, setup, checks }),
      isOnBase: baseHead === null || (await isAncestor(paths, baseHead, head)),
    })
    if (mine !== era) return null
    if (answer?.kind !== 'report') return UNPROVEN
    const { report } = answer
    if (report.verdict.kind === 'accepted' || report.verdict.kind === 'rejected') {
      record.proof = { ...report, head, n }
      save()
    }
    return report.verdict
  }

  let asked: Promise<unknown> = Promise.resolve()
  /** Runs one job after the other, because a plan has one prover's user. */
  const inTurn = <T>(job: (mine: number) => Promise<T>, failed: T, answer: (value: T) => void) => {
    const mine = era
    asked = asked
      .then(() => (mine === era ? job(mine) : failed))
      .catch((error: unknown) => {
        tell(`The proof failed with an error: ${String(error)}`)
        return failed
      })
      .then((value) => {
        if (mine === era) answer(value)
      })
  }
  return {
    baseline: (base, answer) => inTurn((mine) => measure(base, mine, mayMeasureMore), null, answer),
    ask: (request, answer) =>
      inTurn<Verdict | null>(
        (mine) => prove(request, mine),
        UNPROVEN,
        (verdict) => verdict !== null && answer(verdict),
      ),
    renew: (token) => child?.renew(token),
    async stop() {
      era++
      stopped.resolve()
      stopped = Promise.withResolvers()
      child?.kill()
      await leading
      await removeProver(paths, record.id, host.mayAddUsers)
    },
  }
}

function startProver(host: ProofHost, order: ProofOrder, onPlanMessage: SlotProofInput['onPlanMessage']) {
  const { paths } = host
  const kept = order.baselineFile === null ? [] : [dirname(order.baselineFile)]
  const child = startAgent({
    bundle: paths.bundle,
    command: 'prove',
    user: order.user,
    ids: null,
    cwd: '/',
    env: { HOME: order.logs },
    own: [order.user.home, order.logs, ...kept],
    sandbox: host.sandbox === null ? null : { kind: host.sandbox, paths },
  })
  const said = Promise.withResolvers<Extract<FromProver, { kind: 'report' | 'measured' }> | null>()
  readLines(child.stdout, FromProver, (message) => {
    if (message.kind === 'report' || message.kind === 'measured') said.resolve(message)
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
