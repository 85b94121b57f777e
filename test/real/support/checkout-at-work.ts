// A checkout with pushed and unpushed work, for tests of what a model does to it.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { putRight } from '../../../agent/attempt/put-right.ts'
import { commitLeftovers } from '../../../agent/publish/commits.ts'
import { pushBranch } from '../../../agent/publish/push.ts'
import { createPlanBench } from './plan-bench.ts'
import type { PlanBench } from './plan-bench.ts'

export const notices = (bench: PlanBench) =>
  bench.events.filter(({ type }) => type === 'notice').map(({ text }) => text)
/** The whole name: the checkpoint ref ends in the same words. */
export const refOf = (bench: PlanBench) => `refs/heads/${bench.plan.start.branch}`
export const inGit = (bench: PlanBench, ...path: string[]) => join(bench.plan.start.checkout, '.git', ...path)
export const remoteFiles = (bench: PlanBench) =>
  bench.remote('ls-tree', '-r', '--name-only', refOf(bench)).split('\n')

/** One commit that is pushed, and a file that is not committed. */
export async function atWork(): Promise<PlanBench> {
  const bench = await createPlanBench({ files: { 'README.md': '1', 'gone.txt': 'x' } })
  bench.put('one.txt', '1')
  await commitLeftovers(bench.plan, 'One')
  await pushBranch(bench.plan)
  bench.put('two.txt', '2')
  rmSync(join(bench.plan.start.checkout, 'gone.txt'))
  return bench
}

/** Puts right, and shows that the work can be delivered with everything that was in the checkout. */
export async function delivers(bench: PlanBench): Promise<void> {
  await putRight(bench.plan, 'all')
  await commitLeftovers(bench.plan, 'Two')
  await pushBranch(bench.plan)
  expect(remoteFiles(bench)).toEqual(['README.md', 'one.txt', 'two.txt'])
  expect(bench.remote('log', '--format=%s', refOf(bench)).split('\n').slice(-2)).toEqual(['One', 'Start'])
  const told = notices(bench).length
  await putRight(bench.plan, 'all')
  expect(notices(bench)).toHaveLength(told)
}
