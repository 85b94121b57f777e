// bootstrap.sh killed with SIGKILL: after every step, and in the middle of them. The kill is made by bash itself, before a
// command, through BASH_ENV: the script under test has no hook for it.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeWith, needs } from '../../support/needs.ts'
import { startBootWorld } from '../support/bootstrap-world.ts'

const STEPS = ['disk', 'network', 'git', 'node', 'ralph', 'key', 'users', 'mirror', 'supervisor', 'done']
const inBootstrap = (trap: string) => `case "$0" in */bootstrap.sh) set -T; trap '${trap}' DEBUG ;; esac`
const KILL_AFTER_EACH_STEP = inBootstrap(
  `for s in ${STEPS.join(' ')}; do
    if [ -e ~/.ralph/boot/done/$s ] && [ ! -e /root/killed/$s ]; then : >/root/killed/$s; kill -9 $$; fi
  done`,
)
/** Never in the children apt-get and tar: what they leave half-done is the same as when the machine dies. */
const KILL_AT_COMMAND = inBootstrap('n=$((${n:-0} + 1)); [ "$n" -lt "$KILL_AT" ] || kill -9 $$')

const ended = ({ step }: { step: string }): boolean => step === 'none' || step === 'done'

describeWith(needs.bwrap(), 'a bootstrap that is killed', () => {
  let world: Awaited<ReturnType<typeof startBootWorld>>
  beforeAll(async () => {
    world = await startBootWorld()
  })
  afterAll(async () => {
    await world[Symbol.asyncDispose]()
  })
  const out = async (id: string, command: string) => (await world.bash(id, command)).output.trim()

  it('after every single step goes on at the next one, does none twice and reaches done', async () => {
    const id = await world.create('steps-bare')
    await world.bash(id, `mkdir /root/killed; cat >/root/env.sh <<'E'\n${KILL_AFTER_EACH_STEP}\nE`)
    const { command, nonce } = world.newStart()
    const given = world.worker.state.keysGiven
    for (const step of STEPS) {
      await world.bash(id, `export BASH_ENV=/root/env.sh\n${command}`)
      await world.untilStatus(id, ended)
      expect(await out(id, 'ls /root/killed')).toContain(step)
    }
    // Died behind its last marker: nothing is left to do.
    expect(await out(id, command)).toBe('{"step":"done","error":null}')
    expect(await out(id, 'cat ~/rings')).toBe(`doorbell ${nonce}`)
    expect(world.worker.state.keysGiven - given).toBe(1)
  })

  it('in the middle of steps, again and again, still reaches done, also by newer starts', async () => {
    const id = await world.create('middle')
    await world.bash(id, `cat >/root/env.sh <<'E'\n${KILL_AT_COMMAND}\nE`)
    let start = world.newStart()
    let kills = 0
    for (let killAt = 20; killAt < 600; killAt += 29) {
      if (kills % 3 === 2) start = world.newStart()
      await world.bash(id, `export BASH_ENV=/root/env.sh KILL_AT=${killAt}\n${start.command}`)
      if ((await world.untilStatus(id, ended)).step === 'done') break
      kills++
    }
    expect(kills).toBeGreaterThan(4)
    await world.bash(id, start.command)
    await world.isDone(id)
    expect(await out(id, 'cat ~/.ralph/vm.key')).toBe(`aer_vm_KEY-of-${start.ticket}`)
    expect(await out(id, 'tail -n 1 ~/rings')).toBe(`doorbell ${start.nonce}`)
  })

  it('together with its machine is told as not running, so that it is started again', async () => {
    const id = await world.create('reboot-bare')
    const start = world.newStart()
    await world.bash(id, start.command)
    await world.untilStatus(id, ({ step }) => step === 'git' || step === 'node')
    await world.control('POST', '/computers/reboot-bare/reboot')
    expect(await world.status(id)).toEqual({ step: 'none', error: null })
    await world.bash(id, start.command)
    await world.isDone(id)
  })
})
