// Repositories and files as nobody wants them, through the whole of Ralph: each plan ends in a defined state, and something the
// person reads names the cause.
import { expect, test } from 'vitest'
import { createPlanVm } from '../../support/plan-vm.ts'
import { createVm, ended, until } from '../../support/vm.ts'
import type { FakePlan } from '../../support/fake-worker.ts'

const sh = (...commands: string[]) => commands.map((command) => `\`\`\`sh\n${command}\n\`\`\`\n`).join('\n')
const texts = (plan: FakePlan, type: string) =>
  plan.events.filter((event) => event.type === type).map(({ text }) => text)

test('a base that is not on the remote fails the plan by its name, before the model is asked', async () => {
  await using vm = await createPlanVm()
  const plan = vm.worker.submit('Work', { base: 'release/9' })
  await vm.ring()
  await until(ended(plan), 'the end of the plan')
  expect(plan.observed?.end).toMatchObject({
    kind: 'failed',
    error: expect.stringContaining('The base branch release/9 does not exist on the remote'),
  })
  expect(vm.worker.modelBodies).toEqual([])
})

test('a pre-commit hook that cannot be satisfied is told to the model, and the work delivered unverified', async () => {
  await using vm = await createPlanVm({
    files: {
      'hooks/pre-commit': '#!/bin/sh\necho "spelling: 3 mistakes" >&2\nexit 1\n',
      '.ralph/setup.sh': 'chmod +x hooks/pre-commit; git config core.hooksPath hooks',
    },
  })
  const plan = vm.worker.submit(`Write\n\n${sh('echo teh > text.md')}`)
  await vm.ring()
  await until(ended(plan), 'the end of the plan')
  expect(plan.observed?.end).toMatchObject({
    kind: 'completed',
    outcome: 'unverified',
    reasons: ['check_failed'],
  })
  expect(texts(plan, 'check').join('\n')).toContain('commit hook: spelling: 3 mistakes')
  expect(
    vm.worker.modelBodies.some((body) => body.includes("The repository's own commit hook refused")),
  ).toBe(true)
  expect(vm.git('show', `${plan.desired.branch}:text.md`)).toBe('teh')
})

test('five gigabytes of untracked files stay on the VM, by name, and cost neither time nor disk', async () => {
  await using vm = await createPlanVm()
  const many = 'for i in $(seq 150); do truncate -s 4M pieces/$i.bin; done'
  const plan = vm.worker.submit(
    `Big\n\n${sh('truncate -s 5G dump.sql; mkdir pieces', many, 'echo small > small.txt')}`,
  )
  await vm.ring()
  await until(ended(plan), 'the end of the plan')
  expect(plan.observed?.end).toMatchObject({ kind: 'completed' })
  const held = texts(plan, 'held').join('\n')
  expect(held).toContain('dump.sql is not committed: it has 5120 MB; over 50 MB is never committed.')
  expect(held).toContain('at most 20000 with 500 MB are committed')
  const files = vm.git('ls-tree', '-r', '--name-only', plan.desired.branch).split('\n')
  expect(files).toContain('small.txt')
  expect(files).not.toContain('dump.sql')
  expect(files.length).toBeLessThan(130)
})

test('a link out of the tree is neither followed nor lost', async () => {
  await using vm = await createPlanVm()
  const plan = vm.worker.submit(
    `Links\n\n${sh('ln -s /etc/shadow secret; ln -s /etc docs; ln -s /dev/zero AGENTS.md; mkfifo pipe')}\n\`\`\`model\n{"tool": "read", "input": {"path": "secret"}}\n\`\`\`\n\n\`\`\`model\n{"tool": "write", "input": {"path": "docs/passwd", "content": "x"}}\n\`\`\`\n`,
  )
  await vm.ring()
  await until(ended(plan), 'the end of the plan')
  expect(plan.observed?.end).toMatchObject({ kind: 'completed' })
  expect(vm.worker.modelBodies.at(-1)).toContain('docs/passwd lies outside the checkout')
  expect(
    vm
      .git('ls-tree', plan.desired.branch)
      .split('\n')
      .filter((line) => line.startsWith('120000')),
  ).toHaveLength(3)
})

test('files named -rf, --help, * and with a newline are files like others', async () => {
  await using vm = await createPlanVm()
  const plan = vm.worker.submit(
    `Names\n\n${sh(String.raw`touch -- -rf --help '*' $'two\nlines' 'a b' ':(top)x' '"'; echo 1 > ./-rf`)}`,
  )
  await vm.ring()
  await until(ended(plan), 'the end of the plan')
  expect(plan.observed?.end).toMatchObject({ kind: 'completed', work: { diff: { files: 7 } } })
  expect(vm.git('ls-tree', '-z', '--name-only', plan.desired.branch).split('\0').toSorted()).toEqual(
    ['', 'a b', '"', '*', '--help', '-rf', ':(top)x', 'start.sh', 'two\nlines'].toSorted(),
  )
})

test('names and contents that are no UTF-8 reach the branch byte for byte, and hold what is held', async () => {
  await using vm = await createPlanVm()
  const plan = vm.worker.submit(
    `Bytes\n\n${sh(String.raw`printf 'caf\xe9\xff' > $'caf\xe9.txt'; truncate -s 60M $'big\xff.bin'; printf 'key: %s_%s' ghp A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8 > $'key\xfe.txt'; printf '\xff\xfe\n'; git add -A; git commit -qm $'caf\xe9'`)}`,
  )
  await vm.ring()
  await until(ended(plan), 'the end of the plan')
  expect(plan.observed?.end).toMatchObject({ kind: 'completed' })
  expect(
    vm.git('-c', 'core.quotePath=true', 'ls-tree', '--name-only', plan.desired.branch).split('\n'),
  ).toEqual([String.raw`"caf\351.txt"`, 'start.sh'])
  expect(texts(plan, 'secret_blocked').join()).toContain('key\uFFFD.txt')
  expect(texts(plan, 'held').join()).toContain('big\uFFFD.bin')
})

test('without a way to the gateway the push pauses the plan with the cause, and the work is kept', async () => {
  await using vm = await createPlanVm({ env: { RALPH_RETRY_WAIT_MS: '10' } })
  const plan = vm.worker.submit(
    `Cut off\n\n${sh('echo 1 > one; git config --global http.proxy http://127.0.0.1:9')}`,
  )
  await vm.ring()
  await until(ended(plan), 'the end of the plan')
  expect(plan.observed?.end).toMatchObject({
    kind: 'paused',
    reason: 'git_refused',
    detail: expect.stringMatching(/gateway cannot be reached.*Failed to connect/s),
    work: { diff: { files: 1 } },
  })
})

test('set-up that needs a network there is none of is told to the model, and the plan goes on', async () => {
  await using vm = await createPlanVm()
  const plan = vm.worker.submit(`Go on\n\n${sh('echo 1 > one')}`, {
    setup: 'npm install --registry http://127.0.0.1:9 --fetch-retries 0 left-pad',
  })
  await vm.ring()
  await until(ended(plan), 'the end of the plan')
  expect(plan.observed?.end).toMatchObject({ kind: 'completed' })
  expect(texts(plan, 'error').join()).toContain('Set-up: `npm install')
  expect(vm.worker.modelBodies[0]).toContain('ECONNREFUSED')
})

test('a file of the checkout that nobody may read does not stop the rest', async () => {
  await using vm = await createVm()
  const plan = vm.worker.submit(
    `Closed\n\n${sh('echo 1 > one; mkdir closed; echo 2 > closed/two; chmod 000 closed', 'echo 3 > three')}`,
  )
  await vm.ring()
  await until(ended(plan), 'the end of the plan')
  expect(plan.observed?.end).toMatchObject({ kind: 'completed' })
  expect(vm.git('ls-tree', '--name-only', plan.desired.branch).split('\n')).toEqual([
    'README.md',
    'one',
    'three',
  ])
})
