// What a power cut does to the files of git that name commits, and how they are put right. Real git throughout.
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { putRight } from '../../../../agent/attempt/put-right.ts'
import { commitLeftovers } from '../../../../agent/publish/commits.ts'
import { pushBranch } from '../../../../agent/publish/push.ts'
import { atWork, inGit, notices, remoteFiles } from '../../support/checkout-at-work.ts'

describe('a power cut', () => {
  test('that left the last commit empty loses the commit and none of its files', async () => {
    using bench = await atWork()
    bench.git('add', '-A')
    bench.git('commit', '-q', '-m', 'Two')
    const objects = ['HEAD', 'HEAD^{tree}', 'HEAD:two.txt'].map((name) => bench.git('rev-parse', name))
    for (const object of objects) {
      const file = inGit(bench, 'objects', object.slice(0, 2), object.slice(2))
      rmSync(file)
      writeFileSync(file, '')
    }
    await putRight(bench.plan, 'all')
    await commitLeftovers(bench.plan, 'Two')
    await pushBranch(bench.plan)
    expect(remoteFiles(bench)).toEqual(['README.md', 'one.txt', 'two.txt'])
    expect(notices(bench)).toContainEqual(expect.stringContaining('had no commit any more'))
  })

  test('that left the index broken in the middle of a merge does not end the merge', async () => {
    using bench = await atWork()
    bench.git('checkout', '-q', '-b', 'other', 'origin/main')
    bench.git('commit', '-q', '--allow-empty', '-m', 'Other')
    bench.git('checkout', '-q', bench.plan.start.branch)
    bench.git('merge', '-q', '--no-commit', '--no-ff', 'other')
    writeFileSync(inGit(bench, 'index'), '\0'.repeat(64))
    await putRight(bench.plan, 'all')
    expect(notices(bench)).toEqual([expect.stringContaining('The index of git could not be read')])
    expect(existsSync(inGit(bench, 'MERGE_HEAD'))).toBe(true)
  })
})
