// A git host that takes branches only: checkpoints go to the branch without starting CI, and work resumes from there as work.
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startCheckpoints } from '../../agent/checkpoint.ts'
import { commitLeftovers } from '../../agent/commits.ts'
import { pushBranch } from '../../agent/push.ts'
import { createPlanBench } from './support/plan-bench.ts'
import { until } from './support/vm.ts'

test('a host that refuses refs/agent gets checkpoints on the branch, marked [skip ci], which the finished work replaces', async () => {
  using bench = await createPlanBench({
    arrange: (remote) => void remote('config', 'receive.hideRefs', 'refs/agent'),
  })
  const ref = bench.plan.start.branch
  bench.put('half.txt', 'half done')
  const checkpoints = startCheckpoints(bench.plan, 100)
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
