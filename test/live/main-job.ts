// `npm run test:live`: the main job against the real Orgo, a real model and a real git host. Costs a little money, makes one computer
// and removes it again. Never part of `npm test`; so far nobody has run it with keys.
import { spawn } from 'node:child_process'
import { createHmac, randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { z } from 'zod'
import { startWorld } from '../world/world.ts'
import type { World } from '../world/world.ts'

const NEEDED = {
  ORGO_API_KEY: 'an Orgo key with room for one computer (orgo.ai)',
  ANTHROPIC_API_KEY: 'a model key (console.anthropic.com)',
  TEST_GIT_TOKEN: 'a token that may push to the repository below',
  TEST_GIT_REMOTE:
    'its https address; a throw-away repository with one commit, because a branch is merged into it',
}
const WORKSPACE = 'live-test'
const PLAN =
  'Add a file hello.txt that holds exactly the line "hello from ralph". Done means: `cat hello.txt` prints it. Change nothing else.'
const LIMIT_MS = 30 * 60_000
const Plan = z.looseObject({
  id: z.string(),
  branch: z.string(),
  status: z.string(),
  merge_status: z.string(),
  pushed_head: z.string().nullish(),
  spent_usd: z.number(),
})

const missing = Object.entries(NEEDED).filter(([name]) => (process.env[name] ?? '') === '')
const canReach =
  (process.env['LIVE_VM_URL'] ?? '') !== '' || (await exitCode('cloudflared', ['--version'])) === 0
if (missing.length > 0 || !canReach) {
  console.error('npm run test:live needs:')
  for (const [name, what] of missing) console.error(`  ${name.padEnd(18)} ${what}`)
  if (!canReach)
    console.error(
      `  ${'cloudflared'.padEnd(18)} on the PATH, so that Orgo's VMs can reach this machine; or LIVE_VM_URL, a public address that leads to the port printed at the start`,
    )
  process.exit(2)
}
const env = (name: keyof typeof NEEDED): string => process.env[name] ?? ''

const stateDir = mkdtempSync(join(tmpdir(), 'aer-live-'))
const children: { kill: () => void }[] = []
let world: World | null = null
try {
  const remote = new URL(env('TEST_GIT_REMOTE'))
  world = await startWorld({
    stateDir,
    port: 0,
    log: (line) => console.log(line),
    live: {
      ORGO_API_KEY: env('ORGO_API_KEY'),
      ANTHROPIC_API_KEY: env('ANTHROPIC_API_KEY'),
      GIT_CREDENTIALS: `https://x-access-token:${encodeURIComponent(env('TEST_GIT_TOKEN'))}@${remote.host}`,
      reach: async (tapUrl) => process.env['LIVE_VM_URL'] ?? openTunnel(tapUrl),
    },
  })
  await mainJob(world)
  console.log('passed')
} catch (error) {
  process.exitCode = 1
  console.error(
    `failed: ${error instanceof Error ? error.message : String(error)}; the Worker's log is ${join(stateDir, 'worker.log')}`,
  )
} finally {
  await world?.close()
  for (const child of children) child.kill()
  if (process.exitCode !== 1) rmSync(stateDir, { recursive: true, force: true })
}

async function mainJob({ urls }: World): Promise<void> {
  const client = new Client({ name: 'live', version: '1.0.0' })
  await client.connect(
    new StreamableHTTPClientTransport(new URL(urls.mcp_url), {
      requestInit: { headers: { authorization: `Bearer ${urls.owner_token}` } },
    }),
  )
  const call = async (name: string, args: Record<string, unknown>): Promise<Record<string, unknown>> => {
    const answer = await client.callTool({ name, arguments: args })
    if (answer.isError === true) throw new Error(`${name}: ${JSON.stringify(answer.content)}`)
    return z.record(z.string(), z.unknown()).parse(answer.structuredContent)
  }
  try {
    await call('workspace_register', { name: WORKSPACE, git_remote: env('TEST_GIT_REMOTE') })
    const { id } = Plan.parse(
      (await call('plan_submit', { workspace_id: WORKSPACE, plan: PLAN, budget_usd: 2 }))['plan'],
    )
    const follow = async (
      what: string,
      until: (plan: z.infer<typeof Plan>) => boolean,
    ): Promise<z.infer<typeof Plan>> => {
      for (const startedMs = Date.now(); Date.now() - startedMs < LIMIT_MS;) {
        const plan = Plan.parse((await call('plan_status', { plan_id: id, wait_seconds: 30 }))['plan'])
        console.log(`${what}: ${plan.status}, merge ${plan.merge_status}, $${plan.spent_usd.toFixed(3)}`)
        if (until(plan)) return plan
        if (['failed', 'cancelled', 'paused'].includes(plan.status)) throw new Error(JSON.stringify(plan))
      }
      throw new Error(`${what} took longer than ${LIMIT_MS / 60_000} minutes`)
    }
    const done = await follow('working', (plan) => plan.status === 'completed')
    await mergeByGit(done.branch)
    await ring(urls.base_url, urls.webhook_secret)
    await follow('merged', (plan) => plan.merge_status === 'merged')
  } finally {
    await call('workspace_remove', { workspace_id: WORKSPACE, delete_vm: true }).catch((error: unknown) =>
      console.error(String(error)),
    )
    await client.close()
  }
}

/** As a person would: a fast-forward of the default branch, with the token in a header of the environment, not in an argument. */
async function mergeByGit(branch: string): Promise<void> {
  const header = `Authorization: Basic ${Buffer.from(`x-access-token:${env('TEST_GIT_TOKEN')}`).toString('base64')}`
  const git = {
    GIT_CONFIG_COUNT: '1',
    GIT_CONFIG_KEY_0: 'http.extraHeader',
    GIT_CONFIG_VALUE_0: header,
    REMOTE: env('TEST_GIT_REMOTE'),
    BRANCH: branch,
    DIR: join(stateDir, 'clone'),
  }
  const script =
    'git clone -q "$REMOTE" "$DIR" && cd "$DIR" && git merge -q --ff-only "origin/$BRANCH" && grep -qx "hello from ralph" hello.txt && git push -q origin HEAD'
  const code = await exitCode('sh', ['-c', script], git)
  if (code !== 0)
    throw new Error(
      `the branch could not be merged or does not hold the asked-for file (git ended with ${code})`,
    )
}

/** This machine has no public webhook address: the hint GitHub would send comes from here, and is confirmed with GitHub as always. */
async function ring(baseUrl: string, secret: string): Promise<void> {
  const body = JSON.stringify({
    ref: 'refs/heads/main',
    repository: { full_name: 'live/test', clone_url: env('TEST_GIT_REMOTE') },
  })
  await fetch(`${baseUrl}/webhooks/github`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-github-event': 'push',
      'x-github-delivery': randomUUID(),
      'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
    },
    body,
  })
}

async function openTunnel(tapUrl: string): Promise<string> {
  const child = spawn('cloudflared', ['tunnel', '--url', tapUrl], { stdio: ['ignore', 'ignore', 'pipe'] })
  children.push(child)
  for await (const line of createInterface({ input: child.stderr })) {
    const url = /https:\/\/[a-z0-9-]+\.trycloudflare\.com/.exec(line)?.[0]
    if (url !== undefined) return url
  }
  throw new Error('cloudflared ended before it named an address')
}

function exitCode(
  command: string,
  args: string[],
  extra: Record<string, string> = {},
): Promise<number | null> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: 'ignore', env: { ...process.env, ...extra } })
    child.on('error', () => resolve(null))
    child.on('exit', resolve)
  })
}
