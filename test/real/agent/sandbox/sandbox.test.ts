// One command in a sandbox, without a plan around it: what it sees, how it ends, and that nothing of it outlives it.
import { spawn } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { readPaths } from '../../../../agent/machine/paths.ts'
import { dropGroup, makeGroup, readBounds } from '../../../../agent/sandbox/bounds.ts'
import { arrange } from '../../../../agent/sandbox/places.ts'
import { findSandbox, startInSandbox } from '../../../../agent/sandbox/sandbox.ts'
import { describeEnd, logBeginning } from '../../../../agent/slot/child-end.ts'
import { describeWith, needs } from '../../../support/needs.ts'
import { commandLine, pids, until } from '../../support/vm.ts'

/** No user of this machine has it. */
const IDS = { uid: 61_185, gid: 61_185 }

function makePlace() {
  const folder = mkdtempSync(join(tmpdir(), 'sandbox-'))
  chmodSync(folder, 0o755)
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const [home, other, opt] = ['home/own', 'home/other', 'opt'].map((name) => join(folder, name))
  for (const path of [home, other, opt, join(folder, 'srv/plans/other'), join(folder, 'root')])
    mkdirSync(path ?? '', { recursive: true })
  chownSync(home ?? '', IDS.uid, IDS.gid)
  writeFileSync(join(folder, 'srv/tasks.md'), 'the tasks\n')
  const bases = { RALPH_HOME: join(folder, 'root'), RALPH_SRV: join(folder, 'srv') }
  const paths = readPaths({ ...bases, RALPH_PLAN_HOMES: join(folder, 'home') }, join(folder, 'opt/ralph.mjs'))
  return { folder, home: home ?? '', paths }
}

/** Both ways of making a sandbox work for root here: the second one is the only one in a local VM. */
async function start(place: ReturnType<typeof makePlace>, script: string, kind: 'plain' | 'mapped') {
  const child = startInSandbox({
    kind,
    paths: place.paths,
    name: 'sandbox-test',
    own: [place.home],
    ids: IDS,
    cwd: place.home,
    env: { PATH: process.env['PATH'] ?? '', MARK: place.folder },
    command: ['bash', '-c', script],
  })
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  return { child, ended, said: () => said, errors: () => errors }
}

const running = (mark: string) => pids().filter((pid) => commandLine(pid).startsWith(mark))

describeWith(needs.ownSandbox(), 'a command in a sandbox', () => {
  for (const kind of ['plain', 'mapped'] as const)
    test(`has its own input and output, its own home, and nothing of a stranger (${kind})`, async ({
      skip,
    }) => {
      skip(kind === 'plain' && (await findSandbox()) !== 'plain', 'root may not mount here')
      const place = makePlace()
      writeFileSync(join(place.folder, 'outside'), '')
      // Names of this run's own: what another run left behind proves nothing.
      const marks = ['/tmp', '/var/tmp', '/dev/shm'].map(
        (folder) => `${folder}/${basename(place.folder)}-mark`,
      )
      const script = `cat; id -u; pwd; ls ..; cat ${place.folder}/srv/tasks.md; ls ${place.folder}/srv/plans;
        ls -A /tmp /var/tmp /dev/shm /run; ls /proc | grep -c '^[0-9]'; ls ${place.folder}/root 2>&1 | grep -cE 'No such|denied'
        touch ${marks.join(' ')} ~+/d && echo written; env | grep -c MARK; echo end >&2`
      const { child, ended, said, errors } = await start(place, script, kind)
      child.stdin.end('through the pipe\n')
      expect(await ended).toBe(0)
      // The place may stand in a temporary folder of the run's own.
      const [own = ''] = place.folder.startsWith('/tmp/') ? place.folder.slice('/tmp/'.length).split('/') : []
      expect(said().split('\n')).toEqual(
        [
          ['through the pipe', String(IDS.uid), place.home, 'own', 'the tasks'],
          ['/dev/shm:', '', '/run:', 'lock', '', '/tmp:', ...(own === '' ? [] : [own]), '', '/var/tmp:'],
          // Its first process, itself, and the two of the pipe.
          ['4', '1', 'written', '1', ''],
        ].flat(),
      )
      expect(errors()).toBe('end\n')
      expect(existsSync(join(place.home, 'd'))).toBe(true)
      expect(marks.filter((path) => existsSync(path))).toEqual([])
    })

  test('ends with its code or its signal, and what it leaves behind is reaped and ended', async () => {
    const kind = (await findSandbox()) ?? 'plain'
    const place = makePlace()
    const orphan = `orphan-of-${place.folder}`
    const script = `(exec -a ${orphan} sleep 0.1 &) ; (exec -a ${orphan} sleep 600 &) ; sleep 1; cat /proc/[0-9]*/stat | grep -c ') Z'; exit 7`
    const first = await start(place, script, kind)
    expect({ code: await first.ended, said: first.said() }).toEqual({ code: 7, said: '0\n' })
    await until(() => running(orphan).length === 0, 'the end of the orphan')
    const second = await start(place, 'kill -KILL $$', kind)
    expect(describeEnd(await second.ended, null)).toBe('exit code 137, signal SIGKILL')
  })

  test('is gone as a whole when unshare is killed, and when the one who started it is', async () => {
    const kind = (await findSandbox()) ?? 'plain'
    const place = makePlace()
    const mark = `inside-of-${place.folder}`
    const { child, ended } = await start(place, `exec -a ${mark} sleep 600`, kind)
    await until(() => running(mark).length === 1, 'the command')
    child.kill('SIGKILL')
    await ended
    await until(() => running(mark).length === 0, 'its end')

    const starter = `
      import { startInSandbox } from '${join(import.meta.dirname, '../../../../agent/sandbox/sandbox.ts')}'
      startInSandbox(${JSON.stringify({
        kind,
        paths: place.paths,
        name: 'sandbox-test',
        own: [place.home],
        ids: IDS,
        cwd: place.home,
        env: { PATH: '/usr/bin:/bin' },
        // It holds no pipe of the one who started it, so the end of a pipe cannot be what ends it.
        command: ['bash', '-c', `exec </dev/null >/dev/null 2>&1; exec -a ${mark} sleep 600`],
      })})`
    const parent = spawn(process.execPath, ['--input-type=module', '-e', starter], { stdio: 'ignore' })
    await until(() => running(mark).length === 1, 'the command')
    parent.kill('SIGKILL')
    await until(() => running(mark).length === 0, 'its end')
    expect(running(mark)).toEqual([])
  })
})

test('a folder is mounted before what is in it, and only what lies in a covered one is shown again', () => {
  const covers: [string, string][] = [
    ['/tmp/w/plans', '0755'],
    ['/tmp', '1777'],
  ]
  expect(
    arrange(covers, ['/tmp/w/plans/own', '/tmp/w', '/tmp', '/usr/bin', '', 'relative', '/tmp/w']),
  ).toEqual([
    { kind: 'cover', path: '/tmp', mode: '1777' },
    { kind: 'keep', path: '/tmp/w' },
    { kind: 'cover', path: '/tmp/w/plans', mode: '0755' },
    { kind: 'keep', path: '/tmp/w/plans/own' },
  ])
})

test('bounds follow the size of the machine, and some can be set', () => {
  const gb = 1_024 ** 3
  expect(readBounds({}, 8 * gb)).toEqual({ processes: 4_096, memoryMb: 6_144, tempMb: 2_048 })
  expect(readBounds({}, gb / 2)).toMatchObject({ processes: 1_024 })
  expect(readBounds({ RALPH_BOUNDS: '{"processes":50}' }, gb)).toMatchObject({ processes: 50, memoryMb: 768 })
  expect(() => readBounds({ RALPH_BOUNDS: '{"processes":"x"}' }, gb)).toThrow('processes')
})

test('a control group gets the bounds where there can be one, else none is made', () => {
  const root = mkdtempSync(join(tmpdir(), 'groups-'))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  const bounds = { processes: 100, memoryMb: 1, tempMb: 1 }
  expect(makeGroup('plan-x', bounds, root)).toBeNull()
  writeFileSync(join(root, 'cgroup.controllers'), 'cpu pids\n')
  expect(makeGroup('plan-x', bounds, root)).toBeNull()
  writeFileSync(join(root, 'cgroup.controllers'), 'cpu memory pids\n')
  const group = makeGroup('plan-x', bounds, root) ?? ''
  expect(group.startsWith(join(root, 'ralph/plan-x.'))).toBe(true)
  expect(['memory.max', 'pids.max'].every((name) => existsSync(join(group, name)))).toBe(true)
})

test('each sandbox of a user has a control group of its own, and one that nothing runs in is removed', () => {
  const root = mkdtempSync(join(tmpdir(), 'groups-'))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  writeFileSync(join(root, 'cgroup.controllers'), 'memory pids\n')
  mkdirSync(join(root, 'ralph/plan-of-an-earlier-supervisor'), { recursive: true })
  const [one, two] = [0, 1].map(() => makeGroup('plan-x', { processes: 1, memoryMb: 1, tempMb: 1 }, root))
  expect(one).not.toBe(two)
  // A group that still holds something, here its files, cannot be removed.
  for (const group of [one, two]) dropGroup(group ?? null)
  expect([one, two].every((group) => existsSync(group ?? ''))).toBe(true)
  for (const name of ['memory.max', 'pids.max']) rmSync(join(one ?? '', name))
  makeGroup('plan-y', { processes: 1, memoryMb: 1, tempMb: 1 }, root)
  expect(existsSync(one ?? '')).toBe(false)
  expect(existsSync(join(root, 'ralph/plan-of-an-earlier-supervisor'))).toBe(false)
})

test('of the errors of a process 64 KB are logged, and it is not stopped by the rest', async () => {
  const script =
    'for (let i = 0; i < 200; i++) process.stderr.write("x".repeat(99_999) + "\\n"); console.log("done")'
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'pipe'] })
  let logged = ''
  let said = ''
  logBeginning(child.stderr, (text) => (logged += text))
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
  await new Promise((resolve) => child.once('close', resolve))
  expect(said).toBe('done\n')
  expect(logged).toBe(`${'x'.repeat(65_536)}\n[more than 65536 bytes; the rest is not logged]\n`)
  expect([describeEnd(3, null), describeEnd(null, 'SIGSEGV')]).toEqual(['exit code 3', 'signal SIGSEGV'])
})
