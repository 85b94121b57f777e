// What the Worker wants, happens: stop, forget, the next attempt, messages, a newer agent. What is older than that is ignored.
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createVm, ended, patient, pids, until } from '../../support/vm.ts'
import type { TestVm } from '../../support/vm.ts'
import type { FakePlan } from '../../support/fake-worker.ts'

const forever = '```sh\necho work > work.txt\ntouch ~/started\nsetsid sleep 1000 &\nsleep 1000\n```\n'

async function startForever(vm: TestVm): Promise<FakePlan> {
  const plan = vm.worker.submit(`Endless\n\n${forever}`)
  await vm.ring()
  await until(() => existsSync(join(vm.home(plan), 'started')), 'the start of the command')
  return plan
}

function nextAttempt(plan: FakePlan, changes: Partial<FakePlan['desired']>): void {
  Object.assign(plan.desired, { attempt: plan.desired.attempt + 1, ackedEvent: 0, ...changes })
  Object.assign(plan, { observed: null, events: [] })
}

function processesOf(plan: FakePlan): number[] {
  return pids().filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`RALPH_PLAN=${plan.desired.id}`)
    } catch {
      return false
    }
  })
}

test('a wish to stop ends every process within 2 s, keeps the work as a local commit and pushes nothing', async () => {
  await using vm = await createVm()
  const plan = await startForever(vm)
  await until(() => processesOf(plan).length >= 4, 'agent, shell and both sleeps')
  Object.assign(plan.desired, { want: 'stop', final: true })
  vm.worker.touch()
  const rungAt = performance.now()
  await vm.ring()
  await until(ended(plan), 'the end of the plan')
  const tookMs = performance.now() - rungAt
  expect(tookMs).toBeLessThan(await patient(vm, 3_000))
  expect(processesOf(plan)).toEqual([])
  expect(plan.observed?.end).toMatchObject({
    kind: 'stopped',
    work: { diff: { files: 1 }, commits: [{ subject: 'wip: stopped' }] },
  })
  expect(vm.git('for-each-ref', '--format=%(refname)')).toBe('refs/heads/main')
  expect(existsSync(join(vm.checkout(plan), 'work.txt'))).toBe(true)
})

test('a late answer with an older revision is ignored: it cannot undo a stop', async () => {
  await using vm = await createVm()
  const plan = await startForever(vm)
  Object.assign(plan.desired, { want: 'stop' })
  vm.worker.touch()
  await vm.ring()
  await until(ended(plan), 'the end of the plan')
  vm.worker.nextAnswers.push((usual) => ({
    ...usual,
    revision: usual.revision - 1,
    plans: [{ ...plan.desired, want: 'run' }],
  }))
  await vm.ring()
  await until(() => vm.worker.nextAnswers.length === 0, 'the late answer')
  const newest = vm.worker.syncs.at(-1)?.revision ?? 0
  const answered = vm.worker.syncs.length
  await vm.ring()
  await until(() => vm.worker.syncs.length > answered, 'the sync after the late answer')
  expect(vm.worker.syncs.at(-1)).toMatchObject({
    revision: newest,
    plans: [{ id: plan.desired.id, status: 'ended' }],
  })
  expect(processesOf(plan)).toEqual([])
})

test('forget with removeCheckout leaves neither checkout, home, user nor record', async () => {
  await using vm = await createVm()
  const plan = vm.worker.submit('Gone\n\n```sh\necho 1 > one\n```\n')
  await vm.ring()
  await until(ended(plan), 'the end of the plan')
  Object.assign(plan.desired, { want: 'forget', final: true, removeCheckout: true })
  vm.worker.touch()
  await vm.ring()
  await until(() => vm.worker.syncs.at(-1)?.plans.length === 0, 'a sync without the plan')
  expect(
    [vm.checkout(plan), vm.home(plan), join(vm.ralph, 'plans', `${plan.desired.id}.json`)].filter((path) =>
      existsSync(path),
    ),
  ).toEqual([])
  expect(readFileSync('/etc/passwd', 'utf8')).not.toContain(`plan-${plan.desired.id.slice(-12)}`)
  expect(readFileSync(join(vm.workspace, 'tasks.md'), 'utf8')).toBe(`- [x] ${plan.desired.id} Gone\n`)
})

test('a branch pushed a moment before the plan on it is there, although the mirror was just fetched for another plan', async () => {
  await using vm = await createVm()
  const asks = 'Asks\n\n```model\n{"ask": "Blue or red?"}\n```\n'
  const [first, later] = [vm.worker.submit(asks), vm.worker.submit(asks, { base: 'later', want: 'stop' })]
  await vm.ring()
  await until(ended(first), 'the question of the first plan')
  vm.git('branch', 'later', 'main')
  nextAttempt(later, { want: 'run' })
  vm.worker.touch()
  await vm.ring()
  await until(ended(later), 'the question of the second plan')
  expect(later.observed?.end).toMatchObject({ kind: 'paused', reason: 'question' })
})

test('a question pauses the plan; its answer starts the next attempt in the same checkout, which goes on', async () => {
  await using vm = await createVm()
  const plan = vm.worker.submit(
    'Asks\n\n```sh\necho 1 > one\n```\n\n```model\n{"ask": "Blue or red?"}\n```\n\n```sh\necho 2 > two\n```\n',
  )
  await vm.ring()
  await until(ended(plan), 'the question')
  expect(plan.observed?.end).toMatchObject({ kind: 'paused', reason: 'question', question: 'Blue or red?' })
  nextAttempt(plan, { messages: [{ n: 1, text: 'Blue, please.' }] })
  vm.worker.touch()
  await vm.ring()
  await until(ended(plan), 'the end of the second attempt')
  expect(plan.observed?.end).toMatchObject({ kind: 'completed', work: { diff: { files: 2 } } })
  expect(plan.observed?.messagesTaken).toBe(1)
  // The answer is the result of the question's own call, in the same conversation.
  const heard = JSON.parse(vm.worker.modelBodies.at(-2) ?? '{}') as { messages: { content: unknown }[] }
  expect(JSON.stringify(heard.messages.at(-1)?.content)).toContain('The person answers:\\n\\nBlue, please.')
  expect(vm.model.violations()).toEqual([])
})

test('a message to a running plan reaches the model after the tool that runs, and is counted as taken', async () => {
  await using vm = await createVm()
  const plan = vm.worker.submit(
    'Steered\n\n```sh\ntouch ~/started; for i in $(seq 300); do [ -e ~/go ] && break; sleep 0.1; done\n```\n',
  )
  await vm.ring()
  await until(() => existsSync(join(vm.home(plan), 'started')), 'the start of the command')
  plan.desired.messages.push({ n: 1, text: 'Mind the gap.' })
  vm.worker.touch()
  const heard = vm.worker.syncs.length
  await until(() => vm.worker.syncs.length > heard + 1, 'the message to travel')
  writeFileSync(join(vm.home(plan), 'go'), '')
  await until(ended(plan), 'the end of the plan')
  expect(vm.worker.modelBodies.at(-1)).toContain('Mind the gap.')
  expect(plan.observed?.messagesTaken).toBe(1)
  expect(vm.model.violations()).toEqual([])
})

test('a refused sync is not repeated until the next doorbell; an unreachable Worker is tried again', async () => {
  await using vm = await createVm()
  await vm.ring()
  await until(() => existsSync(join(vm.workspace, 'repo.git/ralph-fetched')), 'the mirror')
  vm.worker.nextAnswers.push(
    () => 500,
    (usual) => usual,
  )
  await vm.ring()
  await until(() => vm.worker.nextAnswers.length === 0, 'the retry after a 500')
  vm.worker.nextAnswers.push(() => 409)
  await vm.ring()
  await until(() => vm.worker.nextAnswers.length === 0, 'the refusal')
  const before = vm.worker.syncs.length
  const plan = vm.worker.submit('After the refusal')
  writeFileSync(join(vm.workspace, 'tasks.md'), '- [ ] by hand\n')
  // Longer than two looks at tasks.md: the absence of a request can only be waited for.
  await new Promise((resolve) => setTimeout(resolve, 5_500))
  expect(vm.worker.syncs.length).toBe(before)
  await vm.ring()
  await until(ended(plan), 'the end of the plan')
})

test('a doorbell outrun by the refusal of its older nonce is heard, and the end of the plan is told', async () => {
  await using vm = await createVm()
  const plan = vm.worker.submit('Wait\n\n```sh\nsleep 60\n```\n')
  await vm.ring()
  await until(() => vm.planPids(plan).length > 0 && vm.worker.modelBodies.length > 0, 'the plan at work')
  const refusal = Promise.withResolvers<number>()
  vm.worker.nextAnswers.push(() => refusal.promise)
  await until(() => vm.worker.nextAnswers.length === 0, 'a sync under way')
  Object.assign(plan.desired, { want: 'stop' })
  delete plan.desired.planToken
  vm.worker.touch()
  await vm.ring()
  refusal.resolve(409)
  await until(ended(plan), 'the end of the plan', 15_000)
  expect(plan.observed?.end).toMatchObject({ kind: 'stopped' })
})

test('with nothing open no request is made', async () => {
  await using vm = await createVm()
  await vm.ring()
  await until(() => vm.worker.syncs.length >= 1, 'a sync')
  // The mirror's arrival is told once.
  await until(() => existsSync(join(vm.workspace, 'repo.git/ralph-fetched')), 'the mirror')
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  const before = vm.worker.syncs.length
  await new Promise((resolve) => setTimeout(resolve, 3_000))
  expect(vm.worker.syncs.length).toBe(before)
})

test('a newer agent is fetched between plans, verified, and runs the next plan', async () => {
  await using vm = await createVm()
  const bundle = readFileSync(join(vm.folder, 'opt/ralph.mjs'))
  await vm.ring()
  await until(() => vm.worker.syncs.length > 0, 'a sync')
  const before = vm.supervisorPid()
  const newer = Buffer.concat([bundle, Buffer.from('\n// newer\n')])
  vm.worker.agentFile = Buffer.concat([newer, Buffer.from('tampered')])
  vm.worker.agentSha256 = createHash('sha256').update(newer).digest('hex')
  const first = vm.worker.submit('With the old one')
  await vm.ring()
  await until(ended(first), 'the end of the plan')
  expect(vm.supervisorPid()).toBe(before)
  vm.worker.agentFile = Buffer.concat([newer, Buffer.from('// 2')])
  vm.worker.agentSha256 = createHash('sha256').update(vm.worker.agentFile).digest('hex')
  const second = vm.worker.submit('With the new one')
  await vm.ring()
  await until(ended(second), 'the end of the plan')
  expect(vm.worker.syncs.at(-1)?.agentSha256).toBe(vm.worker.agentSha256)
  expect(vm.supervisorPid()).not.toBe(before)
  expect(vm.worker.syncs.map(({ counter }) => counter)).toEqual(
    vm.worker.syncs.map(({ counter }) => counter).toSorted((a, b) => a - b),
  )
})

test('after the loss of the machine the next attempt starts from the last checkpoint', async () => {
  const text =
    'Lost\n\n```sh\necho committed > one; git add one; git commit -qm "Add one"; echo loose > two\n```\n\n```sh\ntouch ~/started; for i in $(seq 300); do [ -e ~/go ] && break; sleep 0.1; done\n```\n'
  await using vm = await createVm({ env: { RALPH_CHECKPOINT_MS: '300' } })
  const plan = vm.worker.submit(text)
  await vm.ring()
  const ref = `refs/agent/${plan.desired.id}`
  await until(() => vm.git('for-each-ref', '--format=%(refname)').includes(ref), 'a checkpoint')
  await until(() => vm.git('ls-tree', '--name-only', ref).includes('two'), 'the checkpoint of both files')
  expect(vm.git('for-each-ref', '--format=%(refname)')).not.toContain(`refs/heads/${plan.desired.branch}`)
  const checkpoint = vm.git('rev-parse', ref)
  // The machine is gone: no checkout, no home, no record. Only the Worker and the remote remember.
  vm.killRalph()
  await until(() => vm.planPids(plan).length === 0, 'the end of the orphan')
  for (const path of [
    vm.checkout(plan),
    vm.home(plan),
    join(vm.ralph, 'plans'),
    join(vm.workspace, 'repo.git'),
  ])
    rmSync(path, { recursive: true })
  nextAttempt(plan, { checkpointHead: checkpoint })
  vm.worker.touch()
  await vm.ring()
  await until(() => existsSync(join(vm.home(plan), 'started')), 'the command of the second attempt')
  writeFileSync(join(vm.home(plan), 'go'), '')
  await until(ended(plan), 'the end of the plan')
  expect(vm.git('show', `refs/heads/${plan.desired.branch}:two`)).toBe('loose')
  expect(vm.git('log', '--format=%s', `main..refs/heads/${plan.desired.branch}`).split('\n')).toEqual([
    'Lost',
    'Add one',
  ])
})

test('where users cannot be added, plans run one at a time as our own user and are stopped by their mark', async () => {
  await using vm = await createVm({ env: { RALPH_NO_USERS: '1' } })
  const plan = await startForever(vm)
  const second = vm.worker.submit('Waits\n\n```sh\nid -un > user.txt\n```\n')
  await vm.ring()
  await until(() => second.observed !== null, 'the second plan to be seen')
  expect(second.observed?.status).toBe('waiting')
  expect(vm.worker.syncs.at(-1)?.canAddUsers).toBe(false)
  Object.assign(plan.desired, { want: 'stop' })
  vm.worker.touch()
  await vm.ring()
  await until(ended(plan), 'the end of the first plan')
  expect(processesOf(plan)).toEqual([])
  await until(ended(second), 'the end of the second plan')
  expect(vm.git('show', `${second.desired.branch}:user.txt`)).toBe(userInfo().username)
})
