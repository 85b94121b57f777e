// A machine for one test: the agent's real bundle with its folders in a temporary folder, a fake Worker, a repository and the
// scripted model. At the end its processes are found by user and folder, never by name.
import { execFile, spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { KEEPER } from '../../../agent/supervisor/doorbell.ts'
import { DoorbellStatus } from '../../../src/shared/protocol.ts'
import { needs } from '../../support/needs.ts'
import { startModel } from '../../world/model/server.ts'
import type { ModelStandIn } from '../../world/model/server.ts'
import { demandNoViolations } from '../../world/model/violations.ts'
import { MODEL_KEY, startFakeWorker, VM_KEY, WORKSPACE } from './fake-worker.ts'
import type { FakePlan, FakeWorker } from './fake-worker.ts'
import { makeRepo } from './git-backend.ts'
import { quickPath } from './quick-tools.ts'

export interface TestVm extends AsyncDisposable {
  folder: string
  ralph: string
  workspace: string
  worker: FakeWorker
  model: ModelStandIn
  git: (...args: string[]) => string
  ring(nonce?: string): Promise<DoorbellStatus>
  /** The supervisor's process id; null when none runs. */
  supervisorPid(): number | null
  /** Kills the supervisor and the shell that would restart it. Only a doorbell starts it again. */
  killRalph(): void
  planPids(plan: FakePlan): number[]
  /** Process ids of all running provers, of any plan. */
  proverPids(): number[]
  home(plan: FakePlan): string
  checkout(plan: FakePlan): string
}

export interface TestVmOptions {
  files?: Record<string, string>
  env?: Record<string, string>
  /** Folder for the machine's files (root's, the workspace, the homes). Default: beside the other files. */
  disk?: string
}

export const hasRoot = process.getuid?.() === 0
/** What the end of right work says on this machine: without a sandbox its proof counts for less. */
export const RIGHT =
  needs.ownSandbox() === null
    ? { outcome: 'verified', reasons: [], proof: 'clean_checkout' }
    : { outcome: 'unverified', reasons: ['proof_missing'], proof: 'in_place' }
const PROJECT = resolve(import.meta.dirname, '../../..')

export async function createVm(options: TestVmOptions = {}): Promise<TestVm> {
  const folder = mkdtempSync(join(tmpdir(), 'ralph-'))
  chmodSync(folder, 0o755)
  const { repo, git } = makeRepo(folder, options.files)
  const bundle = join(folder, 'opt/ralph.mjs')
  mkdirSync(join(folder, 'opt'), { mode: 0o755 })
  copyFileSync(join(PROJECT, 'dist/assets/ralph.mjs'), bundle)
  chmodSync(bundle, 0o755)
  const model = await startModel({ port: 0, apiKey: MODEL_KEY })
  const agentSha256 = createHash('sha256').update(readFileSync(bundle)).digest('hex')
  const worker = await startFakeWorker({ repo, modelUrl: model.url, agentSha256 })
  const disk = options.disk ?? folder
  const [ralph, workspace, homes] = [join(disk, 'root/.ralph'), join(disk, 'srv'), join(disk, 'home')]
  mkdirSync(ralph, { recursive: true, mode: 0o700 })
  // Every plan sees it in its sandbox, so tests put there what plans and tests share.
  mkdirSync(workspace, { mode: 0o755 })
  writeFileSync(join(ralph, 'config.json'), JSON.stringify({ url: worker.url, workspace: WORKSPACE }))
  writeFileSync(join(ralph, 'vm.key'), `${VM_KEY}\n`, { mode: 0o600 })
  const env = {
    PATH: quickPath(join(folder, 'tools')),
    HOME: join(disk, 'root'),
    RALPH_HOME: ralph,
    RALPH_SRV: workspace,
    RALPH_PLAN_HOMES: homes,
    ...options.env,
  }
  const home = (plan: FakePlan) => join(homes, `plan-${plan.desired.id.slice(-12)}`)
  const vm: TestVm = {
    folder,
    ralph,
    workspace,
    worker,
    model,
    git,
    home,
    checkout: (plan) => join(workspace, 'plans', plan.desired.id),
    async ring(nonce = randomBytes(8).toString('hex')) {
      worker.nonce = nonce
      const { stdout } = await promisify(execFile)(process.execPath, [bundle, 'doorbell', nonce], { env })
      return DoorbellStatus.parse(JSON.parse(stdout))
    },
    supervisorPid: () => pidsWith(`${bundle} supervise`)[0] ?? null,
    killRalph: () => {
      for (const word of [KEEPER, 'supervise']) for (const pid of pidsWith(bundle, word)) kill(pid)
    },
    planPids: (plan) => pidsOfPlan(bundle, plan.desired.id),
    proverPids: () => pidsWith(bundle, ' prove'),
    async [Symbol.asyncDispose]() {
      // The supervisor is killed first, because it starts the others.
      vm.killRalph()
      for (const word of ['run-plan', 'prove']) for (const pid of pidsWith(bundle, word)) kill(pid)
      for (const plan of worker.plans.values()) {
        const { id } = plan.desired
        await removePlanUser(`plan-${id.slice(-12)}`, id)
        await removePlanUser(`proof-${id.slice(-12)}`, `proof-${id}`)
      }
      await worker.close()
      await model.close()
      // A plan may have shut a folder; root can remove it all the same.
      if (process.getuid?.() !== 0) spawnSync('chmod', ['-R', 'u+rwX', folder])
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
      demandNoViolations(model.violations())
    },
  }
  return vm
}

/** How often as long as a bell takes on this machine, now, something may last that takes less than a bell when it is quiet. */
const BELLS = 40

/** The longest that counts as `ms` on a machine that is busy: a bell starts one process, which is quick when it is not. */
export async function patient(vm: TestVm, ms: number): Promise<number> {
  const startedAt = performance.now()
  await vm.ring()
  return Math.max(ms, BELLS * (performance.now() - startedAt))
}

/** Resolves when the condition holds; throws with the last error or a note after the time. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  timeoutMs = 200_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`Waited ${timeoutMs} ms for: ${what}`)
    await new Promise((resolve_) => setTimeout(resolve_, 20))
  }
}

export const ended = (plan: FakePlan) => () => plan.observed?.end !== undefined

export function pids(): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => Number.isInteger(pid))
}

export function commandLine(pid: number): string {
  return readProc(pid, 'cmdline').replaceAll('\0', ' ')
}

function pidsWith(...words: string[]): number[] {
  return pids().filter((pid) => {
    const line = commandLine(pid)
    return words.every((word) => line.includes(word))
  })
}

/** The plan's own process, not what it started. */
export function pidsOfPlan(bundle: string, planId: string): number[] {
  return pidsWith(bundle, 'run-plan').filter((pid) => environment(pid).includes(`RALPH_PLAN=${planId}`))
}

function environment(pid: number): string[] {
  return readProc(pid, 'environ').split('\0')
}

function readProc(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8')
  } catch {
    return '' // ended meanwhile
  }
}

/** Removes a user. It repeats userdel, which refuses while a process of the user is still ending. */
async function removePlanUser(name: string, planId: string): Promise<void> {
  await until(() => {
    for (const pid of pids()) if (environment(pid).includes(`RALPH_PLAN=${planId}`)) kill(pid)
    if (!readFileSync('/etc/passwd', 'utf8').includes(`${name}:`)) return true
    return spawnSync('userdel', [name]).status === 0
  }, `the removal of ${name}`)
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // ended meanwhile
  }
}
