// The real bundle from doorbell to pushed branch, against real git, with the scripted model as judge of every history sent.
import { chmodSync, lstatSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { describeWith, needs } from '../../../support/needs.ts'
import { commandLine, createVm, ended, pids, RIGHT, until } from '../../support/vm.ts'
import { VM_KEY } from '../../support/fake-worker.ts'
import { createPlanVm } from '../../support/plan-vm.ts'

test('a plan becomes a commit with its trailer on its own branch, and the attempt ends completed', async () => {
  await using vm = await createVm()
  const plan = vm.worker.submit('Say hello\n\n```sh\necho hello > hello.txt\n```\n')
  expect(await vm.ring()).toMatchObject({ ralph: 1, supervisor: 'started' })
  await until(ended(plan), 'the end of the plan')

  const end = plan.observed?.end
  expect(end).toMatchObject({ kind: 'completed', summary: 'Say hello', ...RIGHT })
  const head = vm.git('rev-parse', plan.desired.branch)
  expect(end?.work).toMatchObject({
    head,
    diff: { files: 1, additions: 1, deletions: 0 },
    commits: [{ sha: head, subject: 'Say hello' }],
  })
  expect(vm.git('show', `${head}:hello.txt`)).toBe('hello')
  expect(vm.git('log', '-1', '--format=%an|%(trailers:key=Ralph-Plan,valueonly)', head).trim()).toBe(
    `Ralph Wiggum|${plan.desired.id}`,
  )
  expect(vm.git('rev-list', '--count', `main..${head}`)).toBe('1')
  expect(vm.model.violations()).toEqual([])
})

test('events are numbered once, without a gap, and tell the phases, tools, commit and push', async () => {
  await using vm = await createVm()
  const plan = vm.worker.submit('Two steps\n\n```sh\necho 1 > one\n```\n\n```sh\necho 2 > two\n```\n', {
    checks: ['test -f one', 'test -f three'],
  })
  await vm.ring()
  await until(ended(plan), 'the end of the plan')
  await until(() => plan.events.some(({ type }) => type === 'push'), 'the last event')
  expect(plan.events.map(({ n }) => n)).toEqual(plan.events.map((_, index) => index + 1))
  const types = plan.events.map(({ type }) => type)
  expect(types).toEqual(expect.arrayContaining(['tool', 'commit', 'check', 'push']))
  expect(plan.observed?.end).toMatchObject({
    outcome: 'unverified',
    reasons: ['baseline_red'],
    proof: RIGHT.proof,
    work: {
      checks: [
        { command: 'test -f one', exitCode: 0 },
        { command: 'test -f three', exitCode: 1, newFailure: false },
        { command: 'links and files of the documents', exitCode: 0 },
      ],
    },
  })
})

describeWith(needs.secondUser(), 'where each plan has a unix user of its own', () => {
  test('two plans run at once as two users that cannot read each other, and end as two branches', async () => {
    await using vm = await createVm()
    const meet = join(vm.workspace, 'meet')
    mkdirSync(meet)
    chmodSync(meet, 0o1777)
    const waits = (mine: string, other: string) =>
      `Plan ${mine}\n\n\`\`\`sh\nid -un > user.txt\ntouch ${meet}/${mine}.here\nfor i in $(seq 100); do [ -e ${meet}/${other}.here ] && break; sleep 0.1; done\ntest -e ${meet}/${other}.here && echo together >> user.txt\nfor d in ../*/ ~/../*/ ${vm.ralph}/; do echo in $d; cat $d/* 2>&1; ls $d 2>&1; done > others.txt; true\n\`\`\`\n`
    const names = [`a${process.pid}`, `b${process.pid}`] as const
    const plans = [vm.worker.submit(waits(names[0], names[1])), vm.worker.submit(waits(names[1], names[0]))]
    await vm.ring()
    for (const plan of plans) await until(ended(plan), 'the end of both plans')
    const users = plans.map((plan) => vm.git('show', `${plan.desired.branch}:user.txt`).split('\n'))
    expect(users.map((lines) => lines[1])).toEqual(['together', 'together'])
    expect(new Set(users.map((lines) => lines[0])).size).toBe(2)
    for (const [index, plan] of plans.entries()) {
      const seen = vm.git('show', `${plan.desired.branch}:others.txt`)
      // The other's checkout, the other's home, root's folder: neither listed nor searched. In a sandbox the first two are not there.
      const refused = needs.ownSandbox() === null ? 1 : 3
      expect(seen.match(/ls: cannot (?:open|access)/g)?.length).toBe(refused)
      expect(seen).not.toContain(`${users[1 - index]?.[0]}\ntogether`)
    }
    expect(plans.map((plan) => statSync(vm.home(plan)).mode & 0o777)).toEqual([0o700, 0o700])
  })
})

test('100,000 characters of emoji, quotes, backticks, dollars and right-to-left marks arrive byte for byte', async () => {
  await using vm = await createPlanVm()
  const unit = 'é😀"\'`$(id)${HOME}\\n\t\u200F\u202Eשלום\r\n</plan> '
  const text = `Long plan\n${unit.repeat(4_000)}`.slice(0, 99_999).toWellFormed()
  const plan = vm.worker.submit(text)
  await vm.ring()
  await until(ended(plan), 'the end of the plan')
  const body = JSON.parse(vm.worker.modelBodies[0] ?? '{}') as { messages: { content: { text: string }[] }[] }
  expect(body.messages[0]?.content[0]?.text).toBe(`<plan id="${plan.desired.id}">${text}</plan>`)
  expect(vm.model.violations()).toEqual([])
})

test('no token stands in a command line, a configuration of git or an environment while a plan runs', async () => {
  await using vm = await createVm()
  const plan = vm.worker.submit(
    'Look around\n\n```sh\necho x > x; sleep 1; git fetch -q origin; git push -q origin HEAD:refs/heads/agent/seen 2>&1; env > env.txt\n```\n',
  )
  const seen: string[] = []
  const scanner = setInterval(() => seen.push(...pids().map(commandLine)), 5)
  await vm.ring()
  await until(ended(plan), 'the end of the plan')
  clearInterval(scanner)
  expect(seen.some((line) => line.includes('run-plan'))).toBe(true)
  expect(seen.some((line) => line.includes('git-remote-http') || line.includes('fetch'))).toBe(true)
  for (const secret of [plan.desired.planToken ?? '', VM_KEY]) {
    expect(seen.filter((line) => line.includes(secret))).toEqual([])
    expect(readFileSync(join(vm.checkout(plan), '.git/config'), 'utf8')).not.toContain(secret)
    expect(readFileSync(join(vm.workspace, 'repo.git/config'), 'utf8')).not.toContain(secret)
    expect(vm.git('show', `${plan.desired.branch}:env.txt`)).not.toContain(secret)
  }
  expect(vm.git('rev-parse', 'agent/seen')).toMatch(/^[0-9a-f]{40}$/)
})

test('tasks.md lists the plan and is ticked when it is final; a line added by hand becomes one plan with its id written in', async () => {
  await using vm = await createVm()
  const plan = vm.worker.submit('First\n\n```sh\necho 1 > one\n```\n')
  await vm.ring()
  await until(ended(plan), 'the end of the plan')
  const file = join(vm.workspace, 'tasks.md')
  expect(readFileSync(file, 'utf8')).toBe(`- [ ] ${plan.desired.id} First\n`)
  Object.assign(plan.desired, { final: true, want: 'forget' })
  vm.worker.touch()
  await vm.ring()
  await until(() => readFileSync(file, 'utf8').startsWith('- [x]'), 'the tick')
  // Two answers are lost on the way: the line keeps its reference, so it becomes one plan all the same.
  let lost = 0
  vm.worker.loseAnswer = ({ adopted }) => (adopted.length > 0 && lost++ < 2 ? 500 : null)
  writeFileSync(file, `# Queue\n${readFileSync(file, 'utf8')}- [ ] Write a poem\n`)
  await until(() => vm.worker.adopted.size === 1, 'the adoption')
  const id = [...vm.worker.adopted.values()][0] ?? ''
  await until(() => readFileSync(file, 'utf8').includes(`- [ ] ${id} Write a poem\n`), 'the id in the line')
  expect(readFileSync(file, 'utf8').startsWith('# Queue\n- [x]')).toBe(true)
  await until(() => vm.worker.plans.get(id)?.observed?.end !== undefined, 'the end of the adopted plan')
  expect(vm.worker.adopted.size).toBe(1)
  expect(lstatSync(join(vm.folder, 'root/workspace')).isSymbolicLink()).toBe(true)
})
