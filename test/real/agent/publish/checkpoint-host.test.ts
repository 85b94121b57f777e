// A git host that takes branches only: checkpoints go to the branch without starting CI, and work resumes from there as work.
import { renameSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { startCheckpoints } from '../../../../agent/attempt/checkpoint.ts'
import { commitLeftovers } from '../../../../agent/publish/commits.ts'
import { pushBranch } from '../../../../agent/publish/push.ts'
import { createPlanBench } from '../../support/plan-bench.ts'
import { until } from '../../support/vm.ts'

test('a host that refuses refs/agent gets checkpoints on the branch, marked [skip ci], which the finished work replaces', async () => {
  using bench = await createPlanBench({
    arrange: (remote) => void remote('config', 'receive.hideRefs', 'refs/agent'),
    start: { checkpointMs: 100 },
  })
  const ref = bench.plan.start.branch
  bench.put('half.txt', 'half done')
  const checkpoints = startCheckpoints(bench.plan)
  await until(() => bench.events.some(({ text }) => text.startsWith('The work so far')), 'a checkpoint')
  await checkpoints.stop()
  expect(bench.remote('log', '-1', '--format=%s', ref)).toBe('wip: checkpoint [skip ci]')
  expect(bench.events.find(({ type }) => type === 'checkpoint')?.text).toContain('refuses refs/agent/')
  expect(bench.events.filter(({ type }) => type === 'error')).toEqual([])
  const checkpoint = bench.remote('rev-parse', ref)
  await commitLeftovers(bench.plan, 'Work')
  await pushBranch(bench.plan)
  expect(bench.remote('log', '--format=%s', ref).split('\n')).toEqual(['Work', 'Start'])
  // A new machine that finds only the checkpoint goes on with its work uncommitted.
  using anew = await createPlanBench({
    arrange(remote) {
      remote('fetch', '-q', join(bench.folder, 'upstream.git'), `${checkpoint}:refs/heads/${ref}`)
    },
    start: { pushedHead: checkpoint },
  })
  expect(anew.git('log', '-1', '--format=%s')).toBe('Start')
  expect(anew.git('status', '--porcelain')).toBe('?? half.txt')
})

/** No other timer of the agent has these. */
const [INTERVAL_MS, RETRY_MS] = [239_000, 15_000]

test('a checkpoint that fails is tried again after seconds, not after the whole interval', async () => {
  using bench = await createPlanBench({ start: { checkpointMs: INTERVAL_MS } })
  const waits: number[] = []
  const real = globalThis.setTimeout
  const hurried = vi.spyOn(globalThis, 'setTimeout').mockImplementation((act, ms, ...args) => {
    if (ms === INTERVAL_MS || ms === RETRY_MS) waits.push(ms)
    return real(act, ms === INTERVAL_MS || ms === RETRY_MS ? 10 : ms, ...args)
  })
  const address = join(bench.folder, 'x/vm/git/sample.git')
  renameSync(address, `${address}.away`)
  bench.put('half.txt', 'half done')
  const checkpoints = startCheckpoints(bench.plan)
  await until(() => bench.events.some(({ type }) => type === 'error'), 'a failed checkpoint')
  renameSync(`${address}.away`, address)
  await until(() => bench.events.some(({ type }) => type === 'checkpoint'), 'a checkpoint')
  await checkpoints.stop()
  hurried.mockRestore()
  expect(waits.slice(0, 2)).toEqual([INTERVAL_MS, RETRY_MS])
})
