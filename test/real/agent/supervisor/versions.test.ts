// Deployments seen from the VM: two versions of the Worker at once, a new agent in the middle of a plan, and back again.
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createVm, ended, until } from '../../support/vm.ts'
import type { TestVm } from '../../support/vm.ts'
import type { AgentVersion } from '../../support/agent-delivery.ts'
import type { FakePlan } from '../../support/fake-worker.ts'

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

/** The agent that is there, and the next one. */
function versionsOf(vm: TestVm): [AgentVersion, AgentVersion] {
  const old = readFileSync(join(vm.folder, 'opt/ralph.mjs'))
  const next = Buffer.concat([old, Buffer.from('\n// the next version\n')])
  return [
    { sha256: sha256(old), file: old },
    { sha256: sha256(next), file: next },
  ]
}

/** The agents that spoke, in order, each once while it went on. */
const agentsOf = (vm: TestVm): string[] =>
  vm.worker.syncs.map((sync) => sync.agentSha256).filter((agent, n, all) => agent !== all[n - 1])

const bundleOf = (vm: TestVm): string => sha256(readFileSync(join(vm.folder, 'opt/ralph.mjs')))

/** A command that is counted, and waits to be let go on. */
const counted = (name: string): string =>
  `${name}\n\n\`\`\`sh\necho ran >> ~/count; touch ~/started; for i in $(seq 600); do [ -e ~/go ] && break; sleep 0.05; done\n\`\`\`\n\n\`\`\`sh\necho ran >> ~/count2; echo ${name} > ${name}.txt\n\`\`\`\n`

async function started(vm: TestVm, name: string): Promise<FakePlan> {
  const plan = vm.worker.submit(counted(name))
  await vm.ring()
  await until(() => existsSync(join(vm.home(plan), 'started')), `the start of ${name}`)
  return plan
}

const letGo = (vm: TestVm, plan: FakePlan) => writeFileSync(join(vm.home(plan), 'go'), '')

function expectOnce(vm: TestVm, plan: FakePlan, name: string): void {
  expect(readFileSync(join(vm.home(plan), 'count'), 'utf8')).toBe('ran\n')
  expect(readFileSync(join(vm.home(plan), 'count2'), 'utf8')).toBe('ran\n')
  expect(plan.desired.attempt).toBe(1)
  expect(plan.observed?.end?.kind).toBe('completed')
  expect(vm.git('log', '--format=%s', `main..${plan.desired.branch}`).split('\n')).toEqual([name])
}

test('two versions of the Worker that answer in turn cost one restart, and none flaps', async () => {
  await using vm = await createVm({ env: { RALPH_AGENT_RETRY_MS: '100' } })
  const [old, next] = versionsOf(vm)
  vm.worker.idleSyncMs = 50
  const first = await started(vm, 'one')
  vm.worker.versions = [old, next]
  const before = vm.worker.syncs.length
  await until(() => vm.worker.syncs.length > before + 4, 'both versions to answer')
  // Never under a running plan.
  expect(vm.worker.agentFetches).toEqual([])
  letGo(vm, first)
  await until(ended(first), 'the end of the first plan')
  await until(() => agentsOf(vm).length > 1, 'the next agent')
  const after = vm.worker.syncs.length
  const second = await started(vm, 'two')
  letGo(vm, second)
  await until(ended(second), 'the end of the second plan')
  await until(() => vm.worker.syncs.length > after + 60, 'many more syncs')
  expect(agentsOf(vm)).toEqual([old.sha256, next.sha256])
  expect(vm.worker.agentFetches.filter(({ status }) => status === 200)).toEqual([
    { sha256: next.sha256, status: 200 },
  ])
  expectOnce(vm, first, 'one')
  expectOnce(vm, second, 'two')
})

test('a download that fails is tried again later, not in a loop, and plans go on meanwhile', async () => {
  await using vm = await createVm({ env: { RALPH_AGENT_RETRY_MS: '3000' } })
  const [old, next] = versionsOf(vm)
  vm.worker.idleSyncMs = 50
  vm.worker.agentSha256 = next.sha256
  // Whoever delivers hands out other bytes than those that were named.
  vm.worker.versions = [{ sha256: next.sha256, file: old.file }]
  await vm.ring()
  await until(() => vm.worker.syncs.length > 15, 'some syncs')
  expect(vm.worker.agentFetches.length).toBeLessThanOrEqual(3)
  expect(bundleOf(vm)).toBe(old.sha256)
  const plan = await started(vm, 'meanwhile')
  letGo(vm, plan)
  await until(ended(plan), 'the end of the plan')
  expect(agentsOf(vm)).toEqual([old.sha256])
  vm.worker.versions = [next]
  await until(() => agentsOf(vm).length > 1, 'the next agent')
  expectOnce(vm, plan, 'meanwhile')
})

test('deployed and rolled back in the middle of plans: each ends on the agent it began with, each command runs once', async () => {
  await using vm = await createVm({ env: { RALPH_AGENT_STEADY_MS: '300' } })
  const [old, next] = versionsOf(vm)
  const deploy = ({ sha256: sha, file }: AgentVersion) =>
    Object.assign(vm.worker, { agentSha256: sha, agentFile: file })
  const syncs = async () => {
    const before = vm.worker.syncs.length
    await until(() => vm.worker.syncs.length > before + 4, 'more syncs')
  }
  vm.worker.idleSyncMs = 100
  const first = await started(vm, 'one')
  const supervisor = vm.supervisorPid()
  deploy(next)
  await syncs()
  expect([vm.supervisorPid(), bundleOf(vm)]).toEqual([supervisor, old.sha256])
  letGo(vm, first)
  await until(ended(first), 'the end of the first plan')
  await until(() => agentsOf(vm).length === 2, 'the next agent')
  const second = await started(vm, 'two')
  deploy(old)
  await syncs()
  await new Promise((resolve) => setTimeout(resolve, 400))
  expect(bundleOf(vm)).toBe(next.sha256)
  letGo(vm, second)
  await until(ended(second), 'the end of the second plan')
  await until(() => agentsOf(vm).length === 3, 'the older agent again')
  const third = await started(vm, 'three')
  letGo(vm, third)
  await until(ended(third), 'the end of the third plan')
  expect(agentsOf(vm)).toEqual([old.sha256, next.sha256, old.sha256])
  expectOnce(vm, first, 'one')
  expectOnce(vm, second, 'two')
  expectOnce(vm, third, 'three')
})
