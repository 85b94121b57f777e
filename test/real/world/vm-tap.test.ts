// The tap between the VMs and the Worker: it streams, it cuts, and it shows what passed.
import { once } from 'node:events'
import { Agent, createServer, request } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { listen, shut } from '../../world/listen.ts'
import { createSecretWatch } from '../../world/secrets.ts'
import { startVmTap } from '../../world/vm-tap.ts'
import type { VmTap } from '../../world/vm-tap.ts'

type Handler = (request: IncomingMessage, response: ServerResponse) => void
const SECRET = 'sk-ant-canary-0123456789'
let handle: Handler = (_request, response) => void response.end()
const worker = createServer((incoming, outgoing) => handle(incoming, outgoing))
let watch = createSecretWatch({ ANTHROPIC_API_KEY: SECRET })
let tap: VmTap

beforeAll(async () => {
  const url = new URL(await listen(worker, 0))
  tap = await startVmTap({
    port: 0,
    workerPort: Number(url.port),
    secrets: { stream: (where) => watch.stream(where) },
  })
})
beforeEach(() => {
  watch = createSecretWatch({ ANTHROPIC_API_KEY: SECRET })
})
afterAll(async () => {
  await tap.close()
  await shut(worker)
})

// As git and fetch do; "connection: close" would let either side cut while bytes are on their way.
const agent = new Agent({ keepAlive: true, maxFreeSockets: 0 })

/** An open request: the test writes and reads when it wants to. */
function open(method: string, path: string, headers: Record<string, string> = {}) {
  const sent = request(`${tap.url}${path}`, { method, headers, agent })
  sent.on('error', () => undefined) // tests that cut look at the other side
  return sent
}

describe('streaming', () => {
  it('passes the first bytes of an answer on while the rest is not there yet, and the request likewise', async () => {
    const seenByWorker: string[] = []
    const answered = new Promise<ServerResponse>((resolve) => {
      handle = (incoming, outgoing) => {
        incoming.on('data', (chunk: Buffer) => seenByWorker.push(String(chunk)))
        outgoing.writeHead(200)
        outgoing.write('first')
        resolve(outgoing)
      }
    })
    const sent = open('POST', '/vm/x')
    sent.write('hello')
    const [answer] = (await once(sent, 'response')) as [IncomingMessage] // the event's own type
    expect(String((await once(answer, 'data'))[0])).toBe('first')
    await expect.poll(() => seenByWorker).toEqual(['hello'])
    sent.end()
    ;(await answered).end('last')
    expect(String((await once(answer, 'data'))[0])).toBe('last')
  })

  it('keeps method, path, query, status, repeated headers and every byte', async () => {
    const body = Buffer.from(Array.from({ length: 700_000 }, (_, index) => (index * 31) & 255))
    let path = ''
    handle = (incoming, outgoing) => {
      path = `${incoming.method ?? ''} ${incoming.url ?? ''} ${String(incoming.headers['x-one'])}`
      outgoing.writeHead(
        207,
        [
          ['set-cookie', 'a=1'],
          ['set-cookie', 'b=2'],
        ].flat(),
      )
      incoming.pipe(outgoing)
    }
    const response = await fetch(`${tap.url}/vm/a%2Fb?c=%20d`, {
      method: 'PUT',
      body,
      headers: { 'x-one': '1' },
    })
    expect(response.status).toBe(207)
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
    expect(Buffer.from(await response.arrayBuffer()).equals(body)).toBe(true)
    expect(path).toBe('PUT /vm/a%2Fb?c=%20d 1')
  })

  it('lets a sender that waits for "100 continue" go on', async () => {
    handle = (incoming, outgoing) => void incoming.pipe(outgoing)
    const sent = open('POST', '/vm/x', { expect: '100-continue', 'content-length': '4' })
    sent.flushHeaders()
    await once(sent, 'continue')
    sent.end('body')
    const [answer] = (await once(sent, 'response')) as [IncomingMessage] // the event's own type
    expect(String((await once(answer, 'data'))[0])).toBe('body')
  })

  it('hands a refusal on that came before the whole request was sent', async () => {
    handle = (_incoming, outgoing) => void outgoing.writeHead(401).end('no')
    const sent = open('POST', '/vm/x', { 'content-length': '100000000' })
    sent.write(Buffer.alloc(2_000_000))
    const [answer] = (await once(sent, 'response')) as [IncomingMessage] // the event's own type
    expect(answer.statusCode).toBe(401)
    expect(String((await once(answer, 'data'))[0])).toBe('no')
    sent.destroy()
  })
})

describe('cutting', () => {
  it('cuts the VM off when the Worker dies in the middle of an answer', async () => {
    handle = (incoming, outgoing) => {
      outgoing.writeHead(200)
      outgoing.write('half')
      setImmediate(() => incoming.socket.destroy())
    }
    const response = await fetch(`${tap.url}/vm/x`)
    await expect(response.text()).rejects.toThrow('terminated')
  })

  it('closes the connection of a VM when there is no Worker', async () => {
    const free = createServer()
    const port = Number(new URL(await listen(free, 0)).port)
    await shut(free)
    const lonely = await startVmTap({ port: 0, workerPort: port, secrets: watch })
    try {
      await expect(fetch(`${lonely.url}/vm/x`)).rejects.toThrow('fetch failed')
    } finally {
      await lonely.close()
    }
  })

  it('tells the Worker when the VM goes away, before and during the answer', async () => {
    for (const isAnswered of [false, true]) {
      const gone = new Promise<string>((resolve) => {
        handle = (_incoming, outgoing) => {
          outgoing.on('close', () => resolve('closed'))
          if (isAnswered) outgoing.writeHead(200).write('x')
          else socket.destroy()
        }
      })
      const socket = connect(Number(new URL(tap.url).port), '127.0.0.1')
      socket.write('GET /vm/x HTTP/1.1\r\nhost: x\r\n\r\n')
      socket.once('data', () => socket.destroy())
      expect(await gone).toBe('closed')
    }
  })
})

describe('watching', () => {
  it('sees a secret in a body cut into single bytes and in a header, and names the path without its query', async () => {
    handle = (_incoming, outgoing) => {
      outgoing.writeHead(200, { 'x-leak': `${SECRET}!` })
      outgoing.end('fine')
    }
    await (await fetch(`${tap.url}/vm/header?token=abc`)).text()
    handle = (_incoming, outgoing) => {
      const send = (rest: string): void => {
        if (rest === '') outgoing.end()
        else outgoing.write(rest.charAt(0), () => send(rest.slice(1)))
      }
      send(`..${SECRET}..`)
    }
    await (await fetch(`${tap.url}/vm/body`, { method: 'POST', body: 'x' })).text()
    expect(await watch.sightings([])).toEqual([
      { secret: 'ANTHROPIC_API_KEY', where: 'answer to GET /vm/header' },
      { secret: 'ANTHROPIC_API_KEY', where: 'answer to POST /vm/body' },
    ])
  })

  it('asks for answers it can read', async () => {
    handle = (incoming, outgoing) => {
      const isZipped = (incoming.headers['accept-encoding'] ?? '').includes('gzip')
      outgoing.writeHead(200, isZipped ? { 'content-encoding': 'gzip' } : {})
      outgoing.end(isZipped ? gzipSync(SECRET) : SECRET)
    }
    await (await fetch(`${tap.url}/vm/x`, { headers: { 'accept-encoding': 'gzip' } })).text()
    expect(await watch.sightings([])).toHaveLength(1)
  })

  it('does not mind a secret on its way from the VM to the Worker', async () => {
    handle = (incoming, outgoing) => {
      incoming.resume()
      outgoing.end()
    }
    await (await fetch(`${tap.url}/vm/x`, { method: 'POST', body: SECRET })).text()
    expect(await watch.sightings([])).toEqual([])
  })
})
