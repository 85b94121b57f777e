// Stop, start, suspend, crash: what a computer of the local Orgo keeps and loses. Needs bubblewrap as root.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { describeWith, needs } from '../../support/needs.ts'
import { createClient, startWorld, until } from '../../world/orgo/test-client.ts'
import { bwrapOf, hostProcesses, startInChild } from '../../world/orgo/test-host.ts'

describeWith(needs.bwrap(), 'the boots of a computer of the local Orgo', () => {
  // Told apart on the host from another run of these tests at the same time.
  const SLEEP = `sleep 400.${process.pid}`
  const BOOT_ID = 'cat /proc/sys/kernel/random/boot_id'
  const BACKGROUND = `setsid ${SLEEP} > /dev/null 2>&1 < /dev/null & echo kept > /root/file`
  const LOOK = `cat /root/file; pgrep -c -f "^${SLEEP}"; true`

  it('loses processes and keeps the disk over stop and start, and each boot has its own id', async () => {
    await using world = await startWorld()
    const id = await world.create('one')
    const before = await world.bash(id, `${BACKGROUND}; ${BOOT_ID}`)
    expect((await world.call('POST', `/computers/${id}/stop`)).status).toBe(200)
    await world.waitForStatus(id, 'stopped')
    expect(hostProcesses(SLEEP)).toEqual([])
    const refused = await world.call('POST', `/computers/${id}/bash`, { command: 'true' })
    expect(refused).toEqual({
      status: 400,
      body: expect.objectContaining({ error: 'Desktop instance not available' }),
    })
    expect((await world.call('POST', `/computers/${id}/start`)).status).toBe(200)
    const after = await world.bash(id, `${LOOK}; ${BOOT_ID}`)
    const [file, count, bootId] = after.output.split('\n')
    expect([file, count]).toEqual(['kept', '0'])
    expect(bootId).toMatch(/^[0-9a-f-]{36}$/)
    expect(before.output).not.toContain(bootId)
    expect(before.output.trim()).not.toBe(readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim())
  })

  it('freezes every process on suspend and goes on in the same boot at the next action', async () => {
    await using world = await startWorld()
    const id = await world.create('one')
    const count =
      'setsid sh -c "while :; do echo x >> /root/ticks; sleep 0.01; done" > /dev/null 2>&1 < /dev/null &'
    const before = await world.bash(id, `${count} ${BOOT_ID}`)
    await until('ticks', async () =>
      (await world.bash(id, 'cat /root/ticks')).output === '' ? undefined : true,
    )
    await world.control('POST', `/computers/${id}/suspend`)
    const ticks = join(world.orgo.computerDirs()[0]?.dir ?? '', 'root/ticks')
    const frozen = readFileSync(ticks, 'utf8')
    await new Promise((done) => setTimeout(done, 200)) // twenty ticks' time
    expect(readFileSync(ticks, 'utf8')).toBe(frozen)
    expect((await world.call('GET', `/computers/${id}`)).body).toMatchObject({
      status: 'suspended',
      instance_details: null,
    })
    expect((await world.bash(id, BOOT_ID)).output).toBe(before.output)
    await until('more ticks', () => (readFileSync(ticks, 'utf8').length > frozen.length ? true : undefined))
    expect((await world.call('GET', `/computers/${id}`)).body['status']).toBe('running')
  })

  it('suspends an idle computer only when that was asked for, and not during a call', async () => {
    await using world = await startWorld({ profile: { autoStopMinuteMs: 20 } })
    const id = await world.create('one')
    const other = await world.create('other')
    await world.bash(id, 'true')
    await world.bash(other, 'true')
    const asked = await world.call('PATCH', `/computers/${id}/auto-stop`, { auto_stop_minutes: 15 })
    expect(asked.body).toEqual({ auto_stop_minutes: 15, auto_suspend_after: '15m' })
    expect((await world.bash(id, 'sleep 1.2; echo awake')).output).toBe('awake\n')
    await world.waitForStatus(id, 'suspended')
    expect((await world.call('GET', `/computers/${other}`)).body['status']).toBe('running')
    expect((await world.call('POST', `/computers/${id}/resume`)).body).toEqual({ success: true })
  })

  it('boots cold on waking where the profile says memory is not kept', async () => {
    await using world = await startWorld({ profile: { suspendKeepsProcesses: false } })
    const id = await world.create('one')
    const before = await world.bash(id, `${BACKGROUND}; ${BOOT_ID}`)
    await world.control('POST', '/computers/one/suspend')
    const after = await world.bash(id, `${LOOK}; ${BOOT_ID}`)
    expect(after.output).toMatch(/^kept\n0\n/)
    expect(after.output).not.toContain(before.output.trim())
  })

  it('leaves no process when the stand-in is killed, and boots anew from the same disk', async () => {
    const stateDir = mkdtempSync(join(tmpdir(), 'orgo-test-'))
    onTestFinished(() => rmSync(stateDir, { recursive: true, force: true }))
    const { child, url } = await startInChild(stateDir)
    const client = createClient(url)
    const id = await client.create('one')
    const before = await client.bash(id, `${BACKGROUND}; ${BOOT_ID}`)
    child.kill('SIGKILL')
    await until('an empty host', () => (hostProcesses(id).length === 0 ? true : undefined))
    expect(hostProcesses(SLEEP)).toEqual([])

    await using again = await startWorld({ stateDir })
    const after = await again.bash(id, `${LOOK}; ${BOOT_ID}`)
    expect(after.output).toMatch(/^kept\n0\n/)
    expect(after.output).not.toContain(before.output.trim())
    expect(hostProcesses(id)).not.toEqual([])
    await again.orgo.close()
    expect(hostProcesses(id)).toEqual([])
  })

  it('dies when its first process does, and says so', async () => {
    await using world = await startWorld()
    const id = await world.create('one')
    await world.bash(id, 'true')
    process.kill(bwrapOf(id), 'SIGKILL')
    await world.waitForStatus(id, 'stopped')
    expect(hostProcesses(id)).toEqual([])
  })

  it('kills by the control route as a crash does: everything gone, disk kept, nothing restarts it', async () => {
    await using world = await startWorld()
    const id = await world.create('one')
    await world.bash(id, BACKGROUND)
    const running = world.call('POST', `/computers/${id}/bash`, { command: SLEEP })
    await until('the call', () => (hostProcesses(SLEEP).length > 1 ? true : undefined))
    await world.control('POST', '/computers/one/kill')
    expect((await running).status).toBe(503)
    expect(hostProcesses(SLEEP)).toEqual([])
    expect((await world.call('GET', `/computers/${id}`)).body['status']).toBe('stopped')
    writeFileSync(join(world.orgo.computerDirs()[0]?.dir ?? '', 'root/scanned'), 'from the host\n')
    await world.call('POST', `/computers/${id}/ensure-running`)
    expect((await world.bash(id, 'cat /root/scanned')).output).toBe('from the host\n')
  })
})
