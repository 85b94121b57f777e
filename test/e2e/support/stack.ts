// The whole product as a user starts it: `npm run dev -- --json` in a process group of its own, and a real MCP client before it.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import { createCalls } from './calls.ts'
import { createCanaries } from './canaries.ts'
import type { Canaries } from './canaries.ts'
import { demandNoViolations, readViolations } from '../../world/model/violations.ts'

const DevLine = z.strictObject({
  mcp_url: z.url(),
  owner_token: z.string(),
  base_url: z.url(),
  orgo_url: z.url(),
  orgo_key: z.string(),
  git_url: z.url(),
  github_api_url: z.url(),
  model_url: z.url(),
  control_url: z.url(),
  webhook_secret: z.string(),
})
export type DevLine = z.infer<typeof DevLine>

/** Generous: on a busy machine all takes many times as long. */
const READY_MS = 240_000
const root = join(import.meta.dirname, '../../..')

export interface Stack extends AsyncDisposable {
  urls: DevLine
  stateDir: string
  /** SIGKILL of every process of the stack, then a start on the same state. */
  killAndRestart: () => Promise<void>
  canaries: Canaries
  control: (method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown) => Promise<unknown>
  call: (tool: string, args: Record<string, unknown>) => Promise<ToolAnswer>
  /** A fresh repository registered as a workspace of the same name. */
  workspace: (name: string, extra?: Record<string, unknown>) => Promise<{ remote: string; pushUrl: string }>
}

export interface ToolAnswer {
  isError: boolean
  text: string
  data: Record<string, unknown>
}

/** `env`: besides that of this process. */
export async function startStack(flags: string[] = [], env: NodeJS.ProcessEnv = {}): Promise<Stack> {
  const stateDir = await mkdtemp(join(tmpdir(), 'aer-e2e-'))
  let running = await launch(stateDir, flags, env)
  const calls = createCalls(() => stack.urls)
  const stack: Stack = {
    urls: running.urls,
    stateDir,
    canaries: createCanaries(stateDir, (path) => stack.control('GET', path)),
    async killAndRestart() {
      await killGroup(running.child, 'SIGKILL')
      running = await launch(stateDir, flags, env)
      stack.urls = running.urls
    },
    async control(method, path, body) {
      const response = await fetch(`${stack.urls.control_url.replace(/\/$/, '')}${path}`, {
        method,
        ...(body === undefined
          ? {}
          : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      })
      const text = await response.text()
      if (!response.ok) throw new Error(`control ${method} ${path}: ${response.status} ${text}`)
      return text === '' ? null : JSON.parse(text)
    },
    async call(tool, args) {
      const raw = await calls.callTool({ name: tool, arguments: args })
      stack.canaries.answer(tool, raw)
      const answer = Answer.parse(raw)
      return {
        isError: answer.isError ?? false,
        text: answer.content.map((part) => part.text ?? '').join('\n'),
        data: answer.structuredContent ?? {},
      }
    },
    async workspace(name, extra = {}) {
      const repo = z
        .object({ remote: z.string(), push_url: z.string() })
        .parse(await stack.control('POST', '/git/repos', { name }))
      const answer = await stack.call('workspace_register', { name, git_remote: repo.remote, ...extra })
      if (answer.isError) throw new Error(answer.text)
      return { remote: repo.remote, pushUrl: repo.push_url }
    },
    async [Symbol.asyncDispose]() {
      const leak = await stack.canaries.expectNoCanary().catch((error: unknown) => error)
      await calls.close()
      await killGroup(running.child, 'SIGTERM')
      const violations = readViolations(stateDir)
      await rm(stateDir, { recursive: true, force: true })
      demandNoViolations(violations)
      if (leak instanceof Error) throw leak
    },
  }
  return stack
}

const Answer = z.object({
  isError: z.boolean().optional(),
  content: z.array(z.object({ text: z.string().optional() })),
  structuredContent: z.record(z.string(), z.unknown()).optional(),
})

type Running = { child: ChildProcess; urls: DevLine }

async function launch(stateDir: string, flags: string[], env: NodeJS.ProcessEnv): Promise<Running> {
  const child = spawn(
    process.execPath,
    ['test/world/dev.ts', '--json', '--stand-ins', '--port', '0', '--state', stateDir, ...flags],
    {
      cwd: root,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    },
  )
  const errors: string[] = []
  child.stderr.on('data', (chunk) => errors.push(String(chunk)))
  const line = await new Promise<string>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`dev was not ready in ${READY_MS} ms:\n${errors.join('')}`)),
      READY_MS,
    )
    createInterface({ input: child.stdout }).once('line', (text) => {
      clearTimeout(timer)
      resolve(text)
    })
    child.once('exit', (code) => reject(new Error(`dev ended with ${code}:\n${errors.join('')}`)))
  })
  return { child, urls: DevLine.parse(JSON.parse(line)) }
}

async function killGroup(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  const exited = once(child, 'exit')
  if (signal === 'SIGKILL') for (const pid of await descendants(child.pid)) kill(pid)
  else child.kill(signal)
  await exited
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // Gone already: sandboxes die with their parent.
  }
}

/** The process and everything below it: some children have process groups of their own. */
async function descendants(pid: number): Promise<number[]> {
  const { stdout } = await run('ps', ['-eo', 'pid=,ppid='])
  const pairs = stdout
    .trim()
    .split('\n')
    .map((row) => row.trim().split(/\s+/).map(Number))
  const found = [pid]
  for (const parent of found)
    for (const [child, ppid] of pairs) if (ppid === parent && child !== undefined) found.push(child)
  return found
}

export interface RunResult {
  code: number | null
  stdout: string
  stderr: string
}

export async function run(
  command: string,
  args: string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Promise<RunResult> {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const out = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk) => (out.stdout += String(chunk)))
  child.stderr.on('data', (chunk) => (out.stderr += String(chunk)))
  const [code] = await once(child, 'close')
  return { code, ...out }
}

/** Asks until the answer satisfies, or fails with the last answer. Waits for a condition, never for luck. */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T>,
  holds: (answer: T) => boolean,
  timeoutMs = 240_000,
): Promise<T> {
  const until = Date.now() + timeoutMs
  for (;;) {
    const answer = await ask().catch((error: unknown) => error)
    if (!(answer instanceof Error) && holds(answer as T)) return answer as T
    if (Date.now() > until)
      throw new Error(
        `${what} did not hold in ${timeoutMs} ms. Last: ${answer instanceof Error ? answer.message : JSON.stringify(answer, null, 1).slice(0, 4_000)}`,
      )
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

const PlanAnswer = z.object({
  plan: z.looseObject({
    id: z.string(),
    branch: z.string(),
    status: z.string(),
    phase: z.string().nullish(),
    attempt: z.number(),
    outcome: z.string().nullish(),
    pushed_head: z.string().nullish(),
    merge_status: z.string(),
    spent_usd: z.number(),
    summary: z.string().nullish(),
    paused_reason: z.string().nullish(),
    commits: z.array(z.object({ sha: z.string(), subject: z.string() })),
  }),
})
export type Plan = z.infer<typeof PlanAnswer>['plan']

export async function submit(
  stack: Stack,
  workspaceId: string,
  plan: string,
  extra: Record<string, unknown> = {},
): Promise<Plan> {
  const answer = await stack.call('plan_submit', { workspace_id: workspaceId, plan, ...extra })
  if (answer.isError) throw new Error(answer.text)
  return PlanAnswer.parse(answer.data).plan
}

export async function planStatus(stack: Stack, planId: string, waitSeconds = 0): Promise<Plan> {
  const answer = await stack.call('plan_status', {
    plan_id: planId,
    ...(waitSeconds === 0 ? {} : { wait_seconds: waitSeconds }),
  })
  if (answer.isError) throw new Error(answer.text)
  return PlanAnswer.parse(answer.data).plan
}

export function untilPlan(
  stack: Stack,
  planId: string,
  holds: (plan: Plan) => boolean,
  timeoutMs = 400_000,
): Promise<Plan> {
  // Each answer waits up to a second for a change: asking all the time keeps the Worker from its work.
  return eventually(`plan ${planId}`, () => planStatus(stack, planId, 1), holds, timeoutMs)
}

const Events = z.object({
  events: z.array(
    z.object({
      seq: z.number(),
      type: z.string(),
      text: z.string(),
      data: z.record(z.string(), z.unknown()).optional(),
    }),
  ),
  cursor: z.coerce.number(),
})

/** The whole history, page by page. */
export async function allEvents(stack: Stack, planId: string): Promise<z.infer<typeof Events>['events']> {
  const found: z.infer<typeof Events>['events'] = []
  for (;;) {
    const answer = await stack.call('plan_status', {
      plan_id: planId,
      after: found.at(-1)?.seq ?? 0,
      limit: 100,
    })
    const { events } = Events.parse(answer.data)
    if (events.length === 0) return found
    found.push(...events)
  }
}

export const isOver = (plan: Plan): boolean =>
  ['completed', 'failed', 'cancelled', 'paused'].includes(plan.status)

/** A plan text whose `sh` blocks the scripted model runs in order. */
export function script(title: string, ...commands: string[]): string {
  return [title, ...commands.map((command) => `\n\`\`\`sh\n${command}\n\`\`\``)].join('\n')
}
