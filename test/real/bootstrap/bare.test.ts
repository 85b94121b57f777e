// bootstrap.sh on a machine with no git, no Node and an empty home: what stands there afterwards, and what is never done twice.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describeWith, needs } from '../../support/needs.ts'
import { foreignWorkspaceCommand, parseForeignWorkspace } from '../../../src/orgo/boot.ts'
import { startBootWorld } from '../support/bootstrap-world.ts'

describeWith(needs.bwrap(), 'a computer', () => {
  let world: Awaited<ReturnType<typeof startBootWorld>>
  beforeAll(async () => {
    world = await startBootWorld()
  })
  afterAll(async () => {
    await world[Symbol.asyncDispose]()
  })
  const out = async (id: string, command: string) => (await world.bash(id, command)).output.trim()

  it('has git, Node, Ralph, a key and a home for plans when it is done', async () => {
    const id = await world.create('whole-bare')
    expect(await out(id, 'command -v git node; ls -A ~')).toBe('')
    const { command, nonce, ticket } = world.newStart()
    expect(await out(id, command)).toBe('{"step":"start","error":null}')
    await world.isDone(id)
    expect(await out(id, 'git --version')).toMatch(/^git version/)
    expect(await out(id, 'cat ~/rings')).toBe(`doorbell ${nonce}`)
    expect(await out(id, 'cat ~/.ralph/vm.key')).toBe(`aer_vm_KEY-of-${ticket}`)
    expect(
      await out(
        id,
        'stat -c "%a %n" ~/.ralph ~/.ralph/vm.key /srv/workspace /opt/ralph /opt/ralph/ralph.mjs',
      ),
    ).toBe(
      '700 /root/.ralph\n600 /root/.ralph/vm.key\n755 /srv/workspace\n755 /opt/ralph\n644 /opt/ralph/ralph.mjs',
    )
    expect(await out(id, 'readlink ~/workspace; cat ~/.ralph/config.json ~/.ralph/workspace')).toBe(
      `/srv/workspace\n{"url":"${world.worker.url}","workspace":"demo"}\ndemo`,
    )
    const asNobody = 'setpriv --reuid=65534 --regid=65534 --clear-groups env HOME=/tmp /opt/ralph/ralph hi'
    expect(await out(id, asNobody)).toContain('"ralph":1')
    expect(await out(id, 'cat /opt/ralph/ralph')).toContain('exec "/opt/ralph/node/bin/node"')
    expect(await out(id, 'cd ~/.ralph/boot; ls ticket* *.part *.new /opt/ralph/.new* 2>/dev/null')).toBe('')
  })

  it('uses the Node that is there, unless plan users could not run it', async () => {
    const id = await world.create('has-node')
    await world.bash(id, world.newStart().command)
    await world.isDone(id)
    expect(await out(id, 'cat /opt/ralph/ralph; ls /opt/ralph')).toContain('exec "/usr/local/bin/node"')
    await world.bash(id, 'mkdir -m 700 ~/mine && cp /usr/local/bin/node ~/mine/')
    await world.bash(id, `export PATH=/root/mine:$PATH\n${world.newStart().command}`)
    await world.isDone(id)
    expect(await out(id, 'cat /opt/ralph/ralph')).toContain('exec "/opt/ralph/node/bin/node"')
  })

  it('takes two starts at once for one, and a start that was done for nothing to do', async () => {
    const id = await world.create('twice')
    const { command } = world.newStart()
    const before = world.worker.state.keysGiven
    const answers = await Promise.all(Array.from({ length: 12 }, () => out(id, command)))
    expect(answers.filter((answer) => !answer.includes('"error":null'))).toEqual([])
    await world.isDone(id)
    expect(await out(id, command)).toBe('{"step":"done","error":null}')
    // The waiting ones get the lock in their turn, also while the supervisor lives.
    await world.bash(id, 'while pgrep -f "[b]oot/start.sh"; do sleep 0.05; done')
    expect(await out(id, 'wc -l < ~/rings')).toBe('1')
    expect(world.worker.state.keysGiven - before).toBe(1)
  })

  it('holds its lock no longer than it runs itself, whatever it started in the background', async () => {
    const id = await world.create('lock')
    const node = '#!/bin/bash\nsleep 300 </dev/null >/dev/null 2>&1 &\nexec /usr/local/bin/node "$@"\n'
    await world.bash(
      id,
      `mkdir /opt/mine && printf '%s' '${node}' >/opt/mine/node && chmod 755 /opt/mine/node`,
    )
    await world.bash(id, `export PATH=/opt/mine:$PATH\n${world.newStart().command}`)
    await world.isDone(id)
    expect(
      await out(id, 'while pgrep -f "[b]oot/bootstrap.sh"; do sleep 0.05; done; pgrep -x sleep | wc -l'),
    ).not.toBe('0')
    expect((await world.bash(id, 'flock -n ~/.ralph/boot/lock true')).exit_code).toBe(0)
  })

  it('gives its key up for a newer one and rings anew at every new start', async () => {
    const id = await world.create('anew')
    await world.bash(id, world.newStart().command)
    await world.isDone(id)
    const second = world.newStart()
    await world.bash(id, second.command)
    await world.untilStatus(id, ({ step }) => step === 'done')
    expect(await out(id, 'cat ~/.ralph/vm.key; tail -n 1 ~/rings')).toBe(
      `aer_vm_KEY-of-${second.ticket}\ndoorbell ${second.nonce}`,
    )
  })

  it('never makes a ticket or key an argument of a program', async () => {
    const id = await world.create('arguments')
    const trace = 'case "$0" in */boot/*) exec 8>>/root/trace; BASH_XTRACEFD=8; set -x ;; esac'
    await world.bash(id, `echo '${trace}' > /root/trace.sh`)
    const { command, ticket } = world.newStart()
    await world.bash(id, `export BASH_ENV=/root/trace.sh\n${command}`)
    await world.isDone(id)
    const traced = (await out(id, 'cat /root/trace')).split('\n').filter((line) => line.includes(ticket))
    // The shell's own words start no program. `put` is our function.
    const inside = /^\++ (printf|put|'\['|key=|local) ?/
    expect(traced.length).toBeGreaterThan(3)
    expect(traced.filter((line) => !inside.test(line))).toEqual([])
  })

  it('of another workspace, or with a ~/workspace of somebody, is left alone', async () => {
    const id = await world.create('foreign')
    const holds = async () => parseForeignWorkspace(await out(id, foreignWorkspaceCommand()))
    expect(await holds()).toBeNull()
    await world.bash(id, 'mkdir ~/workspace && echo mine > ~/workspace/file')
    expect(await holds()).toBe('?')
    await world.bash(id, world.newStart().command)
    expect(await world.failed(id)).toEqual({
      step: 'users',
      error: 'this VM already holds a ~/workspace that is not ours',
    })
    expect(await out(id, 'cat ~/workspace/file')).toBe('mine')
    await world.bash(id, 'rm -r ~/workspace')
    await world.bash(id, world.newStart().command)
    await world.isDone(id)
    expect(await holds()).toBe('demo')
    await world.bash(id, world.newStart({ workspace: 'other' }).command)
    expect((await world.failed(id)).error).toBe('this VM already belongs to the workspace demo')
  })
})

describe('a home on a machine that is not its own', () => {
  it('is made ready without touching anything outside of it', async () => {
    await using world = await startBootWorld({ sandbox: 'process' })
    const id = await world.create('plain')
    await world.bash(id, world.newStart().command)
    await world.isDone(id)
    const answer = await world.bash(id, 'cd ~; pwd; readlink -f .ralph/ralph workspace; cat rings')
    const [home = '', ralph, workspace, rings] = answer.output.split('\n')
    expect([ralph, workspace]).toEqual([`${home}/.ralph/opt/ralph`, `${home}/.ralph/srv`])
    expect(rings).toMatch(/^doorbell nonce/)
  })
})
