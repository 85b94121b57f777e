// `npm run bench -- mcp [--calls N] [--connections N]`: measures the MCP endpoint of `npm run dev` beside the protocol's
// reference server (@modelcontextprotocol/server-everything), in turns, on the same machine in one run: tools/list, and a call of
// a tool that reads.
import { isOver, script, startStack, submit, untilPlan } from '../test/e2e/support/stack.ts'
import { values } from './flags.ts'
import { openConnections } from './support/mcp-connections.ts'
import type { Ask, Connections } from './support/mcp-connections.ts'
import { startEverything } from './support/everything.ts'
import { median, report } from './report.ts'

const { calls = 1_600, connections = 32 } = values
/** Rounds of each lane, so that other load on the machine affects both. */
const ROUNDS = 4

await using everything = await startEverything()
await using stack = await startStack()
await stack.workspace('bench')
const plan = await submit(stack, 'bench', script('Write a file', 'echo hello > hello.txt'))
await untilPlan(stack, plan.id, isOver, 120_000)

const ours = await openConnections(connections, {
  url: stack.urls.mcp_url,
  headers: { authorization: `Bearer ${stack.urls.owner_token}` },
})
const theirs = await openConnections(connections, { url: everything.url, headers: {} })
const list: Ask = { method: 'tools/list', params: {} }
const status: Ask = { method: 'tools/call', params: { name: 'plan_status', arguments: { plan_id: plan.id } } }
const echo: Ask = { method: 'tools/call', params: { name: 'echo', arguments: { message: 'hello' } } }

const lanes = [
  { name: '`tools/list`, runtime', connections: ours, ask: list, times: new Array<number>() },
  { name: '`tools/list`, server-everything', connections: theirs, ask: list, times: new Array<number>() },
  { name: '`plan_status`, runtime', connections: ours, ask: status, times: new Array<number>() },
  { name: '`echo`, server-everything', connections: theirs, ask: echo, times: new Array<number>() },
]
for (const lane of lanes) await load(lane.connections, lane.ask, connections * 4) // warm from here
for (let round = 0; round < ROUNDS; round++)
  for (const lane of round % 2 === 0 ? lanes : lanes.toReversed())
    lane.times.push(...(await load(lane.connections, lane.ask, Math.ceil(calls / ROUNDS))))

const rows = lanes.map(({ name, times }) => {
  const sorted = times.toSorted((a, b) => a - b)
  const p99 = sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN
  return { name, calls: times.length, medianMs: median(times), p99Ms: p99 }
})
report({
  name: 'mcp',
  markdown: `${connections} connections at once, each asking again as soon as it is answered; client and servers share the machine. The runtime checks a
token and, for \`plan_status\`, asks the Durable Object of the workspace; server-everything does neither, and answers from one process of Node.

| | calls | median | p99 |
| --- | --- | --- | --- |
${rows.map((row) => `| ${row.name} | ${row.calls} | ${row.medianMs.toFixed(0)} ms | ${row.p99Ms.toFixed(0)} ms |`).join('\n')}`,
  figures: { connections, rows },
})

/** Returns the milliseconds of each call. */
async function load(open: Connections, ask: Ask, total: number): Promise<number[]> {
  const times: number[] = []
  let left = total
  await Promise.all(
    open.map(async (send) => {
      while (left-- > 0) {
        const startMs = performance.now()
        await send(ask)
        times.push(performance.now() - startMs)
      }
    }),
  )
  return times
}
