// What a computer of the local Orgo is inside. Needs bubblewrap as root: elsewhere computers are weaker by design,
// and these facts are not claimed.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeWith, needs } from '../../support/needs.ts'
import { startWorld, until } from '../../world/orgo/test-client.ts'
import type { World } from '../../world/orgo/test-client.ts'

describeWith(needs.bwrap(), 'a computer of the local Orgo', () => {
  let world: World
  let first: string
  let second: string

  beforeAll(async () => {
    world = await startWorld({ sandbox: 'bwrap' })
    first = await world.create('first')
    second = await world.create('second')
  })
  afterAll(async () => {
    await world[Symbol.asyncDispose]()
  })

  it('runs bash as root, in its own home, with git, curl and the Node of the project', async () => {
    const { output } = await world.bash(
      first,
      'id -u; pwd; echo $HOME $DISPLAY; hostname; node -v; git version; command -v curl',
    )
    const lines = output.split('\n')
    expect(lines.slice(0, 5)).toEqual(['0', '/root', '/root :99', 'orgo-desktop', process.version])
    expect(lines[5]).toMatch(/^git version/)
    expect(lines[6]).toBe('/usr/bin/curl')
  })

  it('offers a user npm, npx and corepack, which nobody in it can change', async () => {
    const script = `useradd -m builder && su builder -c 'cd && npm -v && npx -v && corepack -v'
      rm /usr/local/lib/node_modules/npm/package.json`
    const { output } = await world.bash(first, script)
    expect(output).toMatch(/^11\.\d+\.\d+\n11\.\d+\.\d+\n0\.\d+\.\d+\nrm: .*Read-only file system\n$/)
  })

  it('can add a user, who has a home and cannot read root’s', async () => {
    const script =
      'useradd -m plan1 && su plan1 -c "cd && id -un && pwd && node -v && git init -q x && ls /root; true"'
    const { output, exit_code } = await world.bash(first, script)
    expect(output).toContain(`plan1\n/home/plan1\n${process.version}\n`)
    expect(output).toContain("cannot open directory '/root'")
    expect(exit_code).toBe(0)
    expect(readFileSync('/etc/passwd', 'utf8')).not.toContain('plan1')
  })

  it('sees no other disk, no home of the host, not the project and no host process', async () => {
    await world.bash(second, 'echo hidden-in-second > /root/secret')
    const project = join(import.meta.dirname, '../../..')
    const places = [
      world.stateDir,
      project,
      process.env['HOME'] ?? '/root',
      '/etc/ssh',
      '/usr/local/share/ca-certificates',
    ]
    const listed = await world.bash(first, places.map((place) => `ls -A '${place}' 2> /dev/null`).join('; '))
    // Root's home exists inside, but it is the computer's own.
    expect(listed.output.replace(/Desktop|\.profile/g, '')).not.toMatch(/^\w/m)
    const found = await world.bash(
      first,
      'grep -rsl hidden-in-second / --include=secret --exclude-dir=proc --exclude-dir=usr',
    )
    expect(found.output).toBe('')
    const { output } = await world.bash(first, 'ls -d /proc/[0-9]* | wc -l')
    expect(Number(output)).toBeLessThan(10)
  })

  it('does not let its root change the host: no mounts, no devices, no kernel settings', async () => {
    const script =
      'mount -t tmpfs x /mnt; mknod /root/disk b 254 0; echo $(cat /proc/sys/vm/swappiness) > /proc/sys/vm/swappiness; touch /usr/x; ls /sys'
    const { output } = await world.bash(first, script)
    expect(output.match(/denied|not permitted|Read-only/g)).toHaveLength(4)
  })

  it('merges both streams in order, through a pipe that scripts may open again', async () => {
    const { output, exit_code } = await world.bash(
      first,
      'echo a; echo b >&2; echo c; echo d > /dev/stderr; exit 7',
    )
    expect(output).toBe('a\nb\nc\nd\n')
    expect(exit_code).toBe(7)
  })

  it('lets a fully detached child outlive the call', async () => {
    await world.bash(
      first,
      'setsid sh -c "sleep 0.2; echo done > /root/child" > /dev/null 2>&1 < /dev/null &',
    )
    const output = await until('the child', async () =>
      (await world.bash(first, 'cat /root/child')).output === 'done\n' ? 'done' : undefined,
    )
    expect(output).toBe('done')
    expect((await world.bash(first, 'ps -A -o stat= | grep -c Z')).output).toBe('0\n')
  })

  it('survives its root killing everything, as a machine does', async () => {
    await world.bash(first, 'setsid sleep 300 > /dev/null 2>&1 < /dev/null & kill -9 -1; true')
    expect((await world.bash(first, 'pgrep -c -x sleep; echo here')).output).toBe('0\nhere\n')
  })

  it('keeps a call open for a background child that holds its output, up to the time limit', async () => {
    const startedMs = Date.now()
    const answer = await world.call('POST', `/computers/${first}/bash`, {
      command: 'sleep 60 & echo started',
      timeout: 1,
    })
    expect(answer).toMatchObject({ status: 500, body: { upstream_status: 504 } })
    expect(Date.now() - startedMs).toBeGreaterThanOrEqual(1000)
    expect((await world.bash(first, 'pgrep -x sleep -a')).output).not.toContain('sleep 60')
  })

  it('copies the disk of a running computer when cloned, and no process', async () => {
    await world.bash(second, 'echo kept > /root/file; setsid sleep 500 > /dev/null 2>&1 < /dev/null &')
    const clone = await world.call('POST', `/computers/${second}/clone`, {})
    expect(clone).toMatchObject({ status: 201, body: { name: 'second (clone)', status: 'running' } })
    const { output } = await world.bash(String(clone.body['id']), 'cat /root/file; pgrep -c -f "^sleep 500"')
    expect(output).toBe('kept\n0\n')
  })

  it('answers "no space left" on a full disk, keeps saying so after a reboot, and recovers', async () => {
    await world.bash(second, 'echo before > /root/old; mkdir -p /root/empty')
    await world.control('POST', '/computers/second/fill-disk')
    const write = 'head -c 5000 /dev/zero > /root/new; cat /root/old; rmdir /root/empty; rm -f /root/new'
    const full = await world.bash(second, write)
    expect(full.output).toContain('No space left on device')
    expect(full.output).toContain('before')
    await world.control('POST', '/computers/second/reboot')
    expect((await world.bash(second, 'head -c 5000 /dev/zero > /srv/new')).output).toContain('No space left')
    await world.control('POST', '/computers/second/fill-disk', { undo: true })
    const after = await world.bash(
      second,
      'head -c 5000 /dev/zero > /root/new && stat -c %s /root/new; ls /root',
    )
    expect(after.output).toMatch(/^5000\n/)
  })

  it('is bare when asked: no git, no node, an empty home; apt-get really installs git', async () => {
    const bare = await world.create('plain-bare')
    const before = await world.bash(
      bare,
      'command -v git node npm npx corepack; ls -A /root; command -v curl tar xz',
    )
    expect(before.output).toBe('/usr/bin/curl\n/usr/bin/tar\n/usr/bin/xz\n')
    const held =
      'flock /var/lib/dpkg/lock-frontend sleep 300 > /dev/null 2>&1 < /dev/null & sleep 0.2; apt-get install -y git'
    const refused = await world.bash(bare, `${held}; code=$?; pkill -x sleep; exit $code`)
    expect(refused.output).toContain('Could not get lock /var/lib/dpkg/lock-frontend')
    expect(refused.exit_code).toBe(100)
    const waited = await world.bash(
      bare,
      '(flock 9; sleep 0.5) 9> /var/lib/dpkg/lock-frontend & sleep 0.1; apt-get -o DPkg::Lock::Timeout=30 install -y git',
    )
    expect(waited.output).toContain('Waiting for cache lock')
    const used = await world.bash(
      bare,
      'cd /tmp && git init -q r && cd r && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m m && git log --format=%s',
    )
    expect(used).toEqual({ output: 'm\n', exit_code: 0 })
  })

  it('gets a runnable Node with npm from the download folder, with the checksum that folder names', async () => {
    const stem = `node-${process.version}-linux-${process.arch}`
    const from = `${world.orgo.nodeDistUrl}/${process.version}`
    const bare = await world.create('node-bare')
    const { output } = await world.bash(
      bare,
      `cd /opt && curl -fsSO ${from}/${stem}.tar.gz && curl -fsSO ${from}/SHASUMS256.txt &&
       sha256sum -c --ignore-missing SHASUMS256.txt && tar -xzf ${stem}.tar.gz && ${stem}/bin/node -p 1+1 &&
       PATH=$PWD/${stem}/bin:$PATH npm -v`,
    )
    expect(output).toMatch(new RegExp(`^${stem}.tar.gz: OK\n2\n11[.0-9]+\n$`))
  })
})
