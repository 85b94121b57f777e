// What a machine can lack: each is named in {step, error}, and the same command does the rest once it is mended.
import { gzipSync } from 'node:zlib'
import { createServer } from 'node:http'
import { createHash } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeWith, needs } from '../../support/needs.ts'
import { NODE_VERSION } from '../../../src/orgo/node-pin.ts'
import { startBootWorld } from '../support/bootstrap-world.ts'

const LOCK = '/var/lib/dpkg/lock-frontend'
const HOLD_LOCK = `setsid flock ${LOCK} sleep 300 >/dev/null 2>&1 </dev/null & while flock -n ${LOCK} true; do :; done`
const FREE_LOCK = 'kill $(pgrep -x flock) $(pgrep -x sleep)'

describeWith(needs.bwrap(), 'a machine that cannot be made ready', () => {
  let world: Awaited<ReturnType<typeof startBootWorld>>
  beforeAll(async () => {
    world = await startBootWorld()
  })
  afterAll(async () => {
    await world[Symbol.asyncDispose]()
  })

  it('for a full disk says so, both at once and when asked again, and is mended by space', async () => {
    const id = await world.create('full')
    await world.bash(id, 'true')
    await world.control('POST', '/computers/full/fill-disk')
    const start = world.newStart()
    const { output } = await world.bash(id, start.command)
    expect(JSON.parse(output)).toEqual({ step: 'disk', error: expect.stringContaining('disk full') })
    expect(await world.status(id)).toEqual(JSON.parse(output))
    await world.control('POST', '/computers/full/fill-disk', { undo: true })
    await world.bash(id, start.command)
    await world.isDone(id)
  })

  it('for a disk that fills up on the way says so as well', async () => {
    const id = await world.create('filling-bare')
    // apt waits meanwhile, so that the disk is full in the middle of a step.
    await world.bash(id, HOLD_LOCK)
    await world.bash(id, world.newStart().command)
    await world.untilStatus(id, ({ step }) => step === 'git')
    await world.control('POST', '/computers/filling-bare/fill-disk')
    await world.bash(id, FREE_LOCK)
    expect((await world.failed(id)).error).toContain('disk full')
  })

  it('for a network that is cut names what cannot be reached', async () => {
    const id = await world.create('cut')
    const start = world.newStart({ vmUrl: 'http://127.0.0.1:9' })
    await world.bash(id, start.command)
    expect(await world.failed(id)).toEqual({
      step: 'network',
      error: expect.stringContaining('network missing: cannot reach http://127.0.0.1:9'),
    })
  })

  it('for a package archive that cannot be reached names it', async () => {
    const id = await world.create('no-archive-bare')
    await world.bash(id, 'echo "deb http://127.0.0.1:9/debian stable main" > /etc/apt/sources.list')
    await world.bash(id, world.newStart().command)
    expect(await world.failed(id)).toEqual({
      step: 'git',
      error: expect.stringContaining('network missing: the package archive cannot be reached'),
    })
  })

  it('waits for the lock of apt, and names it when it is held for too long', async () => {
    const id = await world.create('locked-bare')
    await world.bash(id, HOLD_LOCK)
    const start = world.newStart()
    await world.bash(id, `export RALPH_APT_WAIT_S=1\n${start.command}`)
    expect(await world.failed(id)).toEqual({
      step: 'git',
      error: 'the package system (apt) stayed locked by another process for 1 s',
    })
    await world.bash(id, start.command)
    await world.untilStatus(id, ({ step }) => step === 'git')
    await world.bash(id, 'until pgrep -f "[a]pt-get.*Timeout=300" >/dev/null; do sleep 0.05; done')
    await world.bash(id, FREE_LOCK)
    await world.untilStatus(id, ({ step }) => step !== 'git')
    await world.isDone(id)
  })

  it('for a Node archive that is not what its checksum says installs nothing of it', async () => {
    const archive = gzipSync('not what was promised')
    const sums = `${createHash('sha256').update('the real one').digest('hex')}  node-v${NODE_VERSION}-linux-${process.arch}.tar.gz\n`
    const dist = createServer((request, response) => {
      response.end(request.url?.endsWith('SHASUMS256.txt') === true ? sums : archive)
    })
    await new Promise<void>((done) => {
      dist.listen(0, '127.0.0.1', done)
    })
    const { port } = dist.address() as AddressInfo // a TCP server's address is always this shape
    const id = await world.create('bad-node-bare')
    await world.bash(id, world.newStart({ nodeDistUrl: `http://127.0.0.1:${port}` }).command)
    const { step, error } = await world.failed(id)
    dist.close()
    expect({ step, error }).toEqual({
      step: 'node',
      error: expect.stringContaining('does not have the expected SHA-256'),
    })
    expect((await world.bash(id, 'ls /opt/ralph/node')).exit_code).not.toBe(0)
  })

  it('for an agent that arrives changed installs nothing of it', async () => {
    const id = await world.create('bad-ralph')
    const { state } = world.worker
    const real = state.ralph
    state.ralph = `${real}// and more`
    const start = world.newStart()
    await world.bash(id, start.command)
    expect(await world.failed(id)).toEqual({
      step: 'ralph',
      error: 'ralph.mjs did not arrive whole: its SHA-256 is wrong',
    })
    expect((await world.bash(id, 'ls /opt/ralph/ralph.mjs')).exit_code).not.toBe(0)
    state.ralph = real
    await world.bash(id, start.command)
    await world.isDone(id)
  })

  it('for a ticket that is refused says so and keeps no key', async () => {
    const id = await world.create('spent')
    const start = world.newStart()
    world.worker.state.tickets.delete(start.ticket)
    await world.bash(id, start.command)
    expect((await world.failed(id)).error).toContain("refused this VM's bootstrap ticket (HTTP 401)")
    expect((await world.bash(id, 'ls ~/.ralph/vm.key')).exit_code).not.toBe(0)
  })
})
