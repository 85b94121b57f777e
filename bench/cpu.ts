// `npm run bench -- cpu [--calls N]`: measures the Worker's processor time for a request of each route, in the same run as a
// Worker that answers with one word. The Free plan allows 10 ms per request.
import { createHmac } from 'node:crypto'
import { createObjectLab } from '../test/real/support/object-lab.ts'
import { isOver, script, startStack, submit, untilPlan } from '../test/e2e/support/stack.ts'
import { values } from './flags.ts'
import { createGitLanes } from './support/git-lanes.ts'
import { timeFirstBytes } from './support/model-lanes.ts'
import { openConnections } from './support/mcp-connections.ts'
import type { Ask } from './support/mcp-connections.ts'
import { report } from './report.ts'
import { cpuMs, cpuOf, ownWorkerd, startEmptyWorker } from './support/worker-cpu.ts'

const calls = values.calls ?? 200
const FREE_PLAN_MS = 10
const PACK_MB = 90
const PACKS = 3

const rows: { route: string; ms: number; note: string }[] = []
const add = (route: string, ms: number, note = '') => void rows.push({ route, ms, note })

const tool = (name: string, args: object): Ask => ({
  method: 'tools/call',
  params: { name, arguments: args },
})

async function emptyWorker(): Promise<void> {
  await using empty = await startEmptyWorker()
  add('a Worker that answers "ok"', await cpuOf(empty.pid, calls, () => get(empty.url)), 'baseline')
}

async function product(): Promise<void> {
  await using stack = await startStack()
  await stack.workspace('bench')
  const pid = ownWorkerd()
  const plan = await submit(stack, 'bench', script('Warm up', 'echo hello > hello.txt'))
  await untilPlan(stack, plan.id, isOver, 120_000)
  const { base_url: base, owner_token: token, webhook_secret: secret, mcp_url: mcpUrl } = stack.urls
  const headers = { authorization: `Bearer ${token}` }
  const measure = async (route: string, ask: () => Promise<unknown>) =>
    add(route, await cpuOf(pid, calls, ask))
  await measure('GET /healthz', () => get(`${base}/healthz`))
  const [send] = await openConnections(1, { url: mcpUrl, headers })
  if (send === undefined) throw new Error('no connection')
  await measure('POST /mcp, tools/list', () => send({ method: 'tools/list', params: {} }))
  await measure('POST /mcp, plan_status', () => send(tool('plan_status', { plan_id: plan.id })))
  await measure('POST /mcp, plan_list', () => send(tool('plan_list', {})))
  await measure('POST /mcp, plan_diff', () => send(tool('plan_diff', { plan_id: plan.id })))
  await measure('GET /plans/{id}', () => get(`${base}/plans/${plan.id}`, headers))
  await measure('GET / (status page, signed in by token)', () => get(`${base}/`, headers))
  const push = JSON.stringify({
    ref: 'refs/heads/main',
    repository: { clone_url: 'https://github.com/you/another.git' },
  })
  const signature = `sha256=${createHmac('sha256', secret).update(push).digest('hex')}`
  await measure('POST /webhooks/github, a push', async () => {
    const response = await fetch(`${base}/webhooks/github`, {
      method: 'POST',
      headers: {
        'x-github-event': 'push',
        'x-hub-signature-256': signature,
        'x-github-delivery': crypto.randomUUID(),
      },
      body: push,
    })
    await response.arrayBuffer()
  })
  const before = cpuMs(pid)
  const whole = await submit(stack, 'bench', script('Whole', 'echo whole > whole.txt'))
  await untilPlan(stack, whole.id, isOver, 120_000)
  add(
    'a whole small plan, from plan_submit to its end',
    cpuMs(pid) - before,
    'all its requests: calls, syncs, alarms, git, model',
  )
}

async function gateway(): Promise<void> {
  const lab = await createObjectLab()
  try {
    const pid = lab.workerPid
    const seeded = await lab.seed()
    const refs = `${lab.base}/vm/git/${seeded.name}.git/info/refs?service=git-upload-pack`
    const headers = { authorization: `Bearer ${seeded.token}` }
    add('GET /vm/git/…/info/refs', await cpuOf(pid, calls, () => get(refs, headers)))
    const before = cpuMs(pid)
    const { gateway: times } = await timeFirstBytes(lab, calls)
    // Its warm-up goes through the gateway as well.
    add(
      'POST /vm/model/v1/messages, a stream, 50 KB asked',
      (cpuMs(pid) - before) / (times.length + Math.min(20, calls)),
    )
    const lanes = await createGitLanes(lab, { cloneMb: PACK_MB, pushMb: PACK_MB, content: 'text' })
    add(
      `POST /vm/git/…/git-upload-pack, ${PACK_MB} MB`,
      await cpuOf(pid, PACKS, () => lanes.clone('gateway')),
      'the whole clone',
    )
    add(
      `POST /vm/git/…/git-receive-pack, ${PACK_MB} MB`,
      await cpuOf(pid, PACKS, () => lanes.push('gateway')),
      'the whole push',
    )
  } finally {
    await lab.close()
  }
}

async function get(url: string, headers: Record<string, string> = {}): Promise<void> {
  const response = await fetch(url, { headers, redirect: 'manual' })
  await response.arrayBuffer()
  if (response.status >= 400) throw new Error(`${url}: ${response.status}`)
}

await emptyWorker()
await product()
await gateway()
report({
  name: 'cpu',
  markdown: `Means of ${calls} requests, one after the other; ${PACKS} for the packs. Counted is all the process of workerd used, its sockets and its storage included; the platform counts JavaScript
alone, so these are upper bounds for its ${FREE_PLAN_MS} ms a request on the Free plan. Streams that pass untouched cost the platform nothing; here the copying is counted too.

| Route | CPU a request | |
| --- | --- | --- |
${rows.map(({ route, ms, note }) => `| ${route} | ${ms.toFixed(ms < 10 ? 2 : 0)} ms | ${note} |`).join('\n')}`,
  figures: { calls, rows },
})
