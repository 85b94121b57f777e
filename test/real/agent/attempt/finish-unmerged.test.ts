// What the finish gate makes of work that is not merged, lies beside the branch, or conflicts with a base that moved. Real git; the
// proof is a stand-in that takes everything, so that only the gate can refuse.
import { expect, test } from 'vitest'
import { createGate } from '../../../../agent/attempt/finish-gate.ts'
import { createPlanBench } from '../../support/plan-bench.ts'
import type { PlanBench } from '../../support/plan-bench.ts'

const gateOf = ({ plan }: PlanBench) => {
  plan.journal.append({ kind: 'attempt', attempt: plan.start.attempt })
  plan.prove = () =>
    Promise.resolve({
      kind: 'accepted',
      outcome: 'verified',
      reasons: [],
      proof: 'clean_checkout',
      checks: [],
    })
  return createGate(plan)
}
const finished = ({ plan }: PlanBench) =>
  plan.journal.records().findLast((record) => record.kind === 'finished')

function commit(bench: PlanBench, path: string, content: string): void {
  bench.put(path, content)
  bench.git('add', '-A')
  bench.git('commit', '-q', '-m', path)
}

test('a merge in progress is refused by name; at the second finish it is kept beside the branch, which is delivered unverified', async () => {
  using bench = await createPlanBench({ files: { 'start.sh': 'true\n' } })
  const finish = gateOf(bench)
  const { branch, id } = bench.plan.start
  bench.git('checkout', '-q', '-b', 'other')
  commit(bench, 'start.sh', 'theirs\n')
  const theirs = bench.git('rev-parse', 'HEAD')
  bench.git('checkout', '-q', branch)
  commit(bench, 'start.sh', 'mine\n')
  expect(() => bench.git('merge', 'other')).toThrow('Command failed')
  expect(await finish('Done')).toMatchObject({
    kind: 'rejected',
    text: expect.stringContaining('A merge is in progress'),
  })
  expect(await finish('Done')).toEqual({ kind: 'exhausted' })
  expect(finished(bench)).toMatchObject({ outcome: { reasons: ['unmerged'], proof: 'none' } })
  expect(bench.git('show', 'HEAD:start.sh')).toBe('mine')
  expect(bench.remote('rev-list', `refs/agent/${id}`)).toContain(theirs)
})

test('markers of a conflict that was committed are refused, and taken once they are gone', async () => {
  using bench = await createPlanBench({ files: { 'start.sh': 'true\n' } })
  const finish = gateOf(bench)
  commit(bench, 'style.css', '<<<<<<< HEAD\na {}\n=======\nb {}\n>>>>>>> other\n')
  expect(await finish('Done')).toMatchObject({ text: expect.stringContaining('style.css holds the markers') })
  bench.put('style.css', 'a {}\n')
  expect(await finish('Done')).toEqual({ kind: 'accepted' })
})

test('work beside the branch is told once and counts as no refusal', async () => {
  using bench = await createPlanBench({ files: { 'start.sh': 'true\n' } })
  const finish = gateOf(bench)
  bench.git('checkout', '-q', '-b', 'side')
  commit(bench, 'side.txt', 'x\n')
  bench.git('checkout', '-q', bench.plan.start.branch)
  bench.put('work.txt', 'y\n')
  expect(await finish('Done')).toMatchObject({
    kind: 'rejected',
    text: expect.stringContaining('The local branch side'),
  })
  expect(await finish('Done')).toEqual({ kind: 'accepted' })
})

test('a conflict with the base that moved ends the attempt unverified at the second finish, never accepted on the older base', async () => {
  using bench = await createPlanBench({ files: { 'start.sh': 'true\n' } })
  const finish = gateOf(bench)
  bench.put('start.sh', 'mine\n')
  bench.pushBySomebody({ 'start.sh': 'theirs\n' })
  expect(await finish('Done')).toMatchObject({
    kind: 'rejected',
    text: expect.stringContaining('git rebase'),
  })
  expect(await finish('Done')).toEqual({ kind: 'exhausted' })
  expect(finished(bench)).toMatchObject({ outcome: { reasons: ['unmerged'], proof: 'none' } })
})
