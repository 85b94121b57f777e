// Clients that hang up over real HTTP: the platform then cancels what is not kept alive, so only here it shows that a call is
// still stopped upstream and settled.
import { spawn } from 'node:child_process'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { createGatewayLab } from '../support/gateway-lab.ts'
import type { GatewayLab } from '../support/gateway-lab.ts'

let lab: GatewayLab
beforeAll(async () => void (lab = await createGatewayLab()))
afterAll(() => lab.close())
beforeEach(() => lab.reset())

const callModel = (signal: AbortSignal) =>
  fetch(`${lab.base}/vm/model/v1/messages`, {
    method: 'POST',
    headers: { authorization: `Bearer ${lab.planToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'claude-opus-5-5',
      max_tokens: 100,
      stream: true,
      messages: [{ role: 'user', content: 'hi' }],
    }),
    signal,
  })
const START = `data: {"type":"message_start","message":{"usage":{"input_tokens":9,"output_tokens":1}}}\n\n`

describe('a client that hangs up', () => {
  it('while the model streams stops the call upstream at its next event, and leaves it settled', async () => {
    const closed = Promise.withResolvers<void>()
    lab.host.intercept = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(START)
      // The API pings while it thinks. Local workerd notices a client that left only when it writes to it (measured).
      const pings = setInterval(() => response.write('event: ping\ndata: {"type":"ping"}\n\n'), 50)
      response.on('close', () => {
        clearInterval(pings)
        closed.resolve()
      })
      return true
    }
    const client = new AbortController()
    const response = await callModel(client.signal)
    await response.body?.getReader().read()
    client.abort()
    await closed.promise
    await vi.waitFor(
      async () => expect((await lab.state()).settled).toMatchObject([{ kind: 'model' }]),
      600_000,
    )
  })

  it('in the middle of a push leaves no ref changed and the push settled', async () => {
    const dir = await lab.clone()
    await lab.commit(dir, 'head -c 30000000 /dev/urandom > big')
    const before = await lab.refs()
    const arrived = Promise.withResolvers<void>()
    lab.host.intercept = (request) => {
      if (request.headers['transfer-encoding'] === 'chunked') arrived.resolve()
      return false
    }
    const header = `http.extraHeader=Authorization: Bearer ${lab.planToken}`
    const args = ['-c', header, 'push', '--progress', 'origin', 'HEAD:refs/heads/agent/p1']
    const git = spawn('git', args, { cwd: dir, stdio: 'ignore', detached: true })
    await arrived.promise
    process.kill(-(git.pid ?? 0), 'SIGKILL') // git and its transport, which this test started
    await vi.waitFor(async () => {
      const { settled } = await lab.state()
      expect(settled.at(-1)?.kind).toMatch(/unknown|refused_upstream|pushed/)
    }, 600_000)
    const { settled } = await lab.state()
    // Killed before the last byte, git's host saw half a pack; killed after it, the push is done and known to be.
    const done = settled.at(-1)?.kind === 'pushed'
    expect((await lab.refs()) === before).toBe(!done)
  })
})
