// `npm run demo`: the main job, offline. A plan travels from an MCP client through the Worker to an agent on a (local) VM and back
// as a merged branch. Every step is checked; exit 0 means that all of it held.
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify, styleText } from 'node:util'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { z } from 'zod'
import { readCommandLine } from '../../deploy/command-line.ts'
import { readViolations } from './model/violations.ts'
import { startWorld } from './world.ts'
import type { World } from './world.ts'

const PLAN = `Teach the repository to say hello

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

const Plan = z.looseObject({
  id: z.string(),
  branch: z.string(),
  status: z.string(),
  phase: z.string().nullish(),
  outcome: z.string().nullish(),
  outcome_reasons: z.array(z.string()),
  merge_status: z.string(),
  pushed_head: z.string().nullish(),
  spent_usd: z.number(),
})
const Seen = z.looseObject({
  plan: Plan,
  events: z.array(z.object({ seq: z.number(), type: z.string(), text: z.string() })),
})
const run = promisify(execFile)
const { values } = readCommandLine({
  command: 'npm run demo',
  about:
    'The main job, offline: a plan travels to an agent and back as a merged branch, and wrong work is refused.',
  flags: { keep: { about: 'let the stack stay up afterwards, until Ctrl-C' } },
})
const startedMs = Date.now()
/** Characters shown of an event. With time and type the line stays under 100 columns. */
const MAX_DETAIL = 74

function say(title: string, detail = ''): void {
  const time = `${((Date.now() - startedMs) / 1_000).toFixed(1)} s`.padStart(7)
  console.log(`${styleText('dim', time)}  ${styleText('bold', title)}${detail === '' ? '' : `  ${detail}`}`)
}
const indent = (text: string): string =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => `             ${line}`)
    .join('\n')
/** Colours a diff as git does on a terminal. */
const coloured = (diff: string): string =>
  diff
    .split('\n')
    .map((line) =>
      /^\+(?!\+)/.test(line)
        ? styleText('green', line)
        : line.startsWith('@@')
          ? styleText('cyan', line)
          : /^(?:diff|index|new|---|\+\+\+)/.test(line)
            ? styleText('dim', line)
            : line,
    )
    .join('\n')
/** Cuts a text to one line of a terminal. */
const short = (text: string): string => (text.length > MAX_DETAIL ? `${text.slice(0, MAX_DETAIL)}…` : text)

async function tell(world: World): Promise<void> {
  const client = new Client({ name: 'demo', version: '1.0.0' })
  const headers = { authorization: `Bearer ${world.urls.owner_token}` }
  await client.connect(
    new StreamableHTTPClientTransport(new URL(world.urls.mcp_url), { requestInit: { headers } }),
  )
  const call = async <T>(name: string, args: Record<string, unknown>, schema: z.ZodType<T>): Promise<T> => {
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
  const repo = z
    .object({ remote: z.string(), push_url: z.string() })
    .parse(await control('POST', '/git/repos', { name: 'sample' }))
  await call('workspace_register', { name: 'sample', git_remote: repo.remote }, z.unknown())
  say('workspace_register', repo.remote)
  const { plan: submitted } = await call(
    'plan_submit',
    { workspace_id: 'sample', plan: PLAN },
    z.looseObject({ plan: Plan }),
  )
  say('plan_submit', `${submitted.id}: accepted; close the laptop`)

  let cursor = 0
  let isThere = false
  const follow = async (until: (plan: z.infer<typeof Plan>) => boolean): Promise<z.infer<typeof Plan>> => {
    for (;;) {
      const seen = await call(
        'plan_status',
        { plan_id: submitted.id, wait_seconds: isThere || cursor === 0 ? 0 : 5, after: cursor, limit: 100 },
        Seen,
      )
      for (const event of seen.events) {
        if (event.seq !== cursor + 1) throw new Error(`the history has a gap: ${event.seq} after ${cursor}`)
        cursor = event.seq
        const about = short(event.text.replaceAll(/\s+/g, ' '))
        say(`  ${styleText('cyan', event.type.padEnd(9))}`, styleText('dim', about))
      }
      isThere = until(seen.plan)
      if (isThere && seen.events.length === 0) {
        isThere = false
        return seen.plan
      }
      if (['failed', 'cancelled', 'paused'].includes(seen.plan.status))
        throw new Error(`the plan is ${seen.plan.status}: ${JSON.stringify(seen.plan)}`)
      if (Date.now() - startedMs > 120_000)
        throw new Error(`the plan did not get there in time: ${JSON.stringify(seen.plan)}`)
    }
  }
  const done = await follow((plan) => plan.status === 'completed')
  say(
    'The plan is completed',
    `${[done.outcome ?? '', ...done.outcome_reasons].join(', ')}; $${done.spent_usd.toFixed(4)} spent`,
  )
  if (done.outcome_reasons.includes('proof_missing'))
    say(
      '',
      styleText('dim', 'its proof needs a second unix user, which a local VM has when you start as root'),
    )

  const clone = join(world.stateDir, 'clone')
  // git must not run synchronously, because the git host runs in this same process.
  const git = async (...args: string[]): Promise<string> => (await run('git', args)).stdout
  await git('clone', '--quiet', repo.push_url, clone)
  say(
    'The git host holds the branch',
    (await git('ls-remote', repo.push_url, done.branch))
      .replace(/^(.{12})\S*\s+refs\/heads\//, '$1  ')
      .trim(),
  )
  console.log(
    indent(await git('-C', clone, 'log', '--format=%h %an: %s', `origin/main..origin/${done.branch}`)),
  )
  console.log(indent(coloured(await git('-C', clone, 'diff', `origin/main...origin/${done.branch}`))))
  if (
    !(await git('-C', clone, 'log', '-1', '--format=%B', `origin/${done.branch}`)).includes(
      `Ralph-Plan: ${done.id}`,
    )
  )
    throw new Error('the last commit carries no Ralph-Plan trailer')

  await control('POST', '/github/sample/merge', { branch: done.branch, method: 'merge' })
  say('You merge it on the git host', 'the signed webhook is on its way')
  const merged = await follow((plan) => plan.merge_status === 'merged')
  say('The plan is merged', `${cursor} events, no gap`)
  for (let i = 0; (await git('ls-remote', repo.push_url, done.branch)) !== ''; i++) {
    if (i > 50) throw new Error('the merged branch was not removed')
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  say('Tidied', 'the merged branch is gone from the git host')
  const { seen } = z.object({ seen: z.array(z.unknown()) }).parse(await control('GET', '/secrets-seen'))
  if (seen.length > 0) throw new Error(`the VM saw secrets: ${JSON.stringify(seen)}`)
  say('No secret reached the VM', 'every byte it got was searched for every key of the stack')
  await client.close()
  console.log(
    `\n${styleText('green', styleText('bold', merged.merge_status))}  in ${((Date.now() - startedMs) / 1_000).toFixed(1)} s\n`,
  )
}

const stateDir = mkdtempSync(join(tmpdir(), 'aer-demo-'))
const workerLog = join(stateDir, 'worker.log')
const stopped = new Promise<'stopped'>((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve('stopped'))
})
let world: World | null = null
let outcome: 'told' | 'stopped' | 'failed' = 'failed'
try {
  console.log(
    styleText(
      'dim',
      '\nA plan travels to an agent and back as a merged branch. Local stand-ins play the outside.\n',
    ),
  )
  world = await startWorld({ stateDir, port: 0, log: () => undefined })
  say('The local stack is up', world.urls.base_url)
  outcome = await Promise.race([tell(world).then(() => 'told' as const), stopped])
  if (values.keep && outcome === 'told') {
    console.log(
      `The stack stays up (state in ${stateDir}). MCP: ${world.urls.mcp_url}  owner token: ${world.urls.owner_token}\nCtrl-C stops it.`,
    )
    await stopped
  }
} catch (error) {
  console.error(
    `\n${styleText('red', 'The demo failed:')} ${error instanceof Error ? error.message : String(error)}`,
  )
  if (world !== null && existsSync(workerLog))
    console.error(
      `\nThe Worker's log ends with:\n${readFileSync(workerLog, 'utf8').split('\n').slice(-30).join('\n')}`,
    )
}
await world?.close()
const violations = readViolations(stateDir)
if (violations.length > 0) {
  outcome = 'failed'
  console.error(`The agent broke rules of the model API:\n${violations.join('\n')}`)
}
rmSync(stateDir, { recursive: true, force: true })
// process.exit() is needed, because a client whose call was cut off would keep this process running.
process.exit(outcome === 'told' ? 0 : 1)
