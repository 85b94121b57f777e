// The world of the bootstrap.sh tests: bare computers of the local Orgo, and the few Worker routes that a bootstrap calls.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { BootStatus } from '../../../src/shared/protocol.ts'
import { firstCommand, parseBootStatus, statusCommand } from '../../../src/orgo/boot.ts'
import { startWorld } from '../../world/orgo/test-client.ts'
import type { StartOrgoOptions } from '../../world/orgo/server.ts'

const ROOT = join(import.meta.dirname, '../../..')
const PATIENCE_MS = 240_000
/** A fake agent: it answers the doorbell and leaves a supervisor running, which must not hold the bootstrap's lock. */
const RALPH = `import { spawn } from 'node:child_process'
import { appendFileSync } from 'node:fs'
appendFileSync(process.env.HOME + '/rings', process.argv.slice(2).join(' ') + '\\n')
if (process.argv[2] === 'doorbell') spawn('sleep', ['300'], { detached: true, stdio: 'ignore' }).unref()
console.log('hello')
console.log(JSON.stringify({ ralph: 1, bootId: 'b', counter: 1, agentSha256: '', supervisor: 'started' }))
`
export const RALPH_SHA256 = createHash('sha256').update(RALPH).digest('hex')

/** Port 0 takes any free port. As on the real Worker, a ticket is valid until its key was used. */
async function startFakeWorker(port = 0) {
  const state = { tickets: new Set<string>(), keysGiven: 0, requests: [] as string[], ralph: RALPH }
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://worker')
    const token = request.headers.authorization?.replace(/^Bearer /, '') ?? ''
    state.requests.push(`${request.method} ${url.pathname}`)
    const send = (status: number, body: string) => response.writeHead(status).end(body)
    if (url.pathname === '/healthz') return send(200, '{"ok":true}')
    if (!state.tickets.has(token) && !token.startsWith('aer_vm_')) return send(401, '{}')
    if (url.pathname === '/vm/bootstrap.sh')
      return send(200, readFileSync(join(ROOT, 'agent/bootstrap.sh'), 'utf8'))
    if (url.pathname === '/vm/ralph.mjs')
      return url.searchParams.get('sha') === RALPH_SHA256 ? send(200, state.ralph) : send(404, '{}')
    if (url.pathname !== '/vm/key' || request.method !== 'POST') return send(404, '{}')
    state.keysGiven++
    return send(200, JSON.stringify({ vmKey: `aer_vm_KEY-of-${token}`, workspace: 'demo' }))
  })
  await new Promise<void>((done) => {
    server.listen(port, '127.0.0.1', done)
  })
  // A TCP server's address always has this shape.
  const { port: actual } = server.address() as AddressInfo
  return {
    state,
    port: actual,
    url: `http://127.0.0.1:${actual}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }
}

/**
 * One local Orgo for a whole test file, because packing Node's archive takes seconds. A name ending in -bare has no git and no
 * Node.
 */
export async function startBootWorld(options: Partial<StartOrgoOptions> = {}) {
  const nodeBinary = join(ROOT, 'node_modules/node/bin/node')
  const world = await startWorld({ nodeBinary, ...options })
  const worker = await startFakeWorker()
  let starts = 0

  /** Makes a new first command with its own ticket and nonce. */
  function newStart(over: Partial<Parameters<typeof firstCommand>[0]> = {}) {
    starts++
    const ticket = `aer_ticket_TICKET${starts}.x`
    const nonce = `nonce${String(starts).padStart(8, '0')}`
    worker.state.tickets.add(ticket)
    const command = firstCommand({
      vmUrl: worker.url,
      ticket,
      nonce,
      workspace: 'demo',
      ralphSha256: RALPH_SHA256,
      nodeDistUrl: world.orgo.nodeDistUrl,
      ...over,
    })
    return { ticket, nonce, command }
  }

  const status = async (id: string): Promise<BootStatus | null> =>
    parseBootStatus((await world.bash(id, statusCommand())).output)

  /** Returns the status once isWanted(status) is true. Fails with the last status and the log. */
  async function untilStatus(id: string, isWanted: (status: BootStatus) => boolean): Promise<BootStatus> {
    const deadline = Date.now() + PATIENCE_MS
    for (;;) {
      const now = await status(id)
      if (now !== null && isWanted(now)) return now
      if (Date.now() > deadline || (now?.error ?? null) !== null) {
        const log = await world.bash(id, 'tail -n 30 ~/.ralph/boot/log ~/.ralph/boot/*.log')
        throw new Error(`still ${JSON.stringify(now)}\n${log.output}`)
      }
      await new Promise((done) => setTimeout(done, 50))
    }
  }

  return {
    ...world,
    worker,
    newStart,
    status,
    isDone: (id: string) => untilStatus(id, ({ step }) => step === 'done'),
    failed: (id: string) => untilStatus(id, ({ error }) => error !== null),
    untilStatus,
    async [Symbol.asyncDispose]() {
      await worker[Symbol.asyncDispose]()
      await world[Symbol.asyncDispose]()
    },
  }
}
