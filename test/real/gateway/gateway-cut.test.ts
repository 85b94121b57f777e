// Streams under way when their right ends: real gateway, real object, real `git http-backend`. Each is cut before the change is
// answered, whatever the client does, and nothing of it reaches the repository.
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { createObjectLab, makeCommit, pushHead, storeCommit, watchHost } from '../support/object-lab.ts'
import type { HostWatch, ObjectLab, Seeded } from '../support/object-lab.ts'

let lab: ObjectLab
let seeded: Seeded
beforeAll(async () => void (lab = await createObjectLab()))
afterAll(() => lab.close())
beforeEach(async () => void (seeded = await lab.seed()))

const HELD_BYTES = 20
const PATIENCE_MS = 120_000
const isPost = (service: string) => (request: IncomingMessage) =>
  request.method === 'POST' && request.url?.endsWith(`/${service}`) === true

interface Stream {
  watch: HostWatch
  /** What the client would do next. */
  goOn(): void
}

/** A push that has sent all but the last bytes of its pack, and waits. */
async function pausedPush(): Promise<Stream> {
  const watch = watchHost(isPost('git-receive-pack'))
  lab.host.intercept = watch.intercept
  const { commit, pack } = makeCommit(seeded)
  const client = lab.open(seeded, 'POST', `git/${seeded.name}.git/git-receive-pack`, {
    'content-type': 'application/x-git-receive-pack-request',
  })
  client.write(Buffer.concat([pushHead(commit, seeded.ref), pack.subarray(0, -HELD_BYTES)]))
  await vi.waitFor(() => expect(watch.received()).toBeGreaterThan(pack.length), PATIENCE_MS)
  return { watch, goOn: () => client.end(pack.subarray(-HELD_BYTES)) }
}

/** A model stream that said its first word and nothing since. */
async function stalledModel(): Promise<Stream> {
  const watch = watchHost(({ url }) => url === '/v1/messages')
  lab.host.intercept = (request, response) => {
    if (request.url !== '/v1/messages') return false
    watch.intercept(request, response)
    response
      .writeHead(200, { 'content-type': 'text/event-stream' })
      .write(`data: {"type":"message_start","message":{"usage":{"input_tokens":9,"output_tokens":1}}}\n\n`)
    return true
  }
  const client = lab.open(seeded, 'POST', 'model/v1/messages', { 'content-type': 'application/json' })
  const messages = [{ role: 'user', content: 'hi' }]
  client.end(JSON.stringify({ model: 'claude-opus-5-5', max_tokens: 100, stream: true, messages }))
  await once(client, 'response')
  return { watch, goOn: () => client.destroy() }
}

/** A fetch whose client takes the first bytes of a large pack and then reads no more. */
async function slowFetch(): Promise<Stream> {
  const big = storeCommit(seeded, 40_000_000, 'refs/heads/big')
  const watch = watchHost(isPost('git-upload-pack'))
  lab.host.intercept = watch.intercept
  const client = lab.open(seeded, 'POST', `git/${seeded.name}.git/git-upload-pack`, {
    'content-type': 'application/x-git-upload-pack-request',
  })
  client.on('response', (response) => {
    response.on('error', () => {})
    response.once('readable', () => void response.read(1))
  })
  const want = `want ${big} ofs-delta\n`
  client.end(`${(want.length + 4).toString(16).padStart(4, '0')}${want}00000009done\n`)
  await once(client, 'response')
  return { watch, goOn: () => client.destroy() }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startMs = Date.now()
  await work()
  return Date.now() - startMs
}

/** What this machine, as busy as it is now, may take longer than a quiet one: many times what its quickest answer costs. */
async function slackMs(): Promise<number> {
  return 20 * (await timed(() => seeded.get('open-leases')))
}

const STREAMS = {
  'a push paused before its last 20 bytes': pausedPush,
  'a stalled model stream': stalledModel,
  'a slow fetch': slowFetch,
}

const CHANGES = {
  'a cancel': () => seeded.post(`cancel/${seeded.plan}`),
  'a new attempt': async () => {
    // As when the pause was written a moment before, and the streams have not been told yet.
    await seeded.post(`change/${seeded.plan}`, {
      status: 'paused',
      pausedReason: 'budget',
      pausedAtMs: Date.now(),
    })
    return seeded.post(`resume/${seeded.plan}`)
  },
  'the removal of the workspace': () => seeded.post('remove'),
  'the clean-up after a merge': async () => {
    const pushedHead = seeded.git('rev-parse', 'main')
    const finished = {
      status: 'completed',
      pushedHead,
      firstPushAtMs: 1,
      mergeStatus: 'merged',
      mergeCheckAtMs: 1,
    }
    await seeded.post(`change/${seeded.plan}`, finished)
    return seeded.post('ring')
  },
}

describe.each(Object.entries(STREAMS))('%s', (_stream, open) => {
  it.each(Object.entries(CHANGES))('is cut within 2 s by %s, and no ref changes', async (name, change) => {
    const stream = await open()
    const before = seeded.git('show-ref')
    const slack = await slackMs()
    const cutMs = timed(() => stream.watch.closed)
    const tookMs = await timed(change)
    expect((await stream.watch.closed).whole).toBe(false)
    expect(await cutMs).toBeLessThan(2_000 + slack)
    // The clean-up goes on with the host once it has cut; the others answer a person.
    expect(tookMs).toBeLessThan((name.startsWith('the clean-up') ? 30_000 : 2_000) + slack)
    // Cut first, answered then.
    expect((await cutMs) - tookMs).toBeLessThan(200 + slack)
    stream.goOn()
    await vi.waitFor(async () => expect(await seeded.get('open-leases')).toBe(0), PATIENCE_MS)
    expect(seeded.git('show-ref')).toBe(before)
  })
})

describe('a push whose pack the host has in full when the plan is cancelled', () => {
  /** Sends all of a push to a host that thinks for so long, and answers when the host has it. */
  async function wholePush(hostThinksMs: number): Promise<string> {
    const hook = join(seeded.bare, 'hooks', 'pre-receive')
    writeFileSync(hook, `#!/bin/sh\ncat > ${seeded.bare}/arrived\nsleep ${hostThinksMs / 1_000}\n`, {
      mode: 0o755,
    })
    const { commit, pack } = makeCommit(seeded)
    const client = lab.open(seeded, 'POST', `git/${seeded.name}.git/git-receive-pack`, {
      'content-type': 'application/x-git-receive-pack-request',
    })
    client.end(Buffer.concat([pushHead(commit, seeded.ref), pack]))
    await vi.waitFor(
      () => expect(readFileSync(`${seeded.bare}/arrived`, 'utf8')).toContain(commit),
      PATIENCE_MS,
    )
    return commit
  }
  const plan = async () =>
    z
      .object({ status: z.string(), pushedHead: z.string().nullable() })
      .parse(await seeded.get(`plan/${seeded.plan}`))

  it('is waited for a moment, and stands in the answer', async () => {
    const commit = await wholePush(300)
    await seeded.post(`cancel/${seeded.plan}`)
    expect(await plan()).toEqual({ status: 'cancelled', pushedHead: commit })
    expect(seeded.git('rev-parse', seeded.ref)).toBe(commit)
  })

  it('is cut when the host takes longer, then looked for and recorded', async () => {
    const slack = await slackMs()
    const commit = await wholePush(3_000 + slack)
    expect(await timed(() => seeded.post(`cancel/${seeded.plan}`))).toBeLessThan(2_000 + slack)
    expect(await plan()).toEqual({ status: 'cancelled', pushedHead: null })
    await seeded.post('ring') // too early: the host is still busy, and it is not given up
    await vi.waitFor(() => expect(seeded.git('show-ref')).toContain(commit), PATIENCE_MS)
    await seeded.post('ring')
    expect(await plan()).toEqual({ status: 'cancelled', pushedHead: commit })
  })
})

describe('a client whose push was cut', () => {
  it('reads why, in git’s own report', async () => {
    const watch = watchHost(isPost('git-receive-pack'))
    lab.host.intercept = watch.intercept
    const { commit, pack } = makeCommit(seeded)
    const client = lab.open(seeded, 'POST', `git/${seeded.name}.git/git-receive-pack`)
    client.write(Buffer.concat([pushHead(commit, seeded.ref), pack.subarray(0, -HELD_BYTES)]))
    const answered = once(client, 'response')
    await vi.waitFor(() => expect(watch.received()).toBeGreaterThan(pack.length), PATIENCE_MS)
    await seeded.post(`cancel/${seeded.plan}`)
    const [response] = z.tuple([z.instanceof(IncomingMessage)]).parse(await answered)
    expect(String(Buffer.concat(await response.toArray()))).toContain('cut: the right to push ended')
  })
})
