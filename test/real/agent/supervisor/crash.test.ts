// What may die, dies: the plan's process, the supervisor, the model's stream. No command is run twice, no plan is lost.
import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { KEEPER } from '../../../../agent/supervisor/doorbell.ts'
import { needs } from '../../../support/needs.ts'
import { refuse } from '../../support/fake-worker.ts'
import { createPlanVm } from '../../support/plan-vm.ts'
import { createVm, ended, pids, commandLine, until } from '../../support/vm.ts'

/** Appends a line, shows that it runs, waits until it is let go. */
const slowCommand =
  '```sh\necho ran >> count.txt\ntouch ~/started\nfor i in $(seq 300); do [ -e ~/go ] && break; sleep 0.1; done\n```\n'

test('a plan process killed during a command resumes, does not run the command again, and completes', async () => {
  await using vm = await createVm()
  const plan = vm.worker.submit(`Count\n\n${slowCommand}\n\`\`\`sh\necho after >> count.txt\n\`\`\`\n`)
  await vm.ring()
  const home = vm.home(plan)
  await until(() => existsSync(join(home, 'started')), 'the start of the command')
  const [first] = vm.planPids(plan)
  process.kill(first ?? 0, 'SIGKILL')
  await until(ended(plan), 'the end of the plan')
  expect(vm.git('show', `${plan.desired.branch}:count.txt`)).toBe('ran\nafter')
  expect(plan.observed?.end).toMatchObject({ kind: 'completed' })
  expect(plan.events.map(({ type }) => type)).toContain('resumed')
  expect(
    vm.worker.modelBodies.some((body) => body.includes('it may have run fully, partly or not at all')),
  ).toBe(true)
  // Each history continues the one before it: the stand-in checks the binding of thinking to its prefix.
  expect(vm.model.violations()).toEqual([])
  expect(
    pids()
      .map(commandLine)
      .filter((line) => line.includes(home)),
  ).toEqual([])
})

test('a killed supervisor takes its plans with it, and is back with them before any doorbell', async () => {
  await using vm = await createVm()
  const plan = vm.worker.submit(`Count\n\n${slowCommand}`)
  await vm.ring()
  await until(() => existsSync(join(vm.home(plan), 'started')), 'the start of the command')
  const supervisor = vm.supervisorPid()
  const [before] = vm.planPids(plan)
  process.kill(supervisor ?? 0, 'SIGKILL')
  await until(ended(plan), 'the end of the plan')
  expect(vm.supervisorPid()).not.toBe(supervisor)
  expect(vm.planPids(plan)).not.toContain(before)
  expect(vm.git('show', `${plan.desired.branch}:count.txt`)).toBe('ran')
  expect(plan.events.map(({ n }) => n)).toEqual(plan.events.map((_, index) => index + 1))
})

test('a program that dies at every start is left alone after twenty-one of them', () => {
  const folder = mkdtempSync(join(tmpdir(), 'keeper-'))
  writeFileSync(join(folder, 'sleep'), '#!/bin/sh\n', { mode: 0o755 })
  writeFileSync(join(folder, 'program'), '#!/bin/sh\necho "$*" >> "$1"\nexit 1\n', { mode: 0o755 })
  const log = join(folder, 'starts')
  execFileSync('/bin/sh', ['-c', KEEPER, join(folder, 'program'), log], {
    env: { PATH: `${folder}:${process.env['PATH'] ?? ''}` },
  })
  expect(readFileSync(log, 'utf8').trimEnd().split('\n')).toEqual(Array(21).fill(`${log} supervise`))
  rmSync(folder, { recursive: true })
})

test('a supervisor killed with its keeper takes its plans with it, and the next doorbell brings both back to completion', async () => {
  await using vm = await createVm()
  const plan = vm.worker.submit(`Count\n\n${slowCommand}`)
  await vm.ring()
  await until(() => existsSync(join(vm.home(plan), 'started')), 'the start of the command')
  const [before] = vm.planPids(plan)
  vm.killRalph()
  await until(() => vm.planPids(plan).length === 0, 'the end of the orphan')
  expect(await vm.ring()).toMatchObject({ supervisor: 'started' })
  await until(ended(plan), 'the end of the plan')
  expect(vm.planPids(plan)).not.toContain(before)
  expect(vm.git('show', `${plan.desired.branch}:count.txt`)).toBe('ran')
  expect(plan.events.map(({ n }) => n)).toEqual(plan.events.map((_, index) => index + 1))
})

test('ten doorbells at once start one supervisor, and each answers within a second of work', async () => {
  await using vm = await createVm()
  const answers = await Promise.all(Array.from({ length: 10 }, () => vm.ring('sameringsame')))
  expect(answers.every(({ ralph }) => ralph === 1)).toBe(true)
  await until(() => vm.worker.syncs.length > 0, 'a sync')
  const supervisors = () =>
    pids().filter((pid) => commandLine(pid).includes(`${vm.folder}/opt/ralph.mjs supervise`))
  await until(() => supervisors().length === 1, 'one supervisor')
  expect(await vm.ring()).toMatchObject({ supervisor: 'running' })
})

test('a plan whose process dies five times in a row without progress ends failed', async () => {
  await using vm = await createVm()
  const plan = vm.worker.submit('Never starts')
  // Its home is there already and nothing can be written in it, so the process dies at its start.
  mkdirSync(vm.home(plan), { recursive: true, mode: 0o755 })
  chmodSync(vm.home(plan), 0o555)
  if (needs.secondUser() === null) chownSync(vm.home(plan), 1, 1)
  await vm.ring()
  await until(ended(plan), 'the end of the plan')
  expect(plan.observed?.end).toMatchObject({ kind: 'failed', error: expect.stringContaining('died 5 times') })
})

test('a crash counts until a tool gives a result: five end the plan with the words of git, and replies alone set nothing back', async () => {
  await using vm = await createVm()
  // The model stops without a tool again and again, and git cannot write what the finish then wants to commit.
  const plan = vm.worker.submit(
    'Closed\n\n```sh\necho 1 > one; chmod -R a-w .git/objects\n```\n\n```model\n{"stop": "end_turn", "loop": 60}\n```\n',
  )
  await vm.ring()
  await until(ended(plan), 'the end of the plan')
  expect(plan.observed?.end).toMatchObject({ kind: 'failed', error: expect.stringContaining('died 5 times') })
  expect(plan.observed?.end).toMatchObject({ error: expect.stringContaining('The agent failed: GitError') })
  expect(plan.events.filter(({ text }) => text.includes('exit code 1')).length).toBeGreaterThanOrEqual(4)
  expect(vm.worker.modelBodies.length).toBeLessThan(20)
})

test('a stream cut in the middle, an overload and a silent gap are survived without running a tool twice', async () => {
  await using vm = await createPlanVm({ env: { RALPH_IDLE_STREAM_MS: '1500' } })
  const plan = vm.worker.submit(
    'Rough\n\n```model\n{"cut_after_blocks": 1}\n```\n\n```sh\necho 1 >> once.txt\n```\n\n```model\n{"fail": {"status": 529, "times": 3}}\n```\n\n```sh\necho 2 >> once.txt\n```\n\n```model\n{"stall_ms": 600000}\n```\n\n```sh\necho 3 >> once.txt\n```\n',
  )
  await vm.ring()
  await until(ended(plan), 'the end of the plan')
  expect(vm.git('show', `${plan.desired.branch}:once.txt`)).toBe('1\n2\n3')
  expect(vm.model.violations()).toEqual([])
})

test('a budget used up pauses the plan with its reason and keeps the work on the branch', async () => {
  await using vm = await createPlanVm()
  vm.worker.interceptModel = (_request, response) => {
    if (vm.worker.modelBodies.length < 2) return false
    refuse(response, 402, 'budget_exceeded')
    return true
  }
  const plan = vm.worker.submit('Costly\n\n```sh\necho 1 > one\n```\n\n```sh\necho 2 > two\n```\n')
  await vm.ring()
  await until(ended(plan), 'the end of the plan')
  expect(plan.observed?.end).toMatchObject({ kind: 'paused', reason: 'budget', work: { diff: { files: 1 } } })
  expect(vm.git('show', `${plan.desired.branch}:one`)).toBe('1')
})

test('an expired token is waited out and the next one used, without a restart', async () => {
  await using vm = await createPlanVm()
  let refused = 0
  vm.worker.interceptModel = (request, response) => {
    if ((request.headers.authorization ?? '').endsWith('renewed')) return false
    refused++
    refuse(response, 401, 'token_expired')
    return true
  }
  const plan = vm.worker.submit('Patient\n\n```sh\necho 1 > one\n```\n')
  await vm.ring()
  await until(() => refused > 0, 'the refusal')
  plan.desired.planToken = 'aer_plan_second.renewed'
  vm.worker.touch()
  await until(ended(plan), 'the end of the plan')
  expect(plan.observed?.end).toMatchObject({ kind: 'completed' })
  expect(plan.events.map(({ type }) => type)).not.toContain('resumed')
})

test('a torn last line of the journal is left out and the plan goes on', async () => {
  await using vm = await createVm()
  const plan = vm.worker.submit(`Torn\n\n${slowCommand}`)
  await vm.ring()
  const home = vm.home(plan)
  await until(() => existsSync(join(home, 'started')), 'the start of the command')
  appendFileSync(join(home, '.ralph/journal.jsonl'), '{"kind":"tool_end","id":"toolu_')
  process.kill(vm.planPids(plan)[0] ?? 0, 'SIGKILL')
  await until(ended(plan), 'the end of the plan')
  expect(vm.git('show', `${plan.desired.branch}:count.txt`)).toBe('ran')
  expect(readFileSync(join(home, '.ralph/journal.jsonl'), 'utf8')).toContain('{"kind":"finished"')
})
