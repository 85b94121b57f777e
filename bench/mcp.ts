// `npm run bench -- mcp [--calls N]`: what a client waits for under 32 connections, beside `@modelcontextprotocol/server-everything` on
// the same machine in the same run, in turns. It has no target: the two do different things, and share the machine with the clients.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { parseArgs } from 'node:util'
import { listen, shut } from '../test/world/listen.ts'
import { eventually, isOver, script, startStack, submit, untilPlan } from '../test/e2e/support/stack.ts'
import { report } from './report.ts'

const CONNECTIONS = 32
const ROUNDS = 3
const { values } = parseArgs({ options: { calls: { type: 'string', default: '1600' } } })

interface Server {
  url: string
  headers: Record<string, string>
}
interface Call {
  method: string
  params: object
}

await using stack = await startStack()
await stack.workspace('bench')
const plan = await submit(stack, 'bench', script('Add a file', 'echo x > x.txt'))
await untilPlan(stack, plan.id, isOver)
await using everything = await startEverything()
const ours: Server = {
  url: stack.urls.mcp_url,
  headers: { authorization: `Bearer ${stack.urls.owner_token}` },
}
const list: Call = { method: 'tools/list', params: {} }
const status: Call = {
  method: 'tools/call',
  params: { name: 'plan_status', arguments: { plan_id: plan.id } },
}
const echo: Call = { method: 'tools/call', params: { name: 'echo', arguments: { message: 'hello' } } }
const lanes: [string, Server, Call][] = [
  ['`tools/list`', ours, list],
  ['`tools/list` of server-everything', everything.server, list],
  ['`plan_status`', ours, status],
  ['`echo` of server-everything', everything.server, echo],
]
const times = new Map<string, number[]>(lanes.map(([name]) => [name, []]))
for (const [, server, call] of lanes) await load(server, call, 200)
for (let round = 0; round < ROUNDS; round++)
  for (const [name, server, call] of round % 2 === 0 ? lanes : lanes.toReversed())
    times.get(name)?.push(...(await load(server, call, Math.round(Number(values.calls) / ROUNDS))))
const at = (name: string, share: number) => {
  const sorted = (times.get(name) ?? []).toSorted((a, b) => a - b)
  return sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN
}
report({
  name: 'mcp',
  markdown: `${CONNECTIONS} connections at once, ${values.calls} calls each, in turns. Ours is the whole local stack: \`wrangler dev\` puts a second workerd and a
Node process in front, the owner token is checked at each call, and \`plan_status\` asks the workspace's object.

| | median | p99 |
| --- | --- | --- |
${lanes.map(([name]) => `| ${name} | ${at(name, 0.5).toFixed(1)} ms | ${at(name, 0.99).toFixed(1)} ms |`).join('\n')}`,
  figures: Object.fromEntries(
    lanes.map(([name]) => [name, { medianMs: at(name, 0.5), p99Ms: at(name, 0.99) }]),
  ),
})

/** Milliseconds of each call, from the request to the last byte of its answer. */
async function load(server: Server, call: Call, calls: number): Promise<number[]> {
  const taken: number[] = []
  let left = calls
  const connection = async () => {
    while (left-- > 0) {
      const startMs = performance.now()
      const { text } = await send(server, call, left)
      taken.push(performance.now() - startMs)
      if (!text.includes('"result"'))
        throw new Error(`${call.method} at ${server.url}: ${text.slice(0, 300)}`)
    }
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, connection))
  return taken
}

async function send({ url, headers }: Server, { method, params }: Call, id: number) {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
      'mcp-protocol-version': '2025-11-25',
      ...headers,
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: id + 1, method, params }),
  })
  return { response, text: await response.text() }
}

/** Its streamable HTTP server with one session, which all connections share. */
async function startEverything(): Promise<AsyncDisposable & { server: Server }> {
  const taken = createServer()
  const base = await listen(taken, 0)
  await shut(taken)
  const child = spawn('mcp-server-everything', ['streamableHttp'], {
    env: { PATH: process.env['PATH'], PORT: new URL(base).port },
    stdio: 'ignore',
  })
  const server: Server = { url: `${base}/mcp`, headers: {} }
  const clientInfo = { name: 'bench', version: '1' }
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo }
  const greet = () => send(server, { method: 'initialize', params }, 0).catch(() => null)
  const answer = await eventually('server-everything is up', greet, (found) => found !== null)
  const session = answer?.response.headers.get('mcp-session-id') ?? null
  if (session === null) throw new Error('server-everything gave no session.')
  server.headers['mcp-session-id'] = session
  return {
    server,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}
