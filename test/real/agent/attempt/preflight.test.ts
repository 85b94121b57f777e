// What is missing is named before the first paid call: the plan pauses with its reason instead of working in vain.
import { expect, test } from 'vitest'
import type { FakePlan } from '../../support/fake-worker.ts'
import { refuse } from '../../support/fake-worker.ts'
import { createPlanVm } from '../../support/plan-vm.ts'
import { createVm, ended, until } from '../../support/vm.ts'
import type { PlanVm } from '../../support/plan-vm.ts'

async function pausedEnd(vm: PlanVm, plan: FakePlan) {
  await vm.ring()
  await until(ended(plan), 'the pause')
  expect(vm.worker.modelBodies).toEqual([])
  return plan.observed?.end
}

test('a model that does not exist pauses the plan, by name', async () => {
  await using vm = await createPlanVm()
  vm.worker.interceptModels = (response) => refuse(response, 404, 'not_found_error')
  const plan = vm.worker.submit('Work', { model: 'claude-nobody-9' })
  expect(await pausedEnd(vm, plan)).toMatchObject({
    kind: 'paused',
    reason: 'model_unavailable',
    detail: expect.stringContaining('claude-nobody-9'),
  })
})

test('a model that cannot be reached pauses the plan within its patience', async () => {
  await using vm = await createPlanVm({ env: { RALPH_MODEL_PATIENCE_MS: '1000' } })
  vm.worker.interceptModels = (response) => refuse(response, 503, 'overloaded_error')
  const plan = vm.worker.submit('Work')
  expect(await pausedEnd(vm, plan)).toMatchObject({ kind: 'paused', reason: 'model_unavailable' })
})

test('a used-up budget and a missing key pause the plan with their own reasons', async () => {
  await using vm = await createPlanVm()
  vm.worker.interceptModels = (response) => refuse(response, 402, 'budget_exceeded')
  expect(await pausedEnd(vm, vm.worker.submit('Work'))).toMatchObject({ reason: 'budget' })
  vm.worker.interceptModels = (response) => refuse(response, 401, 'authentication_error')
  expect(await pausedEnd(vm, vm.worker.submit('Work more'))).toMatchObject({ reason: 'credential_missing' })
})

test('a push the host would refuse pauses the plan, and nothing is pushed to find out', async () => {
  await using vm = await createPlanVm()
  vm.git('config', 'http.receivepack', 'false')
  const plan = vm.worker.submit('Work\n\n```sh\necho 1 > one\n```\n')
  expect(await pausedEnd(vm, plan)).toMatchObject({ kind: 'paused', reason: 'git_refused' })
  expect(vm.worker.pushes).toEqual([])
  expect(vm.git('for-each-ref', '--format=%(refname)')).toBe('refs/heads/main')
})

test('the model is told how the checks stand before its work, and what they leave behind is no work', async () => {
  await using vm = await createVm()
  const plan = vm.worker.submit('Look', {
    checks: ['echo made > report.xml; echo spoilt >> start.sh', 'test -f one'],
  })
  await vm.ring()
  await until(ended(plan), 'the end of the plan')
  expect(vm.worker.modelBodies[0]).toContain('test -f one: fails already (failed, exit code 1)')
  expect(plan.observed?.end).toMatchObject({ reasons: ['nothing_changed'], work: { diff: { files: 0 } } })
})

test('a repository without a commit passes the preflight and gets its first one on the plan branch', async () => {
  await using vm = await createVm()
  vm.git('update-ref', '-d', 'refs/heads/main')
  const plan = vm.worker.submit('Begin\n\n```sh\necho 1 > one\n```\n')
  await vm.ring()
  await until(ended(plan), 'the end of the plan')
  expect(plan.observed?.end).toMatchObject({
    kind: 'completed',
    outcome: 'unverified',
    reasons: ['no_checks'],
  })
  expect(vm.git('show', `${plan.desired.branch}:one`)).toBe('1')
  expect(vm.git('log', '--format=%s', plan.desired.branch)).toBe('Begin')
  expect(vm.worker.modelBodies[0]).toContain('the branch begins with your first commit')
})
