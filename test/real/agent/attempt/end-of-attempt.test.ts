// What the end of an attempt keeps of an unfinished merge, of other branches and of a broken checkout. Real git throughout.
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { keepWork } from '../../../../agent/attempt/deliver.ts'
import { settleUnmerged } from '../../../../agent/attempt/keep-beside.ts'
import { workElsewhere } from '../../../../agent/publish/elsewhere.ts'
import { createPlanBench } from '../../support/plan-bench.ts'
import { atWork, inGit, notices, refOf, remoteFiles } from '../../support/checkout-at-work.ts'

describe('the end of an attempt', () => {
  test('keeps a rebase in progress as it stands, with what it began from, and does not touch the branch', async () => {
    using bench = await atWork()
    const { branch, id } = bench.plan.start
    bench.git('checkout', '-q', '-b', 'other', 'origin/main')
    bench.put('one.txt', 'theirs')
    bench.git('add', 'one.txt')
    bench.git('commit', '-q', '-m', 'Theirs')
    bench.git('checkout', '-q', branch)
    bench.git('add', '-A')
    bench.git('commit', '-q', '-m', 'Two')
    const before = bench.git('rev-parse', branch)
    const pushed = bench.remote('rev-parse', refOf(bench))
    expect(() => bench.git('rebase', 'other')).toThrow('Command failed')
    await keepWork(bench.plan, 'wip: paused', 'push')
    expect(existsSync(inGit(bench, 'rebase-merge'))).toBe(true)
    expect(bench.remote('rev-parse', refOf(bench))).toBe(pushed)
    expect(bench.remote('rev-list', `refs/agent/${id}`)).toContain(before)
    expect(notices(bench)[0]).toContain('A rebase is in progress and is kept as it stands.')
    // When no further finish may come, it is taken back and the branch is whole.
    await settleUnmerged(bench.plan, 'The end')
    expect(existsSync(inGit(bench, 'rebase-merge'))).toBe(false)
    expect(bench.git('rev-parse', 'HEAD')).toBe(before)
  })

  test('keeps other branches and stashes below the checkpoint, where a new machine finds them', async () => {
    using bench = await atWork()
    const { branch, id } = bench.plan.start
    bench.git('add', '-A')
    bench.git('stash', '-q')
    bench.git('checkout', '-q', '-b', 'side')
    bench.put('side.txt', 'x')
    bench.git('add', 'side.txt')
    bench.git('commit', '-q', '-m', 'On the side')
    const side = bench.git('rev-parse', 'HEAD')
    const stash = bench.git('rev-parse', 'stash')
    bench.git('checkout', '-q', branch)
    await keepWork(bench.plan, 'wip: paused', 'push')
    const kept = bench.remote('rev-list', `refs/agent/${id}`)
    expect(kept).toContain(side)
    expect(kept).toContain(stash)
    expect(notices(bench).join()).toContain(`The local branch side (${side.slice(0, 12)})`)
    expect(remoteFiles(bench)).not.toContain('side.txt')
    const checkpoint = bench.remote('rev-parse', `refs/agent/${id}`)
    using anew = await createPlanBench({
      arrange(remote) {
        const from = join(bench.folder, 'upstream.git')
        remote('fetch', '-q', from, `refs/agent/${id}:refs/agent/${id}`, `+refs/heads/*:refs/heads/*`)
      },
      start: { pushedHead: bench.remote('rev-parse', refOf(bench)), checkpointHead: checkpoint },
    })
    expect(anew.git('log', '-1', '--format=%s')).toBe('One')
    expect([anew.git('rev-parse', 'kept-1'), anew.git('rev-parse', 'kept-2')]).toEqual([side, stash])
  })

  test('at a stop, when nothing may be pushed, names what stays on the machine', async () => {
    using bench = await atWork()
    Object.assign(bench.plan.start, { mode: 'stop' })
    mkdirSync(join(bench.folder, 'copy'))
    cpSync(inGit(bench), join(bench.folder, 'copy'), { recursive: true })
    bench.git('checkout', '-q', '-b', 'side')
    bench.git('add', '-A')
    bench.git('commit', '-q', '-m', 'On the side')
    bench.git('checkout', '-q', bench.plan.start.branch)
    await keepWork(bench.plan, 'wip: stopped')
    expect(notices(bench)[0]).toContain('The local branch side')
    expect(notices(bench)[0]).toContain('It stays in the checkout on this machine.')
  })

  test('keeps a merge that cannot be pushed on a local branch, with what was resolved by hand, once', async () => {
    using bench = await createPlanBench({ files: { 'a.txt': 'base\n', 'b.txt': 'base\n' } })
    const { branch } = bench.plan.start
    bench.git('checkout', '-q', '-b', 'other')
    for (const name of ['a.txt', 'b.txt']) bench.put(name, 'theirs\n')
    bench.git('commit', '-q', '-a', '-m', 'Theirs')
    const theirs = bench.git('rev-parse', 'HEAD')
    bench.git('checkout', '-q', branch)
    for (const name of ['a.txt', 'b.txt']) bench.put(name, 'mine\n')
    bench.git('commit', '-q', '-a', '-m', 'Mine')
    rmSync(join(bench.folder, 'x'), { recursive: true })
    // The second time stands for a kill before anything was recorded.
    for (let times = 0; times < 2; times++) {
      expect(() => bench.git('merge', 'other')).toThrow('Command failed')
      bench.put('a.txt', 'both\n')
      await settleUnmerged(bench.plan, 'The end')
    }
    expect(existsSync(inGit(bench, 'MERGE_HEAD'))).toBe(false)
    expect(bench.git('show', 'HEAD:a.txt')).toBe('mine')
    expect(bench.git('show', 'kept-merge:a.txt')).toBe('both')
    expect(bench.git('rev-list', 'kept-merge')).toContain(theirs)
    expect(bench.git('branch', '--list', 'kept-merge-2')).toBe('')
    expect(bench.events.map(({ text }) => text).join()).toContain('Keeping what is not on the branch: ')
    expect((await workElsewhere(bench.plan)).join()).toContain('The local branch kept-merge ')
  })

  test('keeps what a rebase had stashed by itself', async () => {
    using bench = await atWork()
    const { branch, id } = bench.plan.start
    bench.git('checkout', '-q', '-b', 'other', 'origin/main')
    bench.put('one.txt', 'theirs')
    bench.git('add', 'one.txt')
    bench.git('commit', '-q', '-m', 'Theirs')
    bench.git('checkout', '-q', branch)
    bench.put('README.md', 'in the stash')
    expect(() => bench.git('rebase', '--autostash', 'other')).toThrow('Command failed')
    expect(bench.git('status', '--porcelain')).not.toContain('README.md')
    await keepWork(bench.plan, 'wip: paused', 'push')
    const stash = readFileSync(inGit(bench, 'rebase-merge/autostash'), 'utf8').trim()
    expect(bench.remote('rev-list', `refs/agent/${id}`)).toContain(stash)
  })
})
