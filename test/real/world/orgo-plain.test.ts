// Computers where bubblewrap is missing: weaker, said so, and still with a life of their own.

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { startWorld, until } from '../../world/orgo/test-client.ts'

describe('a computer of the local Orgo without bubblewrap', () => {
  it('is announced as weaker, and runs bash with a home of its own', async () => {
    const lines: string[] = []
    await using world = await startWorld({ sandbox: 'process', log: (line) => lines.push(line) })
    expect(world.orgo.sandboxKind).toBe('process')
    expect(lines.join()).toContain('Install bubblewrap')
    const id = await world.create('one')
    await world.bash(id, 'echo mine > ~/file')
    const home = `${world.orgo.computerDirs()[0]?.dir}/root`
    expect(await world.bash(id, 'pwd; echo $HOME; cat ~/file; exit 3')).toEqual({
      output: `${home}\n${home}\nmine\n`,
      exit_code: 3,
    })
    const full = world.control('POST', '/computers/one/fill-disk')
    await expect(full).rejects.toThrow('a full disk needs bubblewrap')
  })

  it('freezes on suspend, and stop ends also what called setsid while the home stays', async () => {
    await using world = await startWorld({ sandbox: 'process' })
    const id = await world.create('one')
    const count = 'while :; do echo x >> ~/ticks; sleep 0.01; done'
    await world.bash(id, `echo $$ > ~/file; setsid bash -c '${count}' > /dev/null 2>&1 < /dev/null &`)
    const ticks = async () => (await world.bash(id, 'wc -l < ~/ticks')).output
    const first = await until('ticks', async () => (await ticks()) || undefined)
    await world.control('POST', '/computers/one/suspend')
    expect((await world.call('GET', `/computers/${id}`)).body['status']).toBe('suspended')
    await until('more ticks', async () => ((await ticks()) === first ? undefined : true))
    await world.call('POST', `/computers/${id}/stop`)
    await world.waitForStatus(id, 'stopped')
    const file = `${world.orgo.computerDirs()[0]?.dir}/root/ticks`
    const last = readFileSync(file, 'utf8')
    await new Promise((done) => setTimeout(done, 200)) // twenty ticks' time
    expect(readFileSync(file, 'utf8')).toBe(last)
    await world.call('POST', `/computers/${id}/start`)
    expect(Number(await ticks())).toBe(last.length / 2)
  })
})
