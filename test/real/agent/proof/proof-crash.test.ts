// Whatever dies while a plan's work is being verified, the plan ends as if nothing had: no command of the model's run twice, no
// second push, one proof that counts.
import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { describeWith, needs } from '../../../support/needs.ts'
import type { FakePlan } from '../../support/fake-worker.ts'
import { createVm, ended, patient, until } from '../../support/vm.ts'
import type { TestVm } from '../../support/vm.ts'

const WAIT_MS = 400_000

/** A plan whose check stands still in the proof, once, until it is let go. */
async function startProof(vm: TestVm): Promise<{ plan: FakePlan; go: () => void }> {
  const meet = join(vm.workspace, 'meet')
  mkdirSync(meet)
  chmodSync(meet, 0o1777)
  const check = `test -f count.txt && case $(id -un) in proof-*) touch ${meet}/$$.here; for i in $(seq 600); do [ -e ${meet}/go ] && break; sleep 0.1; done;; esac`
  const plan = vm.worker.submit('Count\n\n```sh\necho ran >> count.txt\n```\n', { checks: [check] })
  await vm.ring()
  await until(() => readdirSync(meet).length > 0, 'the check in the proof', WAIT_MS)
  return { plan, go: () => writeFileSync(join(meet, 'go'), '') }
}

/** The end, when all that must be so after a verified one is so. */
async function verifiedEnd(vm: TestVm, plan: FakePlan) {
  await until(ended(plan), 'the end of the plan', WAIT_MS)
  expect(plan.observed?.end).toMatchObject({
    kind: 'completed',
    outcome: 'verified',
    proof: 'clean_checkout',
  })
  expect(vm.git('show', `${plan.desired.branch}:count.txt`)).toBe('ran')
  expect(vm.git('rev-list', '--count', `main..${plan.desired.branch}`)).toBe('1')
  // One for the proof, to the checkpoint ref, and one to the branch.
  expect(vm.worker.pushes).toHaveLength(2)
  expect(vm.proverPids()).toEqual([])
  expect(existsSync(join(vm.folder, 'home', `proof-${plan.desired.id.slice(-12)}`))).toBe(false)
  return plan.observed?.end
}

const kill = (pid: number | null | undefined) => process.kill(pid ?? 0, 'SIGKILL')

describeWith(needs.ownSandbox(), 'where each plan has a unix user of its own', () => {
  test('a killed prover is started again', async () => {
    await using vm = await createVm()
    const { plan, go } = await startProof(vm)
    kill(vm.proverPids()[0])
    go()
    expect(await verifiedEnd(vm, plan)).toMatchObject({ reasons: [] })
  })

  test('a killed plan process asks again, and its finish is not told to the model as lost', async () => {
    await using vm = await createVm()
    const { plan, go } = await startProof(vm)
    kill(vm.planPids(plan)[0])
    go()
    expect(await verifiedEnd(vm, plan)).toMatchObject({ reasons: [] })
    expect(vm.worker.modelBodies.some((body) => body.includes('it may have run'))).toBe(false)
  })

  test('a killed supervisor leaves no proof behind, and the next one leads it to its end', async () => {
    await using vm = await createVm()
    const { plan, go } = await startProof(vm)
    vm.killRalph()
    await until(() => vm.proverPids().length === 0, 'the end of the prover')
    await vm.ring()
    go()
    expect(await verifiedEnd(vm, plan)).toMatchObject({ reasons: [] })
  })

  test('a stop ends a proof within two seconds, with every process of its user', async () => {
    await using vm = await createVm()
    const { plan } = await startProof(vm)
    Object.assign(plan.desired, { want: 'stop' })
    delete plan.desired.planToken
    vm.worker.touch()
    const stoppedAt = performance.now()
    await vm.ring()
    await until(() => vm.proverPids().length === 0, 'the end of the prover')
    const tookMs = performance.now() - stoppedAt
    expect(tookMs).toBeLessThan(await patient(vm, 4_000))
    await until(ended(plan), 'the end of the plan')
    expect(plan.observed?.end).toMatchObject({ kind: 'stopped' })
  })
})
