// The process of one plan, which runs as the plan's user: it prepares, works, delivers and reports. All its state is in its journal
// and its checkout, so it can be killed at any moment and goes on from there when it is started again.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { homedir, userInfo } from 'node:os'
import type { AttemptEnd } from '../../src/shared/protocol.ts'
import { prepareCheckout } from './checkout.ts'
import { startCheckpoints } from './checkpoint.ts'
import { describeBaseline, knownBaseline, takeBaseline } from '../checks/baseline.ts'
import { deliver, keepWork } from './deliver.ts'
import { createGate } from './finish-gate.ts'
import { reportEvidence } from './evidence.ts'
import { commitOf, createGit, GitError } from '../git/git.ts'
import { putRight } from './put-right.ts'
import { cleanHistory } from '../publish/clean-history.ts'
import { FinishOutcome, openJournal, pendingQuestion, recordsOf } from '../plan/journal.ts'
import type { JournalRecord } from '../plan/journal.ts'
import { workLoop } from '../loop/loop.ts'
import type { LoopEnd } from '../loop/loop.ts'
import { clipText } from '../machine/output.ts'
import { readLines, ToPlan, writeLine } from '../machine/plan-pipe.ts'
import type { BaseChecks, FromPlan, Start, Verdict } from '../machine/plan-pipe.ts'
import { planEnv, writeHome } from '../users/environment.ts'
import { preflight } from './preflight.ts'
import { newPlanState, PauseError, RevokedError } from '../plan/plan-context.ts'
import type { PlanContext } from '../plan/plan-context.ts'
import { redactLine } from '../machine/redact-line.ts'
import { runSetup } from '../checks/setup.ts'
import { tellHeld } from '../publish/hold-back.ts'
import { fetchLfs } from '../git/lfs.ts'
import { fetchSubmodules } from '../git/submodules.ts'
import { originUrl } from './git-folder.ts'
import { DISK_FULL, isDiskFull, keepReserve } from '../machine/reserve.ts'
import { NO_WORK } from '../git/work-summary.ts'
import { killShells } from '../machine/shell.ts'
import { withAssumptions } from '../tools/ask.ts'
import { reportSpent } from '../model/usage-log.ts'
import { createTokenHolder, tokenConfigFile } from '../plan/token.ts'

/** Reads orders from standard input until the process ends. */
export function runPlan(): void {
  let plan: PlanContext | null = null
  process.stdin.on('close', leave)
  process.stdout.on('error', leave)
  readLines(process.stdin, ToPlan, (message) => {
    if (message.kind === 'start' && plan === null) {
      plan = openOrEnd(message)
      if (plan === null) return
      void conduct(plan).then((end) => {
        if (end === null || plan === null) return leave()
        reportSpent(plan)
        plan.report({ kind: 'end', end })
      })
    } else if (message.kind === 'token') plan?.token.set(message.token)
    else if (message.kind === 'verdict') hear(provings, message.head, message.verdict)
    else if (message.kind === 'baseline') hear(baselines, message.base, message.found)
    else if (message.kind === 'message' && plan !== null) {
      plan.inbox.push(message.message)
      plan.start.messages.push(message.message)
    }
  })
}

/** Who waits for an answer of the supervisor, by the commit it is about. */
const provings = new Map<string, (verdict: Verdict) => void>()
const baselines = new Map<string, (found: BaseChecks | null) => void>()
function hear<T>(waiting: Map<string, (answer: T) => void>, commit: string, answer: T): void {
  waiting.get(commit)?.(answer)
  waiting.delete(commit)
}

/** Ends this process when the supervisor has gone. The next supervisor kills what is left and starts the plan again. */
function leave(): void {
  killShells()
  process.exit(1)
}

/** Returns null when the disk is full: nothing can be written, and the attempt's end was already reported. */
function openOrEnd(start: Start): PlanContext | null {
  try {
    return openPlan(start)
  } catch (error) {
    if (!isDiskFull(error)) throw error
    const end: AttemptEnd =
      start.mode === 'stop'
        ? { kind: 'stopped', work: NO_WORK }
        : { kind: 'failed', error: DISK_FULL, work: NO_WORK }
    writeLine(process.stdout, { kind: 'end', end })
    return null
  }
}

function openPlan(start: Start): PlanContext {
  const home = homedir()
  mkdirSync(join(home, '.ralph'), { recursive: true, mode: 0o700 })
  keepReserve(join(home, '.ralph/reserve'))
  writeHome(home, start.mirror)
  const env = planEnv({ home, user: userInfo().username, path: process.env['PATH'], planId: start.id })
  const journal = openJournal(join(home, '.ralph/journal.jsonl'))
  if (start.mode === 'work' && recordsOf(journal.records(), start.attempt).length === 0)
    journal.append({ kind: 'attempt', attempt: start.attempt })
  const taken = journal.records().flatMap((record) => (record.kind === 'taken' ? [record.n] : []))
  const lastTaken = Math.max(0, ...taken)
  const token = createTokenHolder({
    token: start.token,
    gitConfigFile: tokenConfigFile(home),
    gatewayUrl: start.url,
  })
  const say = (message: FromPlan) => writeLine(process.stdout, redactLine(message, token.all()))
  return {
    start,
    home,
    env,
    git: createGit(start.checkout, env),
    journal,
    token,
    report: say,
    baseline: (base) =>
      new Promise((resolve) => {
        baselines.set(base, resolve)
        say({ kind: 'baseline', base })
      }),
    prove: (head, n, summary) =>
      new Promise((resolve) => {
        provings.set(head, resolve)
        say({ kind: 'prove', head, n, summary })
      }),
    inbox: start.messages.filter(({ n }) => n > lastTaken),
    ...newPlanState(),
  }
}

/** Returns the attempt's end; null when this process should be started again after a fault of the agent or the machine. */
async function conduct(plan: PlanContext): Promise<AttemptEnd | null> {
  try {
    if (plan.start.mode === 'stop') return { kind: 'stopped', work: await keepWork(plan, 'wip: stopped') }
    return await attempt(plan)
  } catch (error) {
    if (error instanceof RevokedError) return { kind: 'stopped', work: await keepWork(plan, 'wip: stopped') }
    if (error instanceof PauseError) return pause(plan, error)
    if (isDiskFull(error))
      return { kind: 'failed', error: DISK_FULL, work: await keepWork(plan, null).catch(() => NO_WORK) }
    plan.report({ kind: 'event', type: 'error', text: clipText(`The agent failed: ${String(error)}`, 1_000) })
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`)
    return null
  }
}

async function attempt(plan: PlanContext): Promise<AttemptEnd> {
  const { journal, report, start } = plan
  report({ kind: 'phase', phase: 'preparing' })
  const prepared = await prepareCheckout(plan)
  if (prepared.kind === 'failed')
    return { kind: 'failed', error: prepared.error, work: await keepWork(plan, null) }
  const { baseHead } = prepared
  const done = recordsOf(journal.records(), start.attempt)
  const finished = done.findLast((record) => record.kind === 'finished')
  if (finished !== undefined) return deliver({ plan, ...outcomeOf(plan, finished) })
  const question = plan.inbox.length === 0 ? pendingQuestion(journal.records(), start.attempt) : null
  if (question !== null) return conclude(plan, { kind: 'question', question })
  if (!done.some(({ kind }) => kind === 'preflight_done')) await preflight(plan)
  journal.append({ kind: 'preflight_done' })
  const isSetUp = done.some(({ kind }) => kind === 'setup_done')
  if (!isSetUp) {
    await fetchSubmodules(plan)
    await fetchLfs({ git: plan.git, origin: originUrl(start), report })
  }
  // The supervisor measures the baseline elsewhere, at the same time.
  const [setupFailure] = await Promise.all([isSetUp ? null : runSetup(plan), takeBaseline(plan, baseHead)])
  journal.append({ kind: 'setup_done' })
  report({ kind: 'phase', phase: 'working' })
  const gate = createGate(plan)
  const checkpoints = startCheckpoints(plan)
  try {
    const end = await workLoop({
      plan,
      baseHead,
      setupFailure,
      checks: describeBaseline(knownBaseline(plan)),
      requestFinish: async (summary) => {
        await putRight(plan, 'old')
        return gate(summary)
      },
      onTurn: commitWatcher(plan, await commitOf(plan.git, 'HEAD')),
    })
    return await conclude(plan, end)
  } finally {
    await checkpoints.stop()
  }
}

async function conclude(plan: PlanContext, end: LoopEnd): Promise<AttemptEnd> {
  reportEvidence(plan)
  if (end.kind === 'finished') {
    const finished = plan.journal.records().findLast((record) => record.kind === 'finished')
    if (finished !== undefined) return deliver({ plan, ...outcomeOf(plan, finished) })
    return { kind: 'failed', error: 'The work ended without a verdict.', work: await keepWork(plan, null) }
  }
  plan.journal.append({
    kind: 'ended',
    how: end.kind === 'failed' ? end.error : 'waiting for an answer',
    over: end.kind === 'failed',
  })
  if (end.kind === 'failed')
    return {
      kind: 'failed',
      error: clipText(end.error, 2_000),
      work: await keepWork(plan, 'wip: failed', 'push'),
    }
  const question = clipText(end.question, 8_000)
  return {
    kind: 'paused',
    reason: 'question',
    detail: 'The agent asks a question.',
    question,
    work: await keepWork(plan, 'wip: waiting for an answer', 'push'),
  }
}

async function pause(plan: PlanContext, { reason, message }: PauseError): Promise<AttemptEnd> {
  plan.journal.append({ kind: 'ended', how: `paused: ${reason}`, over: false })
  const push = reason === 'git_refused' ? undefined : 'push'
  return {
    kind: 'paused',
    reason,
    detail: clipText(message, 2_000),
    work: await keepWork(plan, `wip: paused (${reason})`, push),
  }
}

/** Parses the recorded outcome, because the plan's own user can write to the journal. A bad one becomes `proof_missing`. */
function outcomeOf(plan: PlanContext, { summary, outcome }: Extract<JournalRecord, { kind: 'finished' }>) {
  const known = FinishOutcome.safeParse(outcome)
  const nothing: FinishOutcome = { reasons: ['proof_missing'], proof: 'none', checks: [] }
  return {
    summary: withAssumptions(summary, recordsOf(plan.journal.records(), plan.start.attempt)),
    outcome: known.success ? known.data : nothing,
  }
}

/** Returns a function that reports new commits, also those the model makes itself. It is called after each turn. */
function commitWatcher(plan: PlanContext, head: string | null): () => Promise<void> {
  const { git, report } = plan
  let last = head
  const look = async () => {
    await putRight(plan, 'none')
    const now = await commitOf(git, 'HEAD')
    if (now === null || now === last) return
    last = now
    report({ kind: 'progress' })
    // The model hears of a secret now, while it can still remove it itself. The push leaves it out in any case.
    tellHeld(plan, (await cleanHistory(plan)).held, 'push')
    report({
      kind: 'event',
      type: 'commit',
      text: clipText((await git.try(['log', '-1', '--format=%h %s'])).stdout.trim(), 500),
    })
  }
  // Looking decides nothing, so a failure of git here costs no restart; the finish meets it again.
  return () =>
    look().catch((error: unknown) => {
      if (!(error instanceof GitError)) throw error
      report({
        kind: 'event',
        type: 'error',
        text: clipText(`Looking at the commits: ${error.message}`, 1_000),
      })
    })
}
