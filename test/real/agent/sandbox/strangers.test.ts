// Plans of one machine are strangers: a plan, as its own user, finds nothing of another one, and its proof finds nothing of the plan.
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { describeWith, needs } from '../../../support/needs.ts'
import { commandLine, createVm, ended, pids, until } from '../../support/vm.ts'
import type { TestVm } from '../../support/vm.ts'

const text = (title: string, ...commands: string[]) =>
  [title, ...commands.map((command) => `\n\`\`\`sh\n${command}\n\`\`\``)].join('\n')

/** Where the first plan leaves something, and what a stranger then must not find. */
const SECRET = 'left-by-a-stranger'
const PLANT = [
  `for d in /tmp /var/tmp /dev/shm ~; do echo ${SECRET} > $d/${SECRET}; chmod 644 $d/${SECRET}; done`,
  `chmod 755 ~ .; echo ${SECRET} > readable.txt; ipcmk -M 4242 -p 0666`,
  `(exec -a ${SECRET}-process sleep 600) > /dev/null 2>&1 &`,
].join('\n')
/** Prints all of it that is to be seen. */
const LOOK = [
  'for d in /tmp /var/tmp /dev/shm /run; do ls -RA $d; cat $d/*; done',
  'for p in /proc/[0-9]*; do tr "\\0" " " < $p/cmdline; echo; done',
  'ipcs -m; ls ~/.. ..; cat ~/../*/* ../*/readable.txt',
  'ls -d /run/user /run/dbus /run/docker.sock /var/run/docker.sock',
].join('; ')

describeWith(needs.ownSandbox(), 'strangers on one machine', () => {
  let vm: TestVm
  let meet: string
  beforeAll(async () => {
    vm = await createVm({ env: { RALPH_BOUNDS: '{"processes":150}' } })
    meet = join(vm.workspace, 'meet')
    mkdirSync(meet)
    chmodSync(meet, 0o777)
    // The files of a proof's user are deleted with it, but this one is root's.
    writeFileSync(join(meet, 'proof.txt'), '')
    chmodSync(join(meet, 'proof.txt'), 0o666)
  })
  afterAll(async () => {
    await vm[Symbol.asyncDispose]()
  })
  const read = (name: string) => readFileSync(join(meet, name), 'utf8')
  const processes = (words: string) => pids().filter((pid) => commandLine(pid).startsWith(words))

  test('a plan sees no file, process, memory or home of another one; tasks.md it can read', async () => {
    const planter = vm.worker.submit(
      text('Plant', PLANT, `{ ${LOOK}; } > ${meet}/own.txt 2>&1; touch ${meet}/planted; sleep 600`),
    )
    await vm.ring()
    await until(() => existsSync(join(meet, 'planted')), 'the planting')
    // It can fail: the one who planted it sees all of it.
    expect(read('own.txt').match(new RegExp(`^${SECRET}$`, 'gm'))?.length).toBeGreaterThanOrEqual(8)
    expect(read('own.txt')).toContain(`${SECRET}-process 600`)
    expect(read('own.txt')).toMatch(/ 666 +4242 /)
    expect(processes(`${SECRET}-process`)).toHaveLength(1)

    const looks = `{ ${LOOK}; cat ${vm.home(planter)}/${SECRET} ${vm.checkout(planter)}/readable.txt; } > ${meet}/stranger.txt 2>&1; ls ~/.. .. > ${meet}/homes.txt; cat ${vm.workspace}/tasks.md > ${meet}/tasks.txt`
    const stranger = vm.worker.submit(text('Look', looks, 'echo s > s.txt'))
    await vm.ring()
    await until(ended(stranger), 'the end of the one who looks')
    expect(stranger.observed?.end).toMatchObject({ kind: 'completed', outcome: 'verified' })
    const seen = read('stranger.txt')
    expect(seen.match(new RegExp(`^${SECRET}$|${SECRET}-process`, 'gm'))).toBeNull()
    expect(seen).not.toMatch(/ 666 +4242 /)
    expect(seen.match(/\/run\/.*No such file/g)?.length).toBeGreaterThanOrEqual(3)
    const [home, checkout] = [vm.home(stranger), vm.checkout(stranger)].map((path) => path.split('/').at(-1))
    expect(
      read('homes.txt')
        .split('\n')
        .filter((line) => line !== '' && !line.endsWith(':')),
    ).toEqual([checkout, home])
    expect(read('tasks.txt')).toContain(planter.desired.id)

    Object.assign(planter.desired, { want: 'stop', final: true })
    vm.worker.touch()
    await vm.ring()
    await until(ended(planter), 'the end of the planter')
    await until(() => processes(`${SECRET}-process`).length === 0, 'the end of its process')
  })

  test('a plan cannot start more processes than its bound, nor fill the log of the supervisor', async () => {
    const spawn = `const { spawn } = require("node:child_process"); const all = Array.from({ length: 400 }, () => spawn("sleep", ["60"]).on("error", () => {})); require("node:fs").writeFileSync("${meet}/count", String(all.filter(({ pid }) => pid !== undefined).length)); for (const one of all) one.kill("SIGKILL")`
    // It writes into every open file of the process that works on it, which the supervisor reads.
    const flood = `for p in /proc/[0-9]*; do for f in 1 2; do timeout 1 sh -c "yes ${SECRET} > $p/fd/$f" 2>/dev/null; done; done; true`
    const plan = vm.worker.submit(
      text('Take everything', `node -e '${spawn}'`, 'cat /proc/self/oom_score_adj > oom.txt', flood),
    )
    const before = statSync(join(vm.ralph, 'supervisor.log')).size
    await vm.ring()
    await until(ended(plan), 'the end of the plan')
    expect(Number(read('count'))).toBeGreaterThan(20)
    expect(Number(read('count'))).toBeLessThan(150)
    expect(Number(vm.git('show', `${plan.desired.branch}:oom.txt`))).toBeGreaterThan(0)
    expect(statSync(join(vm.ralph, 'supervisor.log')).size - before).toBeLessThan(1_000_000)
  })

  test('a proof finds nothing that the plan made outside of the commit, and leaves nothing running', async () => {
    const look = `case $(id -un) in proof-*) { ${LOOK}; cat linked; ls -d ~/../plan-* ${vm.workspace}/plans/*; } > ${meet}/proof.txt 2>&1; (exec -a ${SECRET}-check sleep 600) > /dev/null 2>&1 & ;; esac; test -f step.txt`
    const plan = vm.worker.submit(
      text('Depend on the machine', PLANT, `ln -s /tmp/${SECRET} linked; echo 1 > step.txt`),
      { checks: [look.replace('& ;;', '& true ;;')] },
    )
    await vm.ring()
    await until(ended(plan), 'the end of the plan')
    expect(plan.observed?.end).toMatchObject({ kind: 'completed', proof: 'clean_checkout' })
    const seen = read('proof.txt')
    // It can fail: the link is in the commit, and the check did look.
    expect(seen).toContain('cat: linked: No such file')
    expect(seen).toContain('Shared Memory Segments')
    expect(seen.match(new RegExp(`^${SECRET}$`, 'gm'))).toEqual([SECRET])
    expect(seen).not.toMatch(new RegExp(`${SECRET}-process| 666 +4242 |plan-[0-9a-f]+$`, 'm'))
    await until(() => processes(`${SECRET}-check`).length === 0, 'the end of what the proof left running')
  })
})
