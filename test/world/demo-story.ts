// The story of the demo: one plan from submit to merged, with a test that proves it, and one whose work is wrong and is refused.
import { execFile } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { z } from 'zod'
import { coloured, dim, good, say, sayEvent, seconds, show } from './demo-words.ts'
import type { World } from './world.ts'

const CHECK = './hello.test.sh'
const HELLO = `Teach the repository to say hello

Add a small script \`hello.sh\` that greets whoever is named, with a test beside it. Done means: the test passes.

\`\`\`sh
cat > hello.sh <<'END'
#!/bin/sh
# Greets whoever is named, or the world.
echo "Hello, \${1:-world}!"
END
chmod +x hello.sh
\`\`\`

\`\`\`sh
cat > hello.test.sh <<'END'
#!/bin/sh
set -e
[ "$(./hello.sh)" = "Hello, world!" ]
[ "$(./hello.sh Ralph)" = "Hello, Ralph!" ]
echo ok
END
chmod +x hello.test.sh && ./hello.test.sh
\`\`\`

\`\`\`sh
git add -A && git commit -q -m "feat: say hello" && git log --oneline
\`\`\`
`
/** The work drops the name: the model says that it is done, and the test says that it is not. */
const WRONG = `Let hello.sh greet more politely

It says "Hello" today. Keep its test passing.

\`\`\`sh
sed -i 's/^echo .*/echo "Good day, world!"/' hello.sh && git commit -qam "feat: greet politely"
\`\`\`
`

const Plan = z.looseObject({
  id: z.string(),
  branch: z.string(),
  status: z.string(),
  outcome: z.string().nullish(),
  outcome_reasons: z.array(z.string()),
  merge_status: z.string(),
  spent_usd: z.number(),
})
type Plan = z.infer<typeof Plan>
const Seen = z.looseObject({
  plan: Plan,
  events: z.array(z.object({ seq: z.number(), type: z.string(), text: z.string() })),
})
/** A busy machine takes minutes; a quiet one a quarter of one. */
const PATIENCE_MS = 300_000

export async function tell(world: World): Promise<void> {
  const client = new Client({ name: 'demo', version: '1.0.0' })
  const headers = { authorization: `Bearer ${world.urls.owner_token}` }
  await client.connect(
    new StreamableHTTPClientTransport(new URL(world.urls.mcp_url), { requestInit: { headers } }),
  )
  const call: Call = async (name, args, schema) => {
    const answer = await client.callTool({ name, arguments: args })
    if (answer.isError === true) throw new Error(`${name}: ${JSON.stringify(answer.content)}`)
    return schema.parse(answer.structuredContent)
  }
  const control = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const response = await fetch(`${world.urls.control_url}${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    if (!response.ok) throw new Error(`${path}: ${await response.text()}`)
    return response.json()
  }

  const { tools } = await client.listTools()
  say('A client connected over MCP', `${tools.length} tools`)
  const Repo = z.object({ remote: z.string(), push_url: z.string() })
  const repo = Repo.parse(await control('POST', '/git/repos', { name: 'sample' }))
  await call('workspace_register', { name: 'sample', git_remote: repo.remote }, z.unknown())
  say('workspace_register', repo.remote)
  const first = await submit(call, HELLO)
  say('plan_submit', `${first.id}: accepted; close the laptop`)
  say('', dim(`done means: ${CHECK} passes in a clean checkout of what was pushed`))

  const machine = watchMachine(world.stateDir)
  const done = await first.follow((plan) => plan.status === 'completed').finally(() => machine.stop())
  sayOutcome(done)
  await showBranch(world, repo.push_url, done)
  await control('POST', '/github/sample/merge', { branch: done.branch, method: 'merge' })
  say('You merge it on the git host', 'the signed webhook is on its way')
  const merged = await first.follow((plan) => plan.merge_status === 'merged')
  say('The plan is merged', `${first.events()} events, no gap`)

  const second = await submit(call, WRONG)
  say('plan_submit', 'a second plan; this time the work is wrong, and the model says that it is done')
  const refused = await second.follow((plan) => plan.status === 'completed')
  sayOutcome(refused)
  if (refused.outcome !== 'unverified' || !refused.outcome_reasons.includes('check_failed'))
    throw new Error(`wrong work was not refused: ${JSON.stringify(refused)}`)
  say('Wrong work is refused', `${CHECK} fails on what was pushed; the model's word is not taken for it`)

  await untilGone(repo.push_url, done.branch)
  say('Tidied', 'the merged branch is gone from the git host')
  const { seen } = z.object({ seen: z.array(z.unknown()) }).parse(await control('GET', '/secrets-seen'))
  if (seen.length > 0) throw new Error(`the VM saw secrets: ${JSON.stringify(seen)}`)
  say('No secret reached the VM', 'every byte it got was searched for every key of the stack')
  await client.close()
  console.log(
    `\n${good(merged.merge_status)} and ${good('refused')}  in ${seconds()}\n\nNext: ${good('npm run dev')} keeps such a stack up, prints how your MCP client connects, and a plan to try.\n`,
  )
}

type Call = <T>(name: string, args: Record<string, unknown>, schema: z.ZodType<T>) => Promise<T>

/** A plan, and a reader of its history that says each event once and finds no gap. */
async function submit(call: Call, text: string) {
  const args = { workspace_id: 'sample', plan: text, checks: [CHECK] }
  const { id } = (await call('plan_submit', args, z.looseObject({ plan: Plan }))).plan
  let cursor = 0
  let isThere = false
  const follow = async (until: (plan: Plan) => boolean): Promise<Plan> => {
    const lateMs = Date.now() + PATIENCE_MS
    for (;;) {
      const wait = isThere || cursor === 0 ? 0 : 5
      const seen = await call(
        'plan_status',
        { plan_id: id, wait_seconds: wait, after: cursor, limit: 100 },
        Seen,
      )
      for (const event of seen.events) {
        if (event.seq !== cursor + 1) throw new Error(`the history has a gap: ${event.seq} after ${cursor}`)
        cursor = event.seq
        sayEvent(event.type, event.text)
      }
      isThere = until(seen.plan)
      if (isThere && seen.events.length === 0) {
        isThere = false
        return seen.plan
      }
      if (['failed', 'cancelled', 'paused'].includes(seen.plan.status))
        throw new Error(`the plan is ${seen.plan.status}: ${JSON.stringify(seen.plan)}`)
      if (Date.now() > lateMs)
        throw new Error(`the plan did not get there in time: ${JSON.stringify(seen.plan)}`)
    }
  }
  return { id, follow, events: () => cursor }
}

function sayOutcome({ outcome, outcome_reasons: reasons, spent_usd: spentUsd }: Plan): void {
  say('The plan is completed', `${[outcome ?? '', ...reasons].join(', ')}; $${spentUsd.toFixed(4)} spent`)
  if (reasons.includes('proof_missing'))
    say('', dim('its proof needs a second unix user, which a local VM has when you start as root'))
}

async function showBranch(world: World, pushUrl: string, { id, branch }: Plan): Promise<void> {
  const clone = join(world.stateDir, 'clone')
  await git('clone', '--quiet', pushUrl, clone)
  const listed = await git('ls-remote', pushUrl, branch)
  say('The git host holds the branch', listed.replace(/^(.{12})\S*\s+refs\/heads\//, '$1  ').trim())
  show(await git('-C', clone, 'log', '--format=%h %an: %s', `origin/main..origin/${branch}`))
  show(coloured(await git('-C', clone, 'diff', `origin/main...origin/${branch}`)))
  const message = await git('-C', clone, 'log', '-1', '--format=%B', `origin/${branch}`)
  if (!message.includes(`Ralph-Plan: ${id}`)) throw new Error('the last commit carries no Ralph-Plan trailer')
}

async function untilGone(pushUrl: string, branch: string): Promise<void> {
  for (let i = 0; (await git('ls-remote', pushUrl, branch)) !== ''; i++) {
    if (i > 50) throw new Error('the merged branch was not removed')
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

/** git must not run synchronously, because the git host runs in this same process. */
const git = async (...args: string[]): Promise<string> => (await promisify(execFile)('git', args)).stdout

/** Says what happens to the first machine before its agent is heard: told by the files on its disk. */
function watchMachine(stateDir: string): { stop: () => void } {
  const computers = join(stateDir, 'orgo/computers')
  const boot = (file: string) => (id: string) =>
    existsSync(join(computers, id, 'disk/root/.ralph/boot', file))
  const steps: [title: string, isDone: (id: string) => boolean][] = [
    ['A machine is made', (id) => existsSync(join(computers, id, 'disk/root'))],
    ['The Worker starts the installation', boot('nonce')],
    ['git and Node are there', boot('done/node')],
    ['The agent is installed', boot('done/ralph')],
    ['The machine exchanges its ticket for a key of its own', boot('done/key')],
    ['The agent runs', boot('done/supervisor')],
  ]
  const look = (): void => {
    const id = existsSync(computers) ? readdirSync(computers)[0] : undefined
    if (id === undefined) return
    while (steps[0]?.[1](id) === true) sayEvent('machine', steps.shift()?.[0] ?? '')
  }
  const timer = setInterval(look, 50)
  return { stop: () => clearInterval(timer) }
}
