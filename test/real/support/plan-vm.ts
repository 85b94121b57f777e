// A plan's own process on the real bundle, without the machine around it: no supervisor, no unix user, and each proof is accepted
// unseen. For tests of what a plan does by itself; what the supervisor and the proof do is shown with createVm.
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { AttemptEnd } from '../../../src/shared/protocol.ts'
import { NO_WORK } from '../../../agent/git/work-summary.ts'
import { readPaths } from '../../../agent/machine/paths.ts'
import type { FromPlan, Verdict } from '../../../agent/machine/plan-pipe.ts'
import { addEvent } from '../../../agent/slot/plan-events.ts'
import { newRecord, startAttempt, toObserved, toStart } from '../../../agent/slot/plan-orders.ts'
import { startPlanProcess } from '../../../agent/slot/plan-process.ts'
import type { PlanProcess } from '../../../agent/slot/plan-process.ts'
import { createMirror } from '../../../agent/supervisor/mirror.ts'
import { ensureUser, killPlan } from '../../../agent/users/users.ts'
import { startModel } from '../../world/model/server.ts'
import type { ModelStandIn } from '../../world/model/server.ts'
import { demandNoViolations } from '../../world/model/violations.ts'
import { MODEL_KEY, startFakeWorker, VM_KEY, WORKSPACE } from './fake-worker.ts'
import type { FakePlan, FakeWorker } from './fake-worker.ts'
import { makeRepo } from './git-backend.ts'
import { quickPath } from './quick-tools.ts'
import { pidsOfPlan } from './vm.ts'

export interface PlanVm extends AsyncDisposable {
  worker: FakeWorker
  model: ModelStandIn
  git: (...args: string[]) => string
  /** Starts each plan that neither runs nor has ended in its attempt, and tells the others what is new. */
  ring(): Promise<void>
  planPids(plan: FakePlan): number[]
  home(plan: FakePlan): string
}

export interface PlanVmOptions {
  /** Default: one file of which no check is known. */
  files?: Record<string, string>
  env?: Record<string, string>
}

interface Running {
  record: ReturnType<typeof newRecord>
  process: PlanProcess
  messages: number
}

const PROJECT = resolve(import.meta.dirname, '../../..')
const MAX_STARTS = 6
const ACCEPTED: Verdict = {
  kind: 'accepted',
  outcome: 'verified',
  reasons: [],
  proof: 'clean_checkout',
  checks: [],
}

export async function createPlanVm(options: PlanVmOptions = {}): Promise<PlanVm> {
  const folder = mkdtempSync(join(tmpdir(), 'plan-vm-'))
  chmodSync(folder, 0o755)
  const { repo, git } = makeRepo(folder, options.files ?? { 'start.sh': 'true\n' })
  const bundle = join(folder, 'ralph.mjs')
  copyFileSync(join(PROJECT, 'dist/assets/ralph.mjs'), bundle)
  const model = await startModel({ port: 0, apiKey: MODEL_KEY })
  const worker = await startFakeWorker({ repo, modelUrl: model.url, agentSha256: '' })
  const bases = { RALPH_HOME: join(folder, 'root'), RALPH_SRV: join(folder, 'srv'), RALPH_NO_USERS: '1' }
  const paths = readPaths({ ...bases, RALPH_PLAN_HOMES: join(folder, 'home') }, bundle)
  mkdirSync(paths.workspace)
  const config = { url: worker.url, workspace: WORKSPACE, vmKey: VM_KEY }
  const mirror = createMirror(paths, () => config)
  const env = { PATH: quickPath(join(folder, 'tools')), ...options.env }
  const running = new Map<FakePlan, Running>()
  let isOver = false

  function start(plan: FakePlan, record: Running['record'], starts = 1): void {
    const { desired, text } = plan
    const user = { name: 'plan', home: homeOf(plan), ids: null }
    const started = withEnvironment(env, () =>
      startPlanProcess({
        bundle,
        user,
        start: toStart({ mode: 'work', desired, text, token: desired.planToken ?? '', paths, config }),
        onMessage: (message) => running.get(plan)?.process === started && hear(plan, message),
        // As the supervisor does it: what the dead one left running is ended, then the next one goes on.
        onExit: () => {
          if (isOver || record.end !== undefined || running.get(plan)?.process !== started) return
          if (starts === MAX_STARTS)
            return end(plan, { kind: 'failed', error: 'It dies at each start.', work: NO_WORK })
          void killPlan(user, desired.id).then(() => isOver || start(plan, record, starts + 1))
        },
      }),
    )
    running.set(plan, { record, process: started, messages: desired.messages.length })
  }

  function hear(plan: FakePlan, message: FromPlan): void {
    const { record, process: started } = running.get(plan) ?? {}
    if (record === undefined || started === undefined) return
    if (message.kind === 'event') {
      addEvent(record, message, Date.now())
      plan.events = record.events
    } else if (message.kind === 'taken') record.messagesTaken = Math.max(record.messagesTaken, message.n)
    else if (message.kind === 'prove')
      started.send({ kind: 'verdict', head: message.head, verdict: ACCEPTED })
    else if (message.kind === 'baseline') started.send({ kind: 'baseline', base: message.base, found: null })
    else if (message.kind === 'end') end(plan, message.end)
  }

  function end(plan: FakePlan, how: AttemptEnd): void {
    const record = running.get(plan)?.record
    if (record === undefined) return
    record.end = how
    plan.observed = toObserved(record, false)
  }

  const homeOf = ({ desired }: FakePlan) => join(paths.planHomes, `plan-${desired.id.slice(-12)}`)
  worker.touch = () => {
    for (const [{ desired }, one] of running) {
      for (const message of desired.messages.slice(one.messages))
        one.process.send({ kind: 'message', message })
      one.messages = desired.messages.length
      if (desired.planToken !== undefined) one.process.send({ kind: 'token', token: desired.planToken })
    }
  }
  return {
    worker,
    model,
    git,
    home: homeOf,
    planPids: ({ desired }) => pidsOfPlan(bundle, desired.id),
    async ring() {
      const problem = await mirror.refresh()
      if (problem !== null) throw new Error(problem)
      for (const plan of worker.plans.values()) {
        const known = running.get(plan)
        if (known?.record.attempt === plan.desired.attempt) continue
        await ensureUser(paths, plan.desired.id, false)
        const record = known?.record ?? newRecord(plan.desired)
        if (known !== undefined) startAttempt(record, plan.desired.attempt)
        start(plan, record)
      }
    },
    async [Symbol.asyncDispose]() {
      isOver = true
      for (const { desired } of worker.plans.values())
        await killPlan({ name: 'plan', home: folder, ids: null }, desired.id)
      await worker.close()
      await model.close()
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
      demandNoViolations(model.violations())
    },
  }
}

/** The process takes its settings from our own environment, at the moment it is started. */
function withEnvironment<T>(env: Record<string, string>, act: () => T): T {
  const before = Object.keys(env).map((name) => [name, process.env[name]] as const)
  Object.assign(process.env, env)
  try {
    return act()
  } finally {
    for (const [name, value] of before)
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
  }
}
